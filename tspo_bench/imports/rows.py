"""Rows of a result file: JSON, JSON lines, CSV, TSV or xlsx."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.tasks.file_readers import FILE_READERS, Entry, entries_of, read_entries

Row = Mapping[str, Any]
# The list of answers in a JSON file that is one object.
_LISTS = ("logs", "results", "samples", "predictions", "answers")
KINDS = (*FILE_READERS, ".xlsx")


def read_rows(path: Path) -> Iterator[Entry]:
    """Read the rows of a result file, each with its place; an unreadable one has a `problem`.

    Raises:
        UserError: the file is missing, unreadable as a whole, or of an unknown kind.
    """
    if not path.is_file():
        raise UserError(f"result file {path} not found; check the path")
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        yield from _read_xlsx(path)
    elif suffix == ".json" and (rows := _rows_of_object(path)) is not None:
        yield from entries_of(rows, f"{path.name} item")
    elif suffix in FILE_READERS:
        yield from read_entries(path)
    else:
        raise UserError(f"result file {path} is of an unknown kind; known: {', '.join(KINDS)}")


def _rows_of_object(path: Path) -> list[Any] | None:
    """The rows of a file that is one object: its list of answers, or answers by question id."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None  # reported where lists are read
    if not isinstance(content, dict):
        return None
    for name in _LISTS:
        if isinstance(content.get(name), list):
            return list(content[name])
    if content and all(isinstance(value, str) for value in content.values()):
        return [{"id": key, "answer": value} for key, value in content.items()]
    if content and all(isinstance(value, dict) for value in content.values()):
        return [{"id": key, **value} for key, value in content.items()]
    raise UserError(
        f"result file {path} is an object with the fields {', '.join(content)}; expected a list of "
        f"answers, one under {', '.join(_LISTS)}, or answers by question id"
    )


def _read_xlsx(path: Path) -> Iterator[Entry]:
    import zipfile

    import pandas

    try:
        table = pandas.read_excel(path, dtype=object)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"result file {path} is not a readable xlsx: {error}") from error
    rows = table.to_dict("records")
    for number, row in enumerate(rows, start=2):  # line 1 is the head
        known = {str(key): value for key, value in row.items() if not pandas.isna(value)}
        yield Entry(f"{path.name} line {number}", number, known)
