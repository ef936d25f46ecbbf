"""Tasks of a run with their questions, the samplers built for them, and the encoder."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tspo_bench import tasks
from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.checks import check_encoder
from tspo_bench.evaluation.named_samplers import (
    NamedSampler,
    load_samplers,
    reject_equal_labels,
)
from tspo_bench.evaluation.settings import BASELINE, RunSettings
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.features.base import FrameEncoder
from tspo_bench.report.baselines import or_only_variant
from tspo_bench.results import Inputs
from tspo_bench.specs import parse_spec
from tspo_bench.tasks import Task, digest_of, limit_questions, with_videos
from tspo_bench.tasks.protocols import AS_PUBLISHED
from tspo_bench.types import SEARCHING, Question


@dataclass(frozen=True)
class TaskPlan:
    """A task of the run, with the questions to ask and the samplers built for it.

    `inputs` hashes what records of these questions are made of now; `digest` is a hash of the
    questions.
    """

    task: Task
    questions: Sequence[Question]
    digest: str
    samplers: Sequence[NamedSampler]
    inputs: Inputs
    left_out: int = 0  # questions whose videos are missing, with `only_present`


def load_tasks(settings: RunSettings) -> list[TaskPlan]:
    """Load the tasks of a run.

    Raises:
        UserError: a task or sampler that cannot be built, or two of one name.
    """
    loaded = tasks.load_tasks(
        settings.tasks,
        data_root=settings.data_root,
        annotations=settings.annotations,
        evidence=settings.evidence,
        split=settings.split,
        protocol=settings.protocol,
        subtitles=settings.subtitles,
        shuffle_options=settings.shuffle_options,
        seed=settings.seeds[0] if settings.seeds else 0,  # one: all cells ask the same questions
    )
    reject_equal_labels("tasks", settings.tasks, [task.label for task in loaded])
    return [_plan(settings, task) for task in loaded]


def check_baseline(baseline: str, plans: Sequence[TaskPlan], others: Iterable[str] = ()) -> str:
    """The label of the sampler that the others are compared with.

    Args:
        baseline: its spec; the default one need not be there.
        plans: their samplers can be the baseline.
        others: labels of further samplers that can be.

    Raises:
        UserError: it is not one of them.
    """
    label = parse_spec(baseline).label
    there = dict.fromkeys([*(named.label for plan in plans for named in plan.samplers), *others])
    found = or_only_variant(label, there)
    if baseline != BASELINE and found not in there:
        raise UserError(f"--baseline {baseline!r} is not one of the samplers: {', '.join(there)}")
    return found


def _plan(settings: RunSettings, task: Task) -> TaskPlan:
    if task.rules is AS_PUBLISHED:
        raise UserError(f"--protocol {task.rules.name} is that of imported answers; use another")
    questions = every = task.questions()
    if settings.only_present:
        questions = with_videos(task, questions)
    left_out = len(every) - len(questions)
    if settings.limit is not None:
        questions = limit_questions(questions, settings.limit)
    samplers = load_samplers(settings, task)
    digests = {question.id: digest_of([question]) for question in questions}
    inputs = Inputs(digests, functools.cache(functools.partial(_video_id, task, FeatureStore())))
    return TaskPlan(task, questions, digest_of(questions), samplers, inputs, left_out)


def _video_id(task: Task, store: FeatureStore, video: str) -> str | None:
    """A hash of a video's file; None where it cannot be read, or the task makes it when needed."""
    if task.makes_videos:
        return None
    try:
        return store.video_id(task.video_path(video))[:16]
    except VideoError:
        return None


def load_run_encoder(settings: RunSettings, plans: Sequence[TaskPlan]) -> FrameEncoder | None:
    """The run's encoder, or None where no sampler searches.

    Raises:
        UserError: an unknown encoder, or a sampler that reads the features of another.
    """
    searching = [
        named for plan in plans for named in plan.samplers if SEARCHING & named.sampler.needs
    ]
    if not searching:
        return None
    encoder = load_encoder(settings.encoder, settings.device)
    for named in searching:
        check_encoder(named.label, named.sampler, encoder)
    return encoder
