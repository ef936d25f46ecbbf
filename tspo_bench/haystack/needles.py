"""Needles: clips with questions about them, read from a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError, VideoError
from tspo_bench.registry import did_you_mean
from tspo_bench.tasks.base import Skipped
from tspo_bench.tasks.evidence_files import read_seconds
from tspo_bench.tasks.file_readers import Annotation, Entry, read_entries
from tspo_bench.tasks.parsers import generic, read_time_reference
from tspo_bench.tasks.values import is_missing, listed, present, text_of
from tspo_bench.types import OPTION_LETTERS, Question, Span
from tspo_bench.video.edit_reader import clip_facts

_FIELDS = ("id", "clip", "question", "options", "answer", "span", "depth", "depths", "groups")


@dataclass(frozen=True)
class Needle:
    """A clip and a question about it.

    Attributes:
        where: its place in the file ("needles.jsonl line 3").
        name: the clip as the file names it.
        path: the clip's file.
        seconds: how long the clip lasts, rounded up.
        question: with the clip as its video and the evidence in the clip's time.
        depths: the depths of its own, from 0 to 1; empty for the task's.
    """

    where: str
    name: str
    path: Path
    seconds: int
    question: Question
    depths: tuple[float, ...]


def read_needles(path: Path) -> tuple[list[Needle], list[Skipped]]:
    """Read a needles file; clips lie beside it. Unusable needles are returned with the reason.

    Raises:
        UserError: the file is missing or unreadable, an id occurs twice, or no needle can be used.
    """
    if not path.is_file():
        raise UserError(f"needles file {path} not found; check its path")
    needles: list[Needle] = []
    skipped: list[Skipped] = []
    places: dict[str, str] = {}
    for entry in read_entries(path):
        try:
            needle = _needle(entry, path)
        except KeyError as error:
            skipped.append(Skipped(entry.where, f"no field {error}"))
            continue
        except (ValueError, TypeError, VideoError) as error:
            skipped.append(Skipped(entry.where, str(error)))
            continue
        if (id_ := needle.question.id) in places:
            raise UserError(
                f"needles file {path}: id {id_!r} is used twice, at {places[id_]} and "
                f"{entry.where}; give every needle its own id"
            )
        places[id_] = entry.where
        needles.append(needle)
    if not needles:
        first = f"; {skipped[0].where}: {skipped[0].reason}" if skipped else ""
        raise UserError(f"needles file {path}: none of {len(skipped)} needles can be used{first}")
    return needles, skipped


def checked_depths(given: Any) -> tuple[float, ...]:
    """Depths from 0 to 1, of a number or a list of them.

    Raises:
        ValueError: one is something else, or is given twice.
    """
    values = given if isinstance(given, list | tuple) else [given]
    depths = [_depth(value) for value in values]
    if not depths:
        raise ValueError("no depth is given; depths are shares of the length, from 0 to 1")
    for depth in depths:
        if depths.count(depth) > 1:
            raise ValueError(f"depth {depth:g} is given twice")
    return tuple(depths)


def _depth(given: Any) -> float:
    try:
        value = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value <= 1:
        hint = f"; for {value:g}% write {value / 100:g}" if 1 < value <= 100 else ""
        raise ValueError(f"depth must be a share of the length, from 0 to 1, got {given!r}{hint}")
    return round(value, 6)  # as its name, a percentage, shows it


def _needle(entry: Entry, file: Path) -> Needle:
    if entry.record is None:
        raise ValueError(entry.problem or "empty")
    record = present(entry.record)
    _check_fields(record)
    name = text_of(record, "clip")
    question = generic({**record, "video": name}, f"{file.stem}-{entry.number}")
    path = (file.parent / name).resolve()
    duration = clip_facts(path).info.duration_seconds
    return Needle(
        where=entry.where,
        name=name,
        path=path,
        seconds=max(1, math.ceil(duration - 1e-6)),
        question=Question(
            id=question.id,
            video=name,
            text=question.text,
            options=question.options,
            answer=question.answer,
            groups=question.groups,
            evidence=(_span(record.get("span"), duration),),
        ),
        depths=_own_depths(record),
    )


def _check_fields(record: Annotation) -> None:
    """Raise ValueError for a field that would have no effect."""
    for field in record:
        if field not in (*_FIELDS, *OPTION_LETTERS) and not field.startswith("groups."):
            hint = did_you_mean(field, _FIELDS)
            raise ValueError(f"unknown field {field!r}; {hint}known: {', '.join(_FIELDS)}")


def _own_depths(record: Mapping[str, Any]) -> tuple[float, ...]:
    if "depth" in record and "depths" in record:
        raise ValueError("both depth and depths are given; give one of them")
    given = record.get("depths", record.get("depth"))
    if given is None:
        return ()
    return checked_depths(listed(given, "depths") if isinstance(given, str) else given)


def _span(given: Any, duration: float) -> Span:
    """The evidence in the clip's time: `span`, or all of the clip."""
    if is_missing(given):
        return Span(0.0, duration)
    start, end = _ends(given)
    if end < start:
        raise ValueError(f"span {given!r}: the end, {end:g} s, is before the start, {start:g} s")
    if end > duration + 1:
        raise ValueError(
            f"span {given!r} ends at {end:g} s, but the clip lasts {duration:g} s; spans are "
            "seconds of the clip"
        )
    return Span(start, min(end, duration))


def _ends(given: Any) -> Sequence[float]:
    """Start and end of [start, end], of its JSON, or of "0:05-0:09"."""
    if isinstance(given, str) and not given.strip().startswith("["):
        if spans := read_time_reference(given):
            return spans[0].start, spans[0].end
    else:
        ends = json.loads(given) if isinstance(given, str) else given
        if isinstance(ends, list | tuple) and len(ends) == 2:
            return [read_seconds(one) for one in ends]
    raise ValueError(f"span must be [start, end] in seconds of the clip, got {given!r}")
