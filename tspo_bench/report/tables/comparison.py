"""Comparison tables as grids of text: views of the frame of `report.columns`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tspo_bench.report.column import NAMES, Column, FrameRow, Layout
from tspo_bench.report.comparison import ComparedRow, ComparisonTable
from tspo_bench.report.format import UNDEFINED, cached_notes
from tspo_bench.report.frame import columns_by_key, columns_of, frame_of, frame_rows
from tspo_bench.report.groups import values_of
from tspo_bench.report.notes import caption, footnotes
from tspo_bench.report.rows import Row
from tspo_bench.report.summary import summarise_cells
from tspo_bench.report.tables.grid import Entry, Grid, Heading, parts_of

_VALUES_A_GRID = 5
_POWER_NOTE = "two-sided test at 5%, power 80%; videos with as many questions each as here"
# A part of a cell has no average of its own, and not all of the cell's questions.
_OF_PARTS = {"macro": None, "scoring": None, "num_questions": 0}


def rows_of(table: ComparisonTable) -> list[dict[str, Any]]:
    """The rows of a table's frame."""
    return frame_rows(frame_of(table.rows))


def comparison_grid(
    table: ComparisonTable, layout: Layout = "report", keys: Sequence[str] | None = None
) -> Grid:
    """The rows of a table with the columns of a layout; a figure that no row has is not a column.

    With `keys` the columns are sampler, budget and those of these keys.
    """
    rows = [one.row for one in table.rows]
    return replace(
        _grid(table, rows_of(table), layout, keys),
        notes=(
            *_question_set(table),
            *caption(rows),
            *_paired_note(table),
            *footnotes(rows, counted=layout != "report"),
            *cached_notes([row.summary.feature_sources for row in rows]),
        ),
    )


def paired_grid(table: ComparisonTable) -> Grid | None:
    """The differences to the baseline; None where nothing is compared."""
    rows = [row for row in rows_of(table) if row["n_paired"] is not None]
    title = f"accuracy minus that of {table.baseline}, on the n questions that both were asked"
    return replace(_grid(table, rows, "paired"), title=title) if rows else None


def power_grid(table: ComparisonTable) -> Grid | None:
    """How many questions a difference of one point needs; None where nothing is compared."""
    rows = [row for row in rows_of(table) if row["discordant"] is not None]
    title = f"{table.title}: power of the comparison with {table.baseline}"
    grid = _grid(table, rows, "power")
    return replace(grid, title=title, notes=(_POWER_NOTE,)) if rows else None


def _grid(
    table: ComparisonTable,
    rows: Sequence[FrameRow],
    layout: Layout,
    keys: Sequence[str] | None = None,
) -> Grid:
    columns = columns_of(layout, rows)
    if keys is not None:
        columns = [columns_by_key()[key] for key in dict.fromkeys([*NAMES, *keys])]
    return Grid(
        title=table.title,
        headings=tuple(heading_of(column, table.baseline, layout) for column in columns),
        rows=tuple(tuple(entry_of(column, row, layout) for column in columns) for row in rows),
        parts=parts_of([row["budget"] for row in rows]),
    )


def heading_of(column: Column, baseline: str, layout: Layout) -> Heading:
    """A column's heading in a table with this baseline."""
    return Heading(
        column.heading.replace("{baseline}", baseline),
        column.has_interval(layout),
        column.help,
        column.key in NAMES,
    )


def entry_of(column: Column, row: FrameRow, layout: Layout) -> Entry:
    """A column's figure of a row of the frame."""
    text, interval = column.written(row)
    value = row[column.key]
    return Entry(
        text,
        interval if column.has_interval(layout) else "",
        value if isinstance(value, int | float | str) else None,
        row["mark"] if column.key == "accuracy" else None,
    )


