"""From a name to a task, and from all its questions to the first N."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.registry import Registry
from tspo_bench.specs import Spec, is_card_path, parse_spec
from tspo_bench.tasks.base import Task
from tspo_bench.tasks.file_readers import FILE_READERS
from tspo_bench.tasks.protocols import STRICT
from tspo_bench.types import Question, SubtitleMode

registry = Registry("task")
OWN_DATA = "tspo_bench.tasks.annotated:AnnotatedTask"
LMMS = "lmms"
registry.register(
    LMMS, "tspo_bench.lmms.task:LmmsTask", "lmms:NAME, a multiple-choice video task of lmms-eval"
)


def load_task(
    spec: str,
    *,
    data_root: Path | None = None,
    annotations: Path | None = None,
    split: str | None = None,
    protocol: str | None = None,
    subtitles: SubtitleMode = "none",
    seed: int = 0,
) -> Task:
    """The task that `spec` names.

    Args:
        spec: a card's name ("mlvu", "haystack[length=15min]"), a card's path, an annotation file of
            one's own (.jsonl, .csv, .tsv, .json, .parquet), or "package.module:Name".
        data_root: the folder with the benchmark's annotations and videos.
        annotations: the annotation file, where it lies elsewhere.
        split: the split, for tasks with several; None for the task's default.
        protocol: how to ask, read and average; None for "strict".
        subtitles: which of them the model is shown: "none", "aligned" with the chosen frames, or
            "full", those of the whole video.
        seed: the run's seed, for tasks that make their questions.

    Raises:
        UserError: unknown name, broken card, missing annotation file, or something given that the
            task does not take.
    """
    (task,) = load_tasks(
        [spec],
        data_root=data_root,
        annotations=annotations,
        split=split,
        protocol=protocol,
        subtitles=subtitles,
        seed=seed,
    )
    return task


def load_tasks(
    specs: Sequence[str],
    *,
    data_root: Path | None = None,
    annotations: Path | None = None,
    split: str | None = None,
    protocol: str | None = None,
    subtitles: SubtitleMode = "none",
    seed: int = 0,
) -> list[Task]:
    """Several tasks, each with what it takes of the arguments: see `load_task`.

    Raises:
        UserError: as `load_task`, or none of the tasks takes something that is given.
    """
    given: dict[str, Any] = {
        "data_root": None if data_root is None else user_path(data_root),
        "annotations": None if annotations is None else user_path(annotations),
        "split": split,
        "protocol": protocol,
    }
    asked = [_asked(spec, seed=seed, subtitles=subtitles, **given) for spec in specs]
    calls = [registry.prepare(named, **offered) for named, offered in asked]
    for spec, call in zip(specs, calls, strict=True):
        # A task of one's own may know one way to ask only: another must not be taken for it.
        if protocol not in (None, STRICT) and "protocol" not in call.keywords:
            raise UserError(f"task {spec!r} has no protocol {protocol!r}; drop --protocol")
        if subtitles != "none" and "subtitles" not in call.keywords:
            raise UserError(f"task {spec!r} has no subtitles; drop --subtitles {subtitles}")
    for name, value in given.items():
        if value is not None and not any(name in call.keywords for call in calls):
            raise UserError(
                f"--{name.replace('_', '-')} {value}: {_does_not_take(specs)} {_TAKEN[name]}; drop "
                f"--{name.replace('_', '-')}"
            )
    return [_created(named, offered) for named, offered in asked]


def _created(named: Spec, offered: Mapping[str, Any]) -> Task:
    task = registry.create(named, **offered)
    if not isinstance(task, Task):
        raise UserError(
            f"task {named.label!r}: {type(task).__name__} must inherit from tspo_bench.Task"
        )
    return task


_TAKEN = {
    "data_root": "data root",
    "annotations": "annotation file",
    "split": "splits",
    "protocol": "protocols",
}


def _does_not_take(specs: Sequence[str]) -> str:
    return f"task {specs[0]!r} has no" if len(specs) == 1 else f"tasks {', '.join(specs)} have no"


def is_annotation_file(spec: str) -> bool:
    """Whether a task is an annotation file of one's own, which has no splits."""
    return Path(parse_spec(spec).name).suffix.lower() in FILE_READERS


def _asked(spec: str, *, annotations: Path | None, **given: Any) -> tuple[Spec, dict[str, Any]]:
    """What to create, and what its class is offered."""
    parsed = _parse(spec)
    path = user_path(parsed.name)
    is_own_file = is_annotation_file(spec)
    if is_own_file and annotations is not None:
        raise UserError(f"task {spec!r} is an annotation file; give it without --annotations")
    if is_own_file:
        annotations = path
    if annotations is not None and not os.path.isfile(annotations):
        raise UserError(f"task {spec!r}: there is no annotation file {annotations}; check its path")
    named = Spec(OWN_DATA, parsed.options) if is_own_file else parsed
    offered = {
        **given,
        "name": path.stem if is_own_file else registry.card(parsed).name,
        "annotations": annotations,
        "beside": path.parent if is_card_path(parsed.name) else None,
        "variant": parsed.options,
    }
    return named, offered


def _parse(text: str) -> Spec:
    """A task's spec. What follows "lmms:" is not an attribute of a local package of that name."""
    spec = parse_spec(text)
    package, _, name = spec.name.partition(":")
    return Spec(LMMS, spec.options, name) if package == LMMS and name else spec


def limit_questions(questions: Sequence[Question], n: int) -> list[Question]:
    """The first `n` of a fixed shuffle of the questions, in annotation order.

    The shuffle sorts by the SHA-256 of the id: it depends on no seed or library version, and a
    smaller limit asks a part of what a larger one asks.

    Raises:
        UserError: n is below 1.
    """
    if n < 1:
        raise UserError(f"--limit must be >= 1 (got {n})")
    chosen = set(sorted((question.id for question in questions), key=_digest)[:n])
    return [question for question in questions if question.id in chosen]


def digest_of(questions: Sequence[Question]) -> str:
    """A hash of all that questions hold."""
    # The annotations too: prompts may quote them. Of what JSON cannot hold (pictures), the kind.
    rows = [asdict(question) for question in questions]
    for row in rows:
        if row["frame_rate"] is None:  # runs that were begun before there was this field go on
            del row["frame_rate"]
    content = json.dumps(rows, sort_keys=True, default=lambda value: type(value).__name__)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def videos_of(questions: Iterable[Question]) -> dict[str, list[str]]:
    """Every video with the ids of its questions, both in annotation order."""
    ids: dict[str, list[str]] = {}
    for question in questions:
        ids.setdefault(question.video, []).append(question.id)
    return ids


def _digest(question_id: str) -> bytes:
    return hashlib.sha256(question_id.encode()).digest()
