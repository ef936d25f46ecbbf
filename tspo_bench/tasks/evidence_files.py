"""Evidence from a file of its own: what people say a question needs, by question id.

These shapes are read, by their fields:

- KFS-Bench's CSV (arXiv 2512.14017): `id`, `segment_id`, `scene_id`, `start`, `end`, one segment a
  row. Segments of one `scene_id` are one scene; an end covers its whole second, so a second is
  added, as the authors' eval.py (at 0efe1d1) does;
- CG-Bench: `qid` and `clue_intervals`, a list of [start, end];
- ExtremeWhenBench (arXiv 2606.12300): `qid` and `correct_interval`, [start, end];
- LVBench: `uid` and `time_reference`, "00:15-00:19", in its list `qa` of a video;
- ours: `id` and `evidence`, a list of [start, end] or [start, end, scene].

Times are seconds, or clocks (M:SS, H:MM:SS).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.tasks.annotations import read_files, shortened
from tspo_bench.tasks.file_readers import Annotation, Entry
from tspo_bench.tasks.parsers import read_time_reference
from tspo_bench.tasks.values import identifier, is_missing, number_of
from tspo_bench.types import Question, Span

_log = logging.getLogger(__name__)
_FEW = 5  # lines that are reported one by one
_CLOCK = re.compile(r"(?:(\d+):(?=[0-5]?\d:))?(\d{1,3}):([0-5]?\d(?:\.\d+)?)")
_MILLISECONDS = 1000.0


@dataclass(frozen=True)
class EvidenceFile:
    """Evidence by question id.

    Attributes:
        path: the file.
        spans: of each question, in the file's order.
        places: where each question's first span stands.
        problems: rows that cannot be used, each with its place; the whole evidence of their
            questions is left out.
    """

    path: Path
    spans: Mapping[str, tuple[Span, ...]]
    places: Mapping[str, str]
    problems: tuple[str, ...] = ()


def read_evidence(path: Path) -> EvidenceFile:
    """Read an evidence file, by its suffix: .csv, .tsv, .json, .jsonl or .parquet.

    Raises:
        UserError: the file is missing, or no row has one of the known shapes.
    """
    if not path.is_file():
        raise UserError(f"evidence file {path} not found; check the path")
    spans: dict[str, list[Span]] = {}
    places: dict[str, str] = {}
    problems: list[str] = []
    unusable: set[str] = set()
    for entry, _ in read_files([path], "qa"):
        question = ""
        try:
            question, parse = _recognised(entry)
            places.setdefault(question, entry.where)
            spans.setdefault(question, []).extend(parse(entry.record or {}))
        except (ValueError, TypeError) as error:
            problems.append(f"{entry.where}: {shortened(str(error))}")
            unusable.add(question)
    known = {key: tuple(found) for key, found in spans.items() if found and key not in unusable}
    if not known:
        first = f": {problems[0]}" if problems else " is empty"
        raise UserError(f"evidence file {path}{first}")
    return EvidenceFile(path, known, places, tuple(problems))


def with_evidence(
    task: str, questions: Iterable[Question], file: EvidenceFile
) -> Iterator[Question]:
    """Yield the questions with the file's evidence in place of their own; warn of what is odd.

    Raises:
        UserError: the file is for other questions.
    """
    durations: dict[str, float | None] = {}
    for question in questions:
        durations[question.id] = question.duration_seconds
        yield replace(question, evidence=file.spans.get(question.id, ()))
    others = [key for key in file.spans if key not in durations]
    odd = odd_lines(file, durations)
    odd += [f"{file.places[key]}: task {task!r} has no question {key!r}" for key in others]
    for line in few_of(odd):
        _log.warning("evidence file %s, %s", file.path, line)


def odd_lines(file: EvidenceFile, durations: Mapping[str, float | None]) -> list[str]:
    """Describe the lines that cannot be used, and spans that begin behind the end of their video.

    Args:
        file: the evidence.
        durations: the seconds of each question's video, if annotated.

    Raises:
        UserError: the file is for other questions.
    """
    if not any(key in durations for key in file.spans):
        first = next(iter(file.spans))
        raise UserError(
            f"evidence file {file.path} is for other questions: none of the task's "
            f"{len(durations)} is there; the file's first is {first!r} ({file.places[first]})"
        )
    odd = list(file.problems)
    for key, spans in file.spans.items():
        for span in spans:
            length = durations.get(key)
            if length is not None and span.start > length:
                is_thousandfold = span.start / _MILLISECONDS <= length
                hint = (
                    "; times are seconds, these look like milliseconds" if is_thousandfold else ""
                )
                odd.append(
                    f"{file.places[key]}: {span.start:g} s is behind the end of the video of "
                    f"question {key!r} ({length:g} s){hint}"
                )
    return odd


def few_of(lines: Sequence[str]) -> list[str]:
    """The first lines of many, and how many more there are."""
    more = len(lines) - _FEW
    return [*lines[:_FEW], *([f"{more} more such lines"] if more > 0 else [])]


def _recognised(entry: Entry) -> tuple[str, Callable[[Annotation], Iterator[Span]]]:
    """The id of a row's question, and the parser of its evidence.

    Raises:
        ValueError: the row has no known shape, or no id.
    """
    if entry.record is None:
        raise ValueError(entry.problem or "empty")
    for fields, key, parse in _SHAPES:
        if set(fields) <= entry.record.keys():
            if not (question := identifier(entry.record, key, "")):
                raise ValueError(f"{key} is missing")
            return question, parse
    known = "; ".join(f"{key}, {', '.join(fields)}" for fields, key, _ in _SHAPES)
    has = ", ".join(map(str, entry.record)) or "none"
    raise ValueError(f"its fields are {has}; one of these sets is needed: {known}")


def _kfs(record: Annotation) -> Iterator[Span]:
    start, end = read_seconds(record["start"]), read_seconds(record["end"])
    _check_order(start, end)
    yield Span(start, end + 1, scene=str(record["scene_id"]))


def clue_intervals(record: Annotation) -> Iterator[Span]:
    """Yield CG-Bench's clues.

    Raises:
        ValueError: they are not a list of [start, end].
    """
    return _intervals(record["clue_intervals"])


def _correct_interval(record: Annotation) -> Iterator[Span]:
    return _intervals([record["correct_interval"]])


def _time_reference(record: Annotation) -> Iterator[Span]:
    given = record["time_reference"]
    if is_missing(given) or given == "":  # some questions have none
        return
    spans = read_time_reference(given) if isinstance(given, str) else ()
    if not spans:
        raise ValueError(f"time_reference {given!r} is not MM:SS-MM:SS")
    yield from spans


def _own(record: Annotation) -> Iterator[Span]:
    return _intervals(record["evidence"])


def _intervals(given: Any) -> Iterator[Span]:
    try:
        intervals = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        intervals = None
    if not isinstance(intervals, list):
        raise ValueError(f"expected a list of [start, end], got {given!r}")
    for interval in intervals:
        if not isinstance(interval, list | tuple) or len(interval) not in (2, 3):
            raise ValueError(f"expected [start, end] in seconds, got {interval!r}")
        start, end = read_seconds(interval[0]), read_seconds(interval[1])
        _check_order(start, end)
        yield Span(start, end, scene=str(interval[2]) if len(interval) == 3 else None)


def read_seconds(given: Any) -> float:
    """A number, or a clock such as 1:02:03.5, in seconds."""
    clock = _CLOCK.fullmatch(given.strip()) if isinstance(given, str) else None
    if clock:
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    value = number_of(given)
    if value is None:
        raise ValueError(f"{given!r} is not a time in seconds or H:MM:SS")
    return value


def _check_order(start: float, end: float) -> None:
    if end < start:
        raise ValueError(f"the end, {end:g} s, is before the start, {start:g} s")


# The fields of the evidence, the question's id beside them, and the parser; ours comes first, since
# an annotation file of ours may have fields of others.
_SHAPES: tuple[tuple[tuple[str, ...], str, Callable[[Annotation], Iterator[Span]]], ...] = (
    (("evidence",), "id", _own),
    (("scene_id", "start", "end"), "id", _kfs),
    (("clue_intervals",), "qid", clue_intervals),
    (("correct_interval",), "qid", _correct_interval),
    (("time_reference",), "uid", _time_reference),
)
