"""What comes out before models are loaded: what is left to ask, whether its videos are there."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.asked import Asked
from tspo_bench.evaluation.config import RunConfig
from tspo_bench.evaluation.plan import NamedSampler, known_settings
from tspo_bench.results import cell_slug, stored_records
from tspo_bench.types import Question

_log = logging.getLogger(__name__)


def left_to_ask(
    config: RunConfig, asked: Asked, model: str | None
) -> Iterator[tuple[NamedSampler, Question]]:
    """The questions that a model's cells have no answer to, as the run's folder stands.

    A model that says its name only once it is built (None) is taken to have answered none.

    Raises:
        UserError: the run's run.json is broken.
    """
    for sampler in asked.samplers:
        for budget in config.budgets:
            done: set[str] = set()
            if model is not None and not config.fresh:
                slug = cell_slug(asked.task.label, sampler.label, model, budget.label, sampler.seed)
                known = known_settings(config, asked.task, sampler, model, budget)
                done = set(stored_records(config.folder, slug, known, asked.inputs))
            yield from ((sampler, one) for one in asked.questions if one.id not in done)


def is_finished(config: RunConfig, asked: Sequence[Asked], model: str | None) -> bool:
    """Whether a model has nothing left to answer in any task."""
    return not any(True for one in asked for _ in left_to_ask(config, one, model))


def check_videos(config: RunConfig, asked: Asked, models: Sequence[str | None]) -> None:
    """Look for the videos of what is left to ask; warn where some are missing.

    Samplers that need nothing of a video are not asked about, nor tasks that make theirs.

    Raises:
        UserError: there is none of them.
    """
    task = asked.task
    if task.makes_videos:
        return
    wanted = {
        question.video
        for model in models
        for sampler, question in left_to_ask(config, asked, model)
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
            f"task {task.label!r}: none of the {len(wanted)} videos asked about is there; the "
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
