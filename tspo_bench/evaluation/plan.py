"""From a run's settings to its cells, and to the videos that are left to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tspo_bench.errors import UserError
from tspo_bench.evaluation.budget import Budget
from tspo_bench.evaluation.seeds import Seeded, with_seeds
from tspo_bench.evaluation.settings import RunSettings
from tspo_bench.features.base import FrameEncoder
from tspo_bench.files import user_path
from tspo_bench.mllms.base import MLLM
from tspo_bench.registry import Card, import_object
from tspo_bench.results import (
    CandidateScores,
    CellSettings,
    CellWriter,
    Inputs,
    RunDirectory,
    cell_slug,
)
from tspo_bench.samplers import FrameSampler, load_sampler, with_agent
from tspo_bench.samplers import registry as samplers
from tspo_bench.sources import sources_of
from tspo_bench.specs import is_card_path, is_import_path, parse_spec
from tspo_bench.tasks import Task
from tspo_bench.types import JSON, SEARCHING, Question, Record
from tspo_bench.video.base import READER_VERSION


@dataclass(frozen=True)
class NamedSampler:
    """A sampler with what tables and settings say of it; `seed` if it depends on one."""

    label: str
    seed: int | None
    sampler: FrameSampler
    settings: dict[str, JSON]


class RecordSink(Protocol):
    """Takes records as they are finished."""

    def append(self, record: Record, scores: CandidateScores | None = None) -> None:
        """Add a record, with the scores that the sampler gave the candidates."""
        ...


class NullSink:
    """Keeps no records: for cells whose questions are not put to an MLLM."""

    def append(self, record: Record, scores: CandidateScores | None = None) -> None:
        """See `RecordSink`."""


NULL_SINK = NullSink()


@dataclass(frozen=True)
class OpenCell:
    """What is asked of a sampler with a budget; `label` is the sampler's name in tables."""

    label: str
    sampler: FrameSampler
    budget: Budget
    writer: RecordSink = NULL_SINK


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


def load_samplers(run_settings: RunSettings, task: Task) -> list[NamedSampler]:
    """Every sampler of a run, built for a task: one for each seed that it depends on.

    Raises:
        UserError: a sampler that cannot be built, or two that tables could not tell apart.
    """
    context = {
        "question_ids": task.annotation_ids,
        "device": run_settings.device,
    }
    asked = [*run_settings.samplers, *_bounds(run_settings, task)]
    labels = [parse_spec(text).label for text in asked]
    reject_equal_labels("samplers", asked, labels)
    return [
        _named(label, seeded, run_settings.agent, context)
        for label, text in zip(labels, asked, strict=True)
        for seeded in with_seeds(text, run_settings.agent, run_settings.seeds, context)
    ]


def _bounds(run_settings: RunSettings, task: Task) -> list[str]:
    """The samplers between which all others lie, those that the task can give."""
    if not run_settings.with_bounds:
        return []
    has_evidence = any(question.evidence for question in task.questions())
    bounds = ["blind", *(["oracle"] if has_evidence else [])]
    return [name for name in bounds if name not in run_settings.samplers]


def _named(
    label: str, seeded: Seeded, agent: str | None, context: Mapping[str, Any]
) -> NamedSampler:
    sampler = load_sampler(seeded.spec, seed=seeded.seed or 0, agent=agent, **context)
    spec = with_agent(parse_spec(seeded.spec), agent)
    card = samplers.card(spec)
    settings: dict[str, JSON] = {"class": card.target, "options": dict(card.options)}
    if isinstance(identity := getattr(sampler, "id", None), str):  # of the weights it has
        settings["id"] = identity
    if spec.argument is not None:
        content = user_path(spec.argument).read_bytes()
        settings["file"] = hashlib.sha256(content).hexdigest()
    if sources := _sources(card):
        settings["code"] = sources
    if card.tuned_for:
        settings["tuned_for"] = card.tuned_for
    return NamedSampler(label, seeded.seed, sampler, settings)


def _sources(card: Card) -> dict[str, JSON]:
    """The source of a sampler's class, and of the classes that its options name."""
    found: dict[str, JSON] = {}
    waiting: list[Any] = [card]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Card):
            found |= sources_of(import_object("sampler", one.target))
            waiting += one.options.values()
        elif isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, str) and (inner := _named_class(one)) is not None:
            waiting.append(inner)
    return dict(sorted(found.items()))


