"""Rows of charts: those of a table's frame, the Pareto front, and the parts by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tspo_bench.report.column import Column, FrameRow
from tspo_bench.report.comparison import ComparisonTable, is_bound
from tspo_bench.report.figures.styles import Style, styles_for
from tspo_bench.report.frame import columns_by_key
from tspo_bench.report.tables.comparison import group_rows, rows_of

_ABOVE, _LINE = 0.04, 0.06  # shares: from a point to its name, and a line of text

# A row of one budget, and its part of every value of a group.
Part = tuple[FrameRow, Mapping[str, FrameRow]]


def chart_rows(table: ComparisonTable) -> list[dict[str, Any]]:
    """The rows of a table's frame, the budget as text, and whether each bounds or is compared with.

    The name of an unfinished row says how many answers it has: "aks (4 of 14)".
    """
    return [
        {
            **row,
            "name": _name(row),
            "k": columns_by_key()["budget"].written(row)[0],
            "is_bound": is_bound(row["sampler"]),
            "is_baseline": row["sampler"] == table.baseline,
        }
        for row in rows_of(table)
    ]


def category_parts(table: ComparisonTable, rows: Sequence[FrameRow]) -> dict[str, list[Part]]:
    """By group of several values: each row with its part of every value."""
    return {
        group: list(zip(rows, parts, strict=True))
        for group, parts in group_rows(table).items()
        if len({value for by_value in parts for value in by_value}) > 1
    }


def styles_of(rows: Iterable[FrameRow]) -> dict[str, Style]:
    """One style for each sampler of a page, in all of its tables."""
    names = {row["name"]: row for row in rows}
    baselines = [name for name, row in names.items() if row["is_baseline"]]
    bounds = sorted((name for name, row in names.items() if row["is_bound"]), reverse=True)
    neutral = list(dict.fromkeys([*baselines, *bounds]))
    return styles_for(neutral, [name for name in names if name not in neutral])


def front_places(rows: Sequence[FrameRow], score: Column, cost: Column) -> list[int]:
    """The places of the rows on the Pareto front, by rising cost: finished rows, no bounds."""
    places = [n for n, row in enumerate(rows) if row["is_finished"] and not row["is_bound"]]
    points = [(rows[place][cost.key], rows[place][score.key]) for place in places]
    return [places[place] for place in pareto_front(points)]


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the (cost, accuracy) that no other point beats in both, by rising cost.

    Of points with equal cost the most accurate one is kept, of equal ones the first.
    """
    order = sorted(range(len(points)), key=lambda place: (points[place][0], -points[place][1]))
    front: list[int] = []
    for place in order:
        if not front or points[place][1] > points[front[-1]][1]:
            front.append(place)
    return front


def name_heights(heights: Sequence[float]) -> list[float]:
    """Heights for the names of a front's points: above each, and none upon another."""
    found: list[float] = []
    for height in heights:
        lowest = found[-1] + _LINE if found else 0.0
        found.append(max(height + _ABOVE, lowest))
    return found


def _name(row: FrameRow) -> str:
    if row["is_finished"]:
        return str(row["name"])
    planned = "unknown" if row["num_planned"] is None else row["num_planned"]
    return f"{row['name']} ({row['num_done']} of {planned})"
