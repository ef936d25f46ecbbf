"""The frame of a comparison table, of which all tables and charts are views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tspo_bench.report import columns
from tspo_bench.report.column import Axis, Column, FrameRow, Layout
from tspo_bench.report.comparison import ComparedRow

if TYPE_CHECKING:
    from pandas import DataFrame


def columns_of(layout: Layout, rows: Sequence[FrameRow]) -> list[Column]:
    """The columns that a table of these rows shows."""
    return [column for column in columns.COLUMNS if column.is_shown(layout, rows)]


def columns_by_key() -> dict[str, Column]:
    """All columns by their key."""
    return {column.key: column for column in columns.COLUMNS}


def chart_columns(axis: Axis) -> list[Column]:
    """The columns that charts have on this axis."""
    return [column for column in columns.COLUMNS if column.axis == axis]


def frame_of(rows: Sequence[ComparedRow]) -> DataFrame:
    """Every column of these rows, and the ends of its interval; undefined values are NA."""
    import pandas as pd

    values = [
        {key: value for column in columns.COLUMNS for key, value in column.values(row).items()}
        for row in rows
    ]
    # Texts stay objects: pyarrow's strings hold no lone surrogates.
    frame = pd.DataFrame(values, dtype=object)
    for key in frame.columns:
        known = {type(row[key]) for row in values if row[key] is not None}
        if known == {int}:  # a missing one would make floats of them
            frame[key] = pd.array([row[key] for row in values], dtype="Int64")
        elif known and known <= {int, float}:
            frame[key] = frame[key].astype(float)
    return frame


def frame_rows(frame: DataFrame) -> list[dict[str, Any]]:
    """The frame's rows as plain values, None where undefined."""
    import pandas as pd

    return [
        {str(key): _plain(value, pd.isna) for key, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


def _plain(value: Any, is_na: Callable[[Any], Any]) -> Any:
    if isinstance(value, list | tuple | dict):
        return value
    return None if is_na(value) else value