def _question_set(table: ComparisonTable) -> list[str]:
    said = {"questions": "question set", "model_id": "model", "code": "code"}
    known = [f"{what} {table.shared[key]}" for key, what in said.items() if table.shared[key]]
    return [", ".join(known)] if known else []


def _paired_note(table: ComparisonTable) -> list[str]:
    """The questions that the differences are over; nothing if none is compared."""
    compared = [one for one in table.rows if one.row.paired and one.row.paired.num_questions]
    if not compared:
        return []
    note = (
        f"minus {table.baseline}: over all questions that both were asked, unparsed and failed "
        "counted as wrong; p (Holm) is for all rows of a budget, oracle and blind among them"
    )
    chosen = dict.fromkeys(one.baseline_run for one in compared if one.baseline_run)
    runs = [
        f"of several runs with {table.baseline}, {run} is taken where one has none"
        for run in chosen
    ]
    return [note, *runs]


def group_grids(table: ComparisonTable, values_a_grid: int = _VALUES_A_GRID) -> list[Grid]:
    """A table for each group and figure of the layout "groups", a column for each value."""
    rows, by_group = rows_of(table), group_rows(table)
    grids: list[Grid] = []
    for group, parts in by_group.items():
        values = list(dict.fromkeys(value for by_value in parts for value in by_value))
        for start in range(0, len(values), values_a_grid):
            some = values[start : start + values_a_grid]
            grids += _group_grids(table, group, some, list(zip(rows, parts, strict=True)))
    return grids


def _group_grids(
    table: ComparisonTable,
    group: str,
    values: Sequence[str],
    rows: Sequence[tuple[FrameRow, Mapping[str, FrameRow]]],
) -> Iterator[Grid]:
    columns = columns_of("groups", [row for row, _ in rows])
    names = [column for column in columns if column.key in NAMES]
    sizes = {v: max(some[v]["n"] for _, some in rows if v in some) for v in values}
    for column in columns:
        if column in names:
            continue
        headings = [heading_of(name, table.baseline, "groups") for name in names]
        headings += [Heading(f"{value} (n = {sizes[value]})") for value in values]
        yield Grid(
            title=f"{table.title}: {column.heading} by {group}",
            headings=tuple(headings),
            rows=tuple(
                (
                    *(entry_of(name, row, "groups") for name in names),
                    *(_group_entry(column, by_value.get(value)) for value in values),
                )
                for row, by_value in rows
            ),
            parts=parts_of([row["budget"] for row, _ in rows]),
        )


def _group_entry(column: Column, row: FrameRow | None) -> Entry:
    return Entry(UNDEFINED) if row is None else replace(entry_of(column, row, "groups"), mark=None)


def group_rows(table: ComparisonTable) -> dict[str, list[dict[str, dict[str, Any]]]]:
    """By group, for each row of the table: the frame's row over each value's questions alone.

    What follows from a comparison with other rows (differences, headroom, marks) is undefined.
    """
    groups = dict.fromkeys(group for one in table.rows for group in one.row.summary.groups)
    places, parts = [], []
    for number, one in enumerate(table.rows):
        for group, values in one.row.summary.groups.items():
            for value in values:
                places.append((number, group, value))
                parts.append(_part(one, group, value))
    found: dict[str, list[dict[str, dict[str, Any]]]] = {
        group: [{} for _ in table.rows] for group in groups
    }
    for (number, group, value), row in zip(places, frame_rows(frame_of(parts)), strict=True):
        found[group][number][value] = row
    return found


def _part(one: ComparedRow, group: str, value: str) -> ComparedRow:
    """A row over the questions with a value of a group alone."""
    cells = tuple(
        replace(
            cell,
            settings=cell.settings.model_copy(update=_OF_PARTS),
            records=[record for record in cell.records if value in values_of(record, group)],
            task_scores=None,
        )
        for cell in one.row.cells
    )
    row = Row(cells, summarise_cells(cells))
    return replace(one, row=row, p_holm=None, headroom_ci95=None, mark=None)
