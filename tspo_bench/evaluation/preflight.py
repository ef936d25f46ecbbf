"""Checks before models are loaded: which questions are pending, and whether their videos exist."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.named_samplers import NamedSampler
from tspo_bench.evaluation.plan import known_settings
from tspo_bench.evaluation.settings import RunSettings
from tspo_bench.evaluation.task_plan import TaskPlan
from tspo_bench.results import cell_slug, stored_records
from tspo_bench.types import Question

_log = logging.getLogger(__name__)


def pending_questions(
    settings: RunSettings, plan: TaskPlan, model: str | None
) -> Iterator[tuple[NamedSampler, Question]]:
    """The questions that a model has not answered yet, by the run's folder.

    A model whose name is known only once it is built (None) counts as having answered none.

    Raises:
        UserError: the run's run.json is broken.
    """
    for sampler in plan.samplers:
        for budget in settings.budgets:
            done: set[str] = set()
            if model is not None and not settings.fresh:
                slug = cell_slug(plan.task.label, sampler.label, model, budget.label, sampler.seed)
                known = known_settings(settings, plan.task, sampler, model, budget)
                done = set(stored_records(settings.folder, slug, known.to_json(), plan.inputs))
            yield from ((sampler, one) for one in plan.questions if one.id not in done)


def is_finished(settings: RunSettings, plans: Sequence[TaskPlan], model: str | None) -> bool:
    """Whether a model has nothing left to answer in any task."""
    return not any(True for plan in plans for _ in pending_questions(settings, plan, model))


def check_videos(settings: RunSettings, plan: TaskPlan, models: Sequence[str | None]) -> None:
    """Look for the videos of pending questions; warn where some are missing.

    Samplers that need nothing of a video are not asked about, nor tasks that make theirs.

    Raises:
        UserError: all of them are missing.
    """
    task = plan.task
    if task.makes_videos:
        return
    wanted = {
        question.video
        for model in models
        for sampler, question in pending_questions(settings, plan, model)
        if sampler.sampler.needs
    }
    missing = {}
    for video in sorted(wanted):
        try:
            task.video_path(video)
        except VideoError as error:
            missing[video] = str(error)
    if not missing:
        return
    first = next(iter(missing.values()))
    if len(missing) == len(wanted):
        raise UserError(
            f"task {task.label!r}: none of the {len(wanted)} videos found; the "
            f"first: {first}; only --sampler blind needs none"
        )
    _log.warning(
        "task %r: %d of %d videos are missing, and the questions about them will fail; "
        "the first: %s; --only-present asks the rest alone",
        task.label,
        len(missing),
        len(wanted),
        first,
    )