def _named_class(text: str) -> Card | None:
    """The class that an option's text names by its import path or a card's path, if it does."""
    try:
        spec = parse_spec(text)
        is_card = is_card_path(spec.name) and user_path(spec.name).is_file()
        return samplers.card(spec) if is_card or is_import_path(spec.name) else None
    except UserError:
        return None


def _of_task(task: Task) -> dict[str, JSON]:
    """The source of a task's class and of the functions that its card names."""
    found: dict[str, JSON] = dict(sources_of(type(task)))
    functions = {"parser": task.parser, "reader": task.rules.extractor}
    for what, target in functions.items():
        if isinstance(target, str):
            found |= sources_of(import_object(what, target))
    return dict(sorted(found.items()))


def reject_equal_labels(kind: str, given: Sequence[str], labels: Sequence[str]) -> None:
    """Reject what tables and cells' folders could not tell apart.

    Raises:
        UserError: two of the labels are equal.
    """
    for label in labels:
        if labels.count(label) > 1:
            raise UserError(
                f"{kind} {', '.join(given)}: two of them are called {label!r} in tables; rename a "
                "file or folder, or run them with different --out"
            )


def cell_settings(
    run_settings: RunSettings,
    task: Task,
    num_questions: int,
    digest: str,
    sampler: NamedSampler,
    model: MLLM,
    budget: Budget,
    encoder: FrameEncoder | None,
) -> dict[str, JSON]:
    """Everything that a cell's records depend on; `digest` is that of the questions asked."""
    settings = known_settings(run_settings, task, sampler, model.name, budget)
    settings |= {
        "limit": run_settings.limit,
        "num_questions": num_questions,
        "questions": digest,
        "model_id": model.id,
        "encoder_id": encoder.id if encoder and SEARCHING & sampler.sampler.needs else None,
    }
    if of_model := sources_of(type(model)):
        settings["model_code"] = dict(of_model)
    shared = [settings.get(key) for key in ("task_code", "model_code")]
    if any(shared):  # one text, for tables to tell apart what may not be compared
        text = json.dumps(shared, sort_keys=True)
        settings["code"] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return settings


def known_settings(
    run_settings: RunSettings, task: Task, sampler: NamedSampler, model: str, budget: Budget
) -> dict[str, JSON]:
    """What is known of a cell's settings before its model and encoder are loaded.

    The settings that say which questions are asked are not among them.
    """
    needs = sampler.sampler.needs
    settings: dict[str, JSON] = {
        "task": task.label,
        "sampler": sampler.label,
        "model": model,
        "frames": budget.frames,
        "protocol": task.rules.title,
        "protocol_hash": task.rules.digest,
        "scoring": {
            "average": task.rules.average,
            "over": task.rules.over,
            "values": list(task.rules.values),
            "unparsed": task.rules.unparsed,
        },
        "answer": run_settings.answer,
        "seed": sampler.seed,
        "sampler_settings": {k: v for k, v in sampler.settings.items() if k != "tuned_for"},
        # What sees nothing of a video has no candidates either.
        "candidate_fps": run_settings.candidate_fps if needs else None,
        "candidates": run_settings.candidates if needs else None,
        "reader": READER_VERSION if needs else None,
    }
    if of_task := _of_task(task):
        settings["task_code"] = of_task
    if budget.visual_tokens is not None:
        settings["visual_tokens"] = budget.visual_tokens
    if task.macro:
        settings["macro"] = task.macro
    if "tuned_for" in sampler.settings:
        settings["tuned_for"] = sampler.settings["tuned_for"]
    return settings


def open_cell(
    run: RunDirectory,
    settings: dict[str, JSON],
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
    seed = settings["seed"]
    assert seed is None or isinstance(seed, int)
    task, label, model = (str(settings[key]) for key in ("task", "sampler", "model"))
    slug = cell_slug(task, label, model, budget.label, seed)
    writer = run.open_cell(slug, settings, fresh=fresh, inputs=inputs)
    slug = writer.folder.name
    return RunCell(
        label,
        sampler,
        budget,
        writer=writer,
        slug=slug,
        settings=CellSettings.model_validate(settings),
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
