"""File readers: JSON (lines), CSV, TSV, parquet and hub datasets into records with their place."""

from __future__ import annotations

import csv
import functools
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.tasks.values import MISSING_TEXTS

Annotation = Mapping[str, Any]
_FLOAT_ID = re.compile(rf"\d+\.0|{'|'.join(MISSING_TEXTS)}")
_MOST_LEVELS = 100  # of nested lists and objects; their users are recursive


@dataclass(frozen=True)
class Entry:
    """A record of an annotation file, or the `problem` that makes it unreadable.

    `where` is its place in messages ("my.csv line 3"); `number` counts lines or items from 1.
    """

    where: str
    number: int
    record: Annotation | None
    problem: str | None = None


def read_entries(path: Path) -> Iterator[Entry]:
    """Read the annotations of a file, by its suffix; an unreadable line is an entry of its own.

    Raises:
        UserError: the file is missing, unreadable as a whole, or of an unknown kind.
    """
    reader = FILE_READERS.get(path.suffix.lower())
    if reader is None:
        kinds = ", ".join(FILE_READERS)
        raise UserError(f"annotation file {path} is of an unknown kind; known: {kinds}")
    try:
        yield from reader(path)
    except OSError as error:
        raise UserError(f"cannot read annotation file {path}: {error.strerror or error}") from error
    except csv.Error as error:
        raise UserError(f"annotation file {path} is not valid CSV: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"annotation file {path} is not UTF-8: {error}; save it as UTF-8"
        ) from error


def load_hub(dataset: Mapping[str, Any]) -> Iterator[Entry]:
    """Read a Hugging Face dataset; `dataset` holds the arguments of `datasets.load_dataset`.

    Raises:
        UserError: the dataset does not exist or cannot be reached.
    """
    import datasets

    try:
        rows = datasets.load_dataset(**dataset)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"dataset {dataset['path']!r} cannot be loaded: {reason}") from error
    yield from entries_of(rows, f"{dataset['path']} row")


def _read_json(path: Path) -> Iterator[Entry]:
    text = path.read_text(encoding="utf-8-sig")
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise UserError(
            f"annotation file {path} is not valid JSON: {error.msg}, {place}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"annotation file {path} cannot be read: {_unreadable(error)}") from error
    if not isinstance(content, list):
        raise UserError(f"annotation file {path} must hold a list, got {type(content).__name__}")
    return entries_of(content, f"{path.name} item")


def _read_json_lines(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path.name} line {number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                record = json.loads(text) if text.strip() else None
            except json.JSONDecodeError as error:
                problem = f"not valid JSON: {error.msg} at column {error.colno}"
                yield Entry(where, number, None, problem)
            except (ValueError, RecursionError) as error:
                yield Entry(where, number, None, f"cannot be read: {_unreadable(error)}")
            else:
                if text.strip():
                    yield from entries_of([record], f"{path.name} line", start=number)


def _unreadable(error: ValueError | RecursionError) -> str:
    """The reason why JSON cannot be read, where Python's own message does not give it."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: {error}"
    return f"a whole number has more than {sys.get_int_max_str_digits()} digits"


def _read_table(path: Path, delimiter: str) -> Iterator[Entry]:
    entries = list(_read_rows(path, delimiter))
    ids = [one.record["id"] for one in entries if one.record and "id" in one.record]
    # A column of whole numbers with a gap is written as 3.0, 4.0, ...
    are_floats = all(_FLOAT_ID.fullmatch(one) for one in ids)
    for entry in entries:
        if are_floats and entry.record and "id" in entry.record:
            whole = entry.record["id"].removesuffix(".0")
            yield replace(entry, record={**entry.record, "id": whole})
        else:
            yield entry


def _read_rows(path: Path, delimiter: str) -> Iterator[Entry]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True, delimiter=delimiter)
        # Reads the header, so that line_num counts from here on.
        for name, count in Counter(rows.fieldnames or ()).items():
            if count > 1:
                raise UserError(f"annotation file {path} has {count} columns {name!r}; rename one")
        while True:
            start = rows.line_num + 1
            try:
                row = next(rows, None)
            except csv.Error as error:  # an open quote, say, which takes the lines after it along
                where = f"{path.name} line {start}"
                yield Entry(where, start, None, f"not valid CSV from here on: {error}")
                continue
            if row is None:
                return
            problem = "more cells than the header has columns" if None in row else None
            record = {key: cell for key, cell in row.items() if cell not in (None, "")}
            where = f"{path.name} line {rows.line_num}"
            yield Entry(where, rows.line_num, None if problem else record, problem)


def _read_parquet(path: Path) -> Iterator[Entry]:
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise UserError(f"annotation file {path} is not valid parquet: {error}") from error
    return entries_of(rows, f"{path.name} row")


def entries_of(records: Any, label: str, start: int = 1) -> Iterator[Entry]:
    """Number the records of a list; what is not a mapping becomes an entry with a `problem`."""
    if not isinstance(records, Iterable) or isinstance(records, str | Mapping):
        yield Entry(label, start, None, f"not a list, but {type(records).__name__}")
        return
    for number, record in enumerate(records, start):
        where = f"{label} {number}"
        if isinstance(record, Mapping):
            is_deep = _is_deeper(record, _MOST_LEVELS)
            problem = f"it is nested deeper than {_MOST_LEVELS} levels" if is_deep else None
            yield Entry(where, number, None if is_deep else record, problem)
        else:
            problem = f"not an object of named fields, but {type(record).__name__}"
            yield Entry(where, number, None, problem)


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested deeper than `levels`."""
    inside = [value]
    for _ in range(levels + 1):
        nested = [one for one in inside if isinstance(one, list | Mapping)]
        if not nested:
            return False
        inside = [
            each for one in nested for each in (one.values() if isinstance(one, Mapping) else one)
        ]
    return True


FILE_READERS: dict[str, Callable[[Path], Iterator[Entry]]] = {
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".csv": functools.partial(_read_table, delimiter=","),
    ".tsv": functools.partial(_read_table, delimiter="\t"),
    ".parquet": _read_parquet,
}
