"""Records as JSON lines: one line a question, appended as answers come.

A kill may cut the last line: a line counts once its newline is there. Everything before it must be
whole, so a broken line further up is an error and never skipped.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, get_args

from tspo_bench.errors import UserError
from tspo_bench.types import AnswerMode, Record, Status

_MOST = 1e12  # larger numbers are no run's, and their sums may overflow
_SHORTENED = reprlib.Repr()
_SHORTENED.maxstring = _SHORTENED.maxother = 80
_BLANK = Record(question_id="", video="", status="model_error", gold=None)
_REQUIRED = {
    field.name
    for field in fields(Record)
    if field.default is MISSING and field.default_factory is MISSING
}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST


def _is_number(value: Any) -> bool:
    return _is_count(value) or (isinstance(value, float) and abs(value) <= _MOST)


def _is_finite(value: Any) -> bool:
    return _is_count(value) or (isinstance(value, float) and math.isfinite(value))


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_span(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _mapping_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _optional(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "question_id": _is_text,
    "video": _is_text,
    "status": lambda value: value in get_args(Status),
    "gold": _optional(_is_text),
    "letter": _optional(_is_text),
    "correct": lambda value: isinstance(value, bool),
    "reply": _optional(_is_text),
    "truncated": lambda value: isinstance(value, bool),
    "frames": _list_of(_is_count),
    "seconds": _list_of(_is_number),
    "num_candidates": _optional(_is_count),
    "num_filled": _is_count,
    "looked_at": _mapping_of(_is_count),
    "evidence_recall": _optional(_is_share),
    "evidence": _list_of(_is_span),
    "duration_seconds": _optional(_is_number),
    "groups": _mapping_of(_is_text),
    "notes": _is_mapping,
    "error": _optional(_is_text),
    "protocol": _optional(_is_text),
    "mode": lambda value: value in get_args(AnswerMode),
    "guessed": lambda value: isinstance(value, bool),
    "option_logprobs": _optional(_mapping_of(_is_finite)),
    "seen": _mapping_of(_is_count),
    "usage": _mapping_of(_is_count),
    "inputs": _mapping_of(_is_text),
    "timing": _mapping_of(_is_number),
}


def record_to_line(record: Record) -> str:
    """A record as one line of JSON, without the newline.

    The keys stand in the order of `Record`'s fields, those of inner mappings sorted, so equal
    records give equal lines.

    Raises:
        ValueError: the record holds an infinite number, NaN, what JSON cannot hold, or what
            `record_from_line` does not accept.
    """
    try:
        parts = [
            f'"{field.name}": '
            + json.dumps(_plain(getattr(record, field.name)), sort_keys=True, allow_nan=False)
            for field in fields(Record)
        ]
        line = "{" + ", ".join(parts) + "}"
        record_from_line(line)  # what is written can be read
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"record of question {record.question_id!r}: {error}") from error
    return line


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def kept_record(record: Record) -> Record:
    """The record, or one of the failure, where a file could not hold it or it not be read again.

    Models and samplers of others may give numbers or texts that no record can hold. That costs
    their question, and neither the run nor its report.
    """
    try:
        record_to_line(record)
    except ValueError as error:
        reason = f"its record cannot be kept: {error.__cause__ or error}"
        unanswered = _without_answer(record, reason)
        try:
            record_to_line(unanswered)
        except ValueError:
            return replace(_BLANK, **_identity(record), status=unanswered.status, error=reason)
        return unanswered
    return record


def _without_answer(record: Record, reason: str) -> Record:
    """The record with what was selected, and a failure where the answer was."""
    return replace(
        record,
        status=record.status if record.failed else "model_error",
        error=reason,
        letter=None,
        correct=False,
        reply=None,
        truncated=False,
        guessed=False,
        option_logprobs=None,
        seen={},
        usage={},
    )


def _identity(record: Record) -> dict[str, Any]:
    """The question and how it was asked, in types that a file can hold."""
    names = ("question_id", "video", "gold", "protocol", "mode")
    groups = {str(key): str(value) for key, value in record.groups.items()}
    return {"groups": groups, **{name: getattr(record, name) for name in names}}


def record_from_line(line: str) -> Record:
    """The record that `record_to_line` wrote: equal to the one that went in.

    Raises:
        ValueError: not JSON, an unknown or missing key, or a value of the wrong type.
    """
    try:
        content = json.loads(line, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(content, dict):
        raise ValueError(f"a record is a JSON object, got {type(content).__name__}")
    if unknown := sorted(set(content) - set(_CHECKS)):
        raise ValueError(f"unknown key {shortened(unknown[0])}; known: {', '.join(_CHECKS)}")
    if missing := sorted(_REQUIRED - set(content)):
        raise ValueError(f"lacks key {missing[0]!r}")
    for key, value in content.items():
        if not _CHECKS[key](value):
            raise ValueError(
                f"key {key!r} has value {shortened(value)}, which a record cannot hold"
            )
    lists = {key: tuple(value) for key, value in content.items() if isinstance(value, list)}
    lists["evidence"] = tuple(map(tuple, content.get("evidence", [])))
    return Record(**{**content, **lists})


def shortened(value: object) -> str:
    """A value of a file in a message: printable, and of some length."""
    return _SHORTENED.repr(value)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_constant(text)


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a finite number")


def read_records(path: Path) -> list[Record]:
    """The records of a file, in its order; a last line cut by a kill is left out.

    A failed question may be asked again: its later record takes the earlier one's place.

    Raises:
        UserError: the file cannot be read, a line is broken, or a question id stands twice.
    """
    return read_whole_lines(path)[0]


def read_whole_lines(path: Path) -> tuple[list[Record], int]:
    """The records of a file, and how many bytes its whole lines take: where appending may go on.

    Raises:
        UserError: as `read_records`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read records {path}: {error.strerror}") from error
    num_bytes = content.rfind(b"\n") + 1
    records: dict[str, Record] = {}
    line_of: dict[str, int] = {}
    for number, line in enumerate(content[:num_bytes].split(b"\n")[:-1], start=1):
        try:
            record = record_from_line(line.decode("utf-8"))
        except ValueError as error:
            raise UserError(
                f"{path}, line {number} is no record: {error}; remove the line to have its "
                "question asked again, or start over with --fresh"
            ) from error
        before = records.get(record.question_id)
        if before is not None and not before.failed:
            first = line_of[record.question_id]
            raise UserError(
                f"{path}: question {shortened(record.question_id)} stands in line {first} and in "
                f"line {number}; remove one of them, or start over with --fresh"
            )
        records[record.question_id] = record
        line_of[record.question_id] = number
    return list(records.values()), num_bytes
