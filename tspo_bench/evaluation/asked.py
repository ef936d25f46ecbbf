"""What a run asks: tasks with their questions, the samplers built for them, and the encoder."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.checks import check_encoder
from tspo_bench.evaluation.config import BASELINE, RunConfig
from tspo_bench.evaluation.plan import (
    NamedSampler,
    load_samplers,
    refuse_equal_labels,
)
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.features.base import FrameEncoder
from tspo_bench.report.rows import or_only_variant
from tspo_bench.results import Inputs
from tspo_bench.specs import parse_spec
from tspo_bench.tasks import Task, digest_of, limit_questions, load_tasks, with_videos
from tspo_bench.types import SEARCHING, Question


@dataclass(frozen=True)
class Asked:
    """A task of the run, with the questions that are asked and the samplers built for it.

    `inputs` says what records of these questions are made of now.
    """

    task: Task
    questions: Sequence[Question]
    digest: str
    samplers: Sequence[NamedSampler]
    inputs: Inputs
    left_out: int = 0  # questions whose videos are missing, with `only_present`


def load_asked(config: RunConfig) -> list[Asked]:
    """The tasks of a run.

    Raises:
        UserError: a task or sampler that cannot be built, or two that tables could not tell apart.
    """
    loaded = load_tasks(
        config.tasks,
        data_root=config.data_root,
        annotations=config.annotations,
        split=config.split,
        protocol=config.protocol,
        subtitles=config.subtitles,
        seed=config.seeds[0] if config.seeds else 0,  # one: all cells ask the same questions
    )
    refuse_equal_labels("tasks", config.tasks, [task.label for task in loaded])
    return [_asked(config, task) for task in loaded]


def check_baseline(baseline: str, asked: Sequence[Asked], others: Iterable[str] = ()) -> str:
    """The label of the sampler that the others are compared with.

    Args:
        baseline: its spec; the default one need not be there.
        asked: its samplers can be the baseline.
        others: labels of further samplers that can be.

    Raises:
        UserError: it is none of them.
    """
    label = parse_spec(baseline).label
    there = dict.fromkeys([*(named.label for one in asked for named in one.samplers), *others])
    found = or_only_variant(label, there)
    if baseline != BASELINE and found not in there:
        raise UserError(f"--baseline {baseline!r} is none of the samplers: {', '.join(there)}")
    return found


def _asked(config: RunConfig, task: Task) -> Asked:
    questions = every = task.questions()
    if config.only_present:
        questions = with_videos(task, questions)
    left_out = len(every) - len(questions)
    if config.limit is not None:
        questions = limit_questions(questions, config.limit)
    samplers = load_samplers(config, task)
    digests = {question.id: digest_of([question]) for question in questions}
    inputs = Inputs(digests, functools.cache(functools.partial(_video_id, task, FeatureStore())))
    return Asked(task, questions, digest_of(questions), samplers, inputs, left_out)


def _video_id(task: Task, store: FeatureStore, video: str) -> str | None:
    """A hash of a video's file; None where it cannot be read, or the task makes it when needed."""
    if task.makes_videos:
        return None
    try:
        return store.video_id(task.video_path(video))[:16]
    except VideoError:
        return None


def load_run_encoder(config: RunConfig, asked: Sequence[Asked]) -> FrameEncoder | None:
    """The run's encoder, or None where no sampler searches.

    Raises:
        UserError: there is no such encoder, or a sampler reads features of another.
    """
    searching = [
        named for one in asked for named in one.samplers if SEARCHING & named.sampler.needs
    ]
    if not searching:
        return None
    encoder = load_encoder(config.encoder, config.device)
    for named in searching:
        check_encoder(named.label, named.sampler, encoder)
    return encoder
