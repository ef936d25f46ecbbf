"""Our own form of a selection file: all that `select --task` knows, as JSON or parquet."""

from __future__ import annotations

import functools
import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write
from tspo_bench.selections.file_selection import FileSelection, SelectionFile

FORMAT = "tspo-bench selections 1"
_HINT = "give another file"
_KEY = b"tspo_bench"
_KEYS = {field.name for field in fields(FileSelection)}


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
        UserError: an id is listed twice.
    """
    found: dict[str, FileSelection] = {}
    for picked in picks:
        if picked.question_id in found:
            raise UserError(
                f"frame selections {path}: question {picked.question_id!r} is listed twice"
            )
        found[picked.question_id] = picked
    return found


def from_json(path: Path, content: Mapping[str, Any]) -> SelectionFile:
    """Read the content of a file of our own form.

    Raises:
        UserError: another version, or a row that is not a selection.
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
    if not isinstance(row, dict) or not {"question_id", "indices"} <= set(row) <= _KEYS:
        raise UserError(f"{where} is not a selection of ours: {reprlib.repr(row)}")
    try:
        found = _adapter().validate_python(row)
        bad = None if is_json(row.get("notes")) else "notes"
    except ValidationError as error:
        bad = str(error.errors(include_url=False)[0]["loc"][0])
    if bad is not None:
        raise UserError(
            f"{where}, question {reprlib.repr(row['question_id'])}: its {bad} cannot be "
            f"{reprlib.repr(row[bad])}"
        )
    for key in ("seconds", "scores"):
        values = getattr(found, key)
        if values is not None and len(values) != len(found.indices):
            raise UserError(
                f"frame selections {path}, question {found.question_id!r}: {len(values)} {key} "
                f"beside {len(found.indices)} indices"
            )
    return found


@functools.cache
def _adapter() -> TypeAdapter[FileSelection]:
    return TypeAdapter(FileSelection)


def selections_schema() -> dict[str, Any]:
    """The JSON schema of a file of our own form, as docs/selections.schema.json has it."""
    row = _adapter().json_schema()
    return {
        "type": "object",
        "properties": {
            "format": {"const": FORMAT},
            "made_by": {"type": "object", "description": "The settings of the selection."},
            "questions": {"type": "array", "items": row},
        },
        "required": ["format", "made_by", "questions"],
    }


def write_json(path: Path, selections: SelectionFile) -> None:
    """Write our own form as JSON, one question a line."""
    rows = [json.dumps(asdict(picked), allow_nan=False) for picked in selections.picks.values()]
    head = json.dumps(
        {"format": FORMAT, "made_by": dict(selections.made_by)}, indent=1, allow_nan=False
    )
    lines = ",\n  ".join(rows)
    with atomic_write(path, _HINT) as temporary:
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
    with atomic_write(path, _HINT) as temporary:
        pyarrow.parquet.write_table(table.replace_schema_metadata({_KEY: head}), temporary)


def read_parquet(path: Path) -> SelectionFile:
    """Read a parquet file of our own form.

    Raises:
        UserError: it is not one.
        OSError: it cannot be read.
    """
    import pyarrow
    import pyarrow.parquet

    invalid = f"frame selections {path} are not a parquet file of `tspo-bench select`:"
    try:
        with path.open("rb") as file:
            table = pyarrow.parquet.read_table(file)
        head = json.loads((table.schema.metadata or {})[_KEY])
        rows = [{**row, "notes": json.loads(row["notes"])} for row in table.to_pylist()]
        content = {"format": head["format"], "made_by": head["made_by"], "questions": rows}
    except KeyError as error:
        raise UserError(f"{invalid} it lacks {error}") from error
    except (pyarrow.ArrowException, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{invalid} {error}") from error
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
