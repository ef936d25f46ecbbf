"""From a run's settings to its cells, and to the videos that are left to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tspo_bench.evaluation.budget import Budget
from tspo_bench.evaluation.named_samplers import NamedSampler
from tspo_bench.evaluation.settings import RunSettings
from tspo_bench.features.base import FrameEncoder
from tspo_bench.mllms.base import MLLM
from tspo_bench.registry import import_object
from tspo_bench.results import (
    CandidateScores,
    CellSettings,
    CellWriter,
    Inputs,
    RunDirectory,
    cell_slug,
)
from tspo_bench.samplers import FrameSampler
from tspo_bench.sources import sources_of
from tspo_bench.tasks import Task
from tspo_bench.types import JSON, SEARCHING, Question, Record
from tspo_bench.video.base import READER_VERSION


class RecordSink(Protocol):
    """Takes records as they are finished."""

    def append(self, record: Record, scores: CandidateScores | None = None) -> None:
        """Add a record, with the scores that the sampler gave the candidates."""
        ...


@dataclass(frozen=True)
class OpenCell:
    """A sampler with a frame budget.

    `label` is the sampler's name in tables; `writer` takes the records, if an MLLM answers.
    """

    label: str
    sampler: FrameSampler
    budget: Budget
    writer: RecordSink | None = None


@dataclass(frozen=True, kw_only=True)
class RunCell(OpenCell):
    """One cell of the grid, open for writing in a run's folder."""

    writer: CellWriter
    slug: str
    settings: CellSettings

    def pending(self, questions: Sequence[Question]) -> list[Question]:
        """The questions that have no record yet."""
        return [question for question in questions if question.id not in self.writer.done]


@dataclass(frozen=True)
class VideoWork:
    """One video and what is still to be asked about it: (cell, question) pairs."""

    video: str
    jobs: tuple[tuple[OpenCell, Question], ...]


def _of_task(task: Task) -> dict[str, JSON]:
    """The source of a task's class and of the functions that its card names."""
    found: dict[str, JSON] = dict(sources_of(type(task)))
    functions = {"parser": task.parser, "reader": task.rules.extractor}
    for what, target in functions.items():
        if isinstance(target, str):
            found |= sources_of(import_object(what, target))
    return dict(sorted(found.items()))


def cell_settings(
    run_settings: RunSettings,
    task: Task,
    num_questions: int,
    digest: str,
    sampler: NamedSampler,
    model: MLLM,
    budget: Budget,
    encoder: FrameEncoder | None,
) -> CellSettings:
    """Everything that a cell's records depend on; `digest` is that of the questions asked.

    What custom code gives is not checked here, but when the cell is opened.
    """
    known = known_settings(run_settings, task, sampler, model.name, budget)
    asked: dict[str, Any] = {
        "limit": run_settings.limit,
        "num_questions": num_questions,
        "questions": digest,
        "model_id": model.id,
        "encoder_id": encoder.id if encoder and SEARCHING & sampler.sampler.needs else None,
    }
    model_code = dict(sources_of(type(model)))
    if model_code:
        asked["model_code"] = model_code
    if known.task_code or model_code:  # one text, by which tables differ
        shared = [known.task_code or None, model_code or None]
        asked["code"] = hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:12]
    return known.model_copy(update=asked)


def known_settings(
    run_settings: RunSettings, task: Task, sampler: NamedSampler, model: str, budget: Budget
) -> CellSettings:
    """The settings of a cell that are known before its model and encoder are loaded.

    The settings that say which questions are asked are not among them.
    """
    rules, needs = task.rules, sampler.sampler.needs
    settings = CellSettings(
        task=task.label,
        sampler=sampler.label,
        model=str(model),  # a custom model's may be anything
        frames=budget.frames,
        protocol=rules.title,
        protocol_hash=rules.digest,
        scoring={
            "average": rules.average,
            "over": rules.over,
            "values": list(rules.values),
            "unparsed": rules.unparsed,
        },
        answer=run_settings.answer,
        seed=sampler.seed,
        sampler_settings=sampler.settings,
        # What sees nothing of a video has no candidates either.
        candidate_fps=run_settings.candidate_fps if needs else None,
        candidates=run_settings.candidates if needs else None,
        reader=READER_VERSION if needs else None,
    )
    if_any: dict[str, Any] = {
        "task_code": _of_task(task),
        "visual_tokens": budget.visual_tokens,
        "macro": task.macro,
        "tuned_for": sampler.tuned_for,
    }
    return settings.model_copy(update={key: value for key, value in if_any.items() if value})


def open_cell(
    run: RunDirectory,
    settings: CellSettings,
    sampler: FrameSampler,
    budget: Budget,
    inputs: Inputs,
    *,
    fresh: bool,
) -> RunCell:
    """Open the cell of these settings in a run; see `RunDirectory.open_cell`.

    Raises:
        UserError: its records are broken, or another process is writing it.
    """
    label = settings.sampler
    slug = cell_slug(settings.task, label, settings.model, budget.label, settings.seed)
    writer = run.open_cell(slug, settings.to_json(), fresh=fresh, inputs=inputs)
    return RunCell(
        label, sampler, budget, writer=writer, slug=writer.folder.name, settings=settings
    )


def videos_to_do(questions: Sequence[Question], cells: Sequence[RunCell]) -> Iterator[VideoWork]:
    """The videos with pending questions, in the order of their first question."""
    by_video: dict[str, list[Question]] = {}
    for question in questions:
        by_video.setdefault(question.video, []).append(question)
    for video, asked in by_video.items():
        jobs = [(cell, question) for cell in cells for question in cell.pending(asked)]
        if jobs:
            yield VideoWork(video, tuple(jobs))
