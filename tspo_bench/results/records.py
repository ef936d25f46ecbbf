"""Records as JSON lines: one line a question, appended as answers come.

A kill may cut the last line: a line counts once its newline is there. Everything before it must be
whole, so a broken line further up is an error and never skipped.
"""

from __future__ import annotations

import functools
import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tspo_bench.errors import UserError
from tspo_bench.types import Record

FORMAT_VERSION = 2  # lines without one are of version 1
_RENAMED = {"seconds": "timestamps", "looked_at": "frames_processed"}  # since version 1
_KEY_OF = {field.name: field.name for field in fields(Record)} | {"visual_input": "seen"}
_KEYS = tuple(_KEY_OF.values())
_SHORTENED = reprlib.Repr()
_SHORTENED.maxstring = _SHORTENED.maxother = 80
_BLANK = Record(question_id="", video="", status="model_error", gold=None)


@functools.cache
def _adapter() -> TypeAdapter[Record]:
    return TypeAdapter(Record)  # takes a tenth of a second to build


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
            f'"{key}": '
            + json.dumps(_plain(getattr(record, name)), sort_keys=True, allow_nan=False)
            for name, key in _KEY_OF.items()
        ]
        line = "{" + ", ".join([f'"format_version": {FORMAT_VERSION}', *parts]) + "}"
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
        visual_input={},
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
    version = content.pop("format_version", 1)
    if version == 1:
        content = {_RENAMED.get(key, key): value for key, value in content.items()}
    elif version != FORMAT_VERSION:
        raise ValueError(f"format_version {shortened(version)}; this version reads 1 and 2")
    try:
        return _adapter().validate_python(content)
    except ValidationError as error:
        raise ValueError(_reason(error, content)) from error


def _reason(error: ValidationError, content: Mapping[str, Any]) -> str:
    """The first fault: unknown keys before missing ones before wrong values."""
    if unknown := sorted(set(content) - set(_KEYS)):
        return f"unknown key {shortened(unknown[0])}; known: {', '.join(_KEYS)}"
    keys = {str(one["loc"][0]): one["type"] for one in error.errors(include_url=False)}
    if missing := sorted(key for key, kind in keys.items() if kind == "missing"):
        return f"lacks key {missing[0]!r}"
    key = next(iter(keys))
    return f"key {key!r} has value {shortened(content[key])}, which a record cannot hold"


def record_schema() -> dict[str, Any]:
    """The JSON schema of a line, as docs/record.schema.json has it."""
    schema = _adapter().json_schema()
    version = {"const": FORMAT_VERSION, "description": "Of this form; lines of 1 have none."}
    schema["properties"] = {"format_version": version, **schema["properties"]}
    return schema


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
        UserError: the file cannot be read, a line is broken, or a question has two answers.
    """
    return read_whole_lines(path)[0]


def read_whole_lines(path: Path) -> tuple[list[Record], int]:
    """The records of a file, and the size of its whole lines in bytes, where appending continues.

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
                f"{path}, line {number} is not a record: {error}; remove the line to have its "
                "question asked again, or start over with --fresh"
            ) from error
        before = records.get(record.question_id)
        if before is not None and not before.failed:
            first = line_of[record.question_id]
            raise UserError(
                f"{path}: question {shortened(record.question_id)} is in line {first} and in "
                f"line {number}; remove one of them, or start over with --fresh"
            )
        records[record.question_id] = record
        line_of[record.question_id] = number
    return list(records.values()), num_bytes
