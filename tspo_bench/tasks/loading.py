"""Tasks by name, and the first N of their questions."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict, Unpack

from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.registry import Registry
from tspo_bench.specs import Spec, is_card_path, parse_spec
from tspo_bench.tasks.base import Task
from tspo_bench.tasks.file_readers import FILE_READERS
from tspo_bench.tasks.protocols import STRICT
from tspo_bench.types import Question, SubtitleMode

registry = Registry("task")
ANNOTATED = "tspo_bench.tasks.annotated:AnnotatedTask"
LMMS = "lmms"
registry.register(
    LMMS, "tspo_bench.lmms.task:LmmsTask", "lmms:NAME, a multiple-choice video task of lmms-eval"
)
_TAKEN = {
    "data_root": "data root",
    "annotations": "annotation file",
    "evidence": "annotated evidence that a file can replace",
    "split": "splits",
    "protocol": "protocols",
    "shuffle_options": "options that can be shuffled",
}


class TaskOptions(TypedDict, total=False):
    """Options of `load_task`, for tasks that take them.

    Attributes:
        data_root: the folder with the benchmark's annotations and videos.
        annotations: the annotation file, if it is elsewhere.
        evidence: a file with the questions' evidence, in place of the annotations' own.
        split: the split; None for the task's default.
        protocol: prompt, answer extraction and average; None for "strict".
        subtitles: "none", "aligned" with the selected frames, or "full", those of the whole video.
        shuffle_options: a seed by which each question's options are put into another order.
        seed: the run's seed, for tasks that make their questions.
    """

    data_root: Path | None
    annotations: Path | None
    evidence: Path | None
    split: str | None
    protocol: str | None
    subtitles: SubtitleMode
    shuffle_options: int | None
    seed: int


def load_task(spec: str, **options: Unpack[TaskOptions]) -> Task:
    """Load a task.

    Args:
        spec: a card's name ("mlvu", "haystack[length=15min]"), a card's path, an annotation file
            (.jsonl, .csv, .tsv, .json, .parquet), or "package.module:Name".
        options: see `TaskOptions`.

    Raises:
        UserError: unknown name, broken card, missing annotation file, or an option that the task
            does not take.
    """
    (task,) = load_tasks([spec], **options)
    return task


def load_tasks(specs: Sequence[str], **options: Unpack[TaskOptions]) -> list[Task]:
    """Load several tasks, each with the options that it takes: see `load_task`.

    Raises:
        UserError: as `load_task`, or an option that none of the tasks takes.
    """
    subtitles, protocol = options.get("subtitles", "none"), options.get("protocol")
    given: dict[str, Any] = {
        "data_root": _path(options.get("data_root")),
        "annotations": _path(options.get("annotations")),
        "evidence": _path(options.get("evidence")),
        "split": options.get("split"),
        "protocol": protocol,
        "shuffle_options": options.get("shuffle_options"),
    }
    offered = {**given, "subtitles": subtitles, "seed": options.get("seed", 0)}
    asked = [_asked(spec, **offered) for spec in specs]
    calls = [registry.prepare(named, **context) for named, context in asked]
    for spec, call in zip(specs, calls, strict=True):
        # A custom task may have only one protocol, which must not pass for another.
        if protocol not in (None, STRICT) and "protocol" not in call.keywords:
            raise UserError(f"task {spec!r} has no protocol {protocol!r}; drop --protocol")
        if subtitles != "none" and "subtitles" not in call.keywords:
            raise UserError(f"task {spec!r} has no subtitles; drop --subtitles {subtitles}")
    for name, value in given.items():
        if value is not None and not any(name in call.keywords for call in calls):
            option = f"--{name.replace('_', '-')}"
            who = f"task {specs[0]!r} has"
            if len(specs) > 1:
                who = f"tasks {', '.join(specs)} have"
            raise UserError(f"{option} {value}: {who} no {_TAKEN[name]}; drop {option}")
    return [_created(named, context) for named, context in asked]


def _path(given: Path | None) -> Path | None:
    return None if given is None else user_path(given)


def _created(named: Spec, context: Mapping[str, Any]) -> Task:
    task = registry.create(named, **context)
    if not isinstance(task, Task):
        raise UserError(
            f"task {named.label!r}: {type(task).__name__} must inherit from tspo_bench.Task"
        )
    return task


def is_annotation_file(spec: str) -> bool:
    """Whether a task's spec is an annotation file, which has no splits."""
    return Path(parse_spec(spec).name).suffix.lower() in FILE_READERS


def _asked(spec: str, *, annotations: Path | None, **given: Any) -> tuple[Spec, dict[str, Any]]:
    """Return the spec to create and the context that its class is offered."""
    parsed = _parse(spec)
    path = user_path(parsed.name)
    is_file = is_annotation_file(spec)
    if is_file and annotations is not None:
        raise UserError(f"task {spec!r} is an annotation file; give it without --annotations")
    if is_file:
        annotations = path
    if annotations is not None and not os.path.isfile(annotations):
        raise UserError(f"task {spec!r}: annotation file {annotations} not found; check its path")
    named = Spec(ANNOTATED, parsed.options) if is_file else parsed
    context = {
        **given,
        "name": path.stem if is_file else registry.card(parsed).name,
        "annotations": annotations,
        "beside": path.parent if is_card_path(parsed.name) else None,
        "variant": parsed.options,
    }
    return named, context


def _parse(text: str) -> Spec:
    """Parse a spec; "lmms:NAME" is never an attribute of a local package of that name."""
    spec = parse_spec(text)
    package, _, name = spec.name.partition(":")
    return Spec(LMMS, spec.options, name) if package == LMMS and name else spec


def limit_questions(questions: Sequence[Question], n: int) -> list[Question]:
    """Return the first `n` of a fixed shuffle of the questions, in annotation order.

    The shuffle sorts by the SHA-256 of the id, so it depends neither on a seed nor on a library
    version, and smaller limits give subsets of larger ones.

    Raises:
        UserError: n is below 1.
    """
    if n < 1:
        raise UserError(f"--limit must be >= 1 (got {n})")
    ids = sorted((q.id for q in questions), key=lambda id_: hashlib.sha256(id_.encode()).digest())
    chosen = set(ids[:n])
    return [question for question in questions if question.id in chosen]


def digest_of(questions: Sequence[Question]) -> str:
    """Return a hash of all fields of questions, annotations too, since prompts may quote them."""
    rows = [asdict(question) for question in questions]
    for row in rows:
        if row["frame_rate"] is None:  # a newer field: older runs can still be resumed
            del row["frame_rate"]
        if not row["option_order"]:  # likewise
            del row["option_order"]
        for span in row["evidence"]:
            if span["scene"] is None:  # likewise
                del span["scene"]
    # Of values that JSON cannot hold (pictures) the type is hashed.
    content = json.dumps(rows, sort_keys=True, default=lambda value: type(value).__name__)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def videos_of(questions: Iterable[Question]) -> dict[str, list[str]]:
    """Return every video with the ids of its questions, both in annotation order."""
    ids: dict[str, list[str]] = {}
    for question in questions:
        ids.setdefault(question.video, []).append(question.id)
    return ids
