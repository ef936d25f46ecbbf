"""Our own form of a selection file: all that `select --task` knows, as JSON or parquet."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.files import written_whole
from tspo_bench.selections.file_selection import FileSelection, SelectionFile

FORMAT = "tspo-bench selections 1"
_HINT = "give another file"
_KEY = b"tspo_bench"


def is_native(content: Any) -> bool:
    """Whether parsed JSON is of our own form, in any version."""
    kind = content.get("format") if isinstance(content, dict) else None
    return isinstance(kind, str) and kind.startswith("tspo-bench selections")


def is_finite(value: Any) -> bool:
    """Whether a parsed value is a number that a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_json(value: Any) -> bool:
    """Whether strict JSON can hold a value; it has no NaN."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def by_id(path: Path, picks: Iterable[FileSelection]) -> dict[str, FileSelection]:
    """The picks by question id.

    Raises:
        UserError: an id stands twice.
    """
    found: dict[str, FileSelection] = {}
    for picked in picks:
        if picked.question_id in found:
            raise UserError(
                f"frame selections {path}: question {picked.question_id!r} stands there twice"
            )
        found[picked.question_id] = picked
    return found


def from_json(path: Path, content: Mapping[str, Any]) -> SelectionFile:
    """Read the content of a file of our own form.

    Raises:
        UserError: another version, or a row that is none.
    """
    if content["format"] != FORMAT:
        raise UserError(
            f"frame selections {path} are of the form {content['format']!r}; this version reads "
            f"{FORMAT!r}"
        )
    made_by, rows = content.get("made_by"), content.get("questions")
    if not isinstance(made_by, dict) or not is_json(made_by) or not isinstance(rows, list):
        raise UserError(f"frame selections {path} lack 'made_by' or 'questions'")
    return SelectionFile(by_id(path, (_row(path, row, n) for n, row in enumerate(rows))), made_by)


def _row(path: Path, row: Any, number: int) -> FileSelection:
    where = f"frame selections {path}: entry {number} of 'questions'"
    if not isinstance(row, dict) or not {"question_id", "indices"} <= set(row) <= set(_TYPES):
        raise UserError(f"{where} is no selection of ours: {reprlib.repr(row)}")
    for key, value in row.items():
        is_one, kind = _TYPES[key]
        if not is_one(value):
            raise UserError(
                f"{where}, question {reprlib.repr(row['question_id'])}: its {key} must be {kind}, "
                f"got {reprlib.repr(value)}"
            )
    lists = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
    for key, values in lists.items():
        if len(values) != len(row["indices"]):
            raise UserError(
                f"frame selections {path}, question {row['question_id']!r}: {len(values)} {key} "
                f"beside {len(row['indices'])} indices"
            )
    return FileSelection(**{**row, **lists})


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


# What each field of a question must be. The entries of indices are checked when they are used: one
# that is wrong costs its own question only.
_TYPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "question_id": (lambda value: isinstance(value, str), "a text"),
    "video": (lambda value: isinstance(value, str | None), "a text or null"),
    "indices": (lambda value: isinstance(value, list), "a list"),
    "seconds": (
        lambda value: value is None or (isinstance(value, list) and all(map(is_finite, value))),
        "a list of finite numbers or null",
    ),
    "scores": (
        lambda value: (
            value is None
            or (isinstance(value, list) and all(one is None or is_finite(one) for one in value))
        ),
        "a list of finite numbers and nulls, or null",
    ),
    "ranked": (lambda value: isinstance(value, bool), "true or false"),
    "frame_rate": (
        lambda value: value is None or (is_finite(value) and value > 0),
        "a number above 0 or null",
    ),
    "num_frames": (lambda value: value is None or _is_count(value), "a whole number or null"),
    "num_filled": (_is_count, "a whole number"),
    "features": (lambda value: isinstance(value, str | None), "a text or null"),
    "notes": (lambda value: isinstance(value, dict) and is_json(value), "an object without NaN"),
}


def write_json(path: Path, selections: SelectionFile) -> None:
    """Write our own form as JSON, one question a line."""
    rows = [json.dumps(asdict(picked), allow_nan=False) for picked in selections.picks.values()]
    head = json.dumps(
        {"format": FORMAT, "made_by": dict(selections.made_by)}, indent=1, allow_nan=False
    )
    lines = ",\n  ".join(rows)
    with written_whole(path, _HINT) as temporary:
        temporary.write_text(f'{head[:-2]},\n "questions": [\n  {lines}\n ]\n}}\n')


def write_parquet(path: Path, selections: SelectionFile) -> None:
    """Write our own form as parquet: a row a question, `made_by` in the schema's metadata."""
    import pyarrow
    import pyarrow.parquet

    rows = [
        {**asdict(picked), "notes": json.dumps(dict(picked.notes), allow_nan=False)}
        for picked in selections.picks.values()
    ]
    table = pyarrow.Table.from_pylist(rows, schema=_schema())
    head = json.dumps({"format": FORMAT, "made_by": dict(selections.made_by)}, allow_nan=False)
    with written_whole(path, _HINT) as temporary:
        pyarrow.parquet.write_table(table.replace_schema_metadata({_KEY: head}), temporary)


def read_parquet(path: Path) -> SelectionFile:
    """Read a parquet file of our own form.

    Raises:
        UserError: it is none.
        OSError: it cannot be read.
    """
    import pyarrow
    import pyarrow.parquet

    refused = f"frame selections {path} are no parquet file of `tspo-bench select`:"
    try:
        with path.open("rb") as file:
            table = pyarrow.parquet.read_table(file)
        head = json.loads((table.schema.metadata or {})[_KEY])
        rows = [{**row, "notes": json.loads(row["notes"])} for row in table.to_pylist()]
        content = {"format": head["format"], "made_by": head["made_by"], "questions": rows}
    except KeyError as error:
        raise UserError(f"{refused} it lacks {error}") from error
    except (pyarrow.ArrowException, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{refused} {error}") from error
    return from_json(path, content)


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            ("question_id", pa.string()),
            ("video", pa.string()),
            ("indices", pa.list_(pa.int64())),
            ("seconds", pa.list_(pa.float64())),
            ("scores", pa.list_(pa.float64())),
            ("ranked", pa.bool_()),
            ("frame_rate", pa.float64()),
            ("num_frames", pa.int64()),
            ("num_filled", pa.int64()),
            ("features", pa.string()),
            ("notes", pa.string()),
        ]
    )
