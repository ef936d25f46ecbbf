"""Annotation files of custom data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pyarrow.parquet

from tspo_bench.tasks import AnnotatedTask, load_task

ROW: dict[str, Any] = {"video": "v.mp4", "question": "?", "options": ["x", "y"], "answer": "A"}


def write_rows(path: Path, rows: Sequence[dict[str, Any]], missing: str = "") -> Path:
    """Write records in the form of the file's suffix; tables have `missing` for missing cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        separator = "\t" if path.suffix == ".tsv" else ","
        pandas.DataFrame(rows).to_csv(path, index=False, sep=separator, na_rep=missing)
    return path


def loaded(path: Path | str) -> AnnotatedTask:
    task = load_task(str(path))
    assert isinstance(task, AnnotatedTask)
    return task


def options_of(task: AnnotatedTask) -> dict[str, tuple[str, ...]]:
    """The options of each question, by its id."""
    return {question.id: question.options for question in task.questions()}
