"""The page's leaderboard: comparison tables with what sorts and draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tspo_bench.report.comparison import ComparedRow, ComparisonTable, is_bound
from tspo_bench.report.stats import Interval
from tspo_bench.report.tables.comparison import comparison_grid
from tspo_bench.report.tables.grid import Entry, Grid, Heading


@dataclass(frozen=True)
class Line:
    """A row of a table.

    `accuracy` and `ci95` are drawn, and `reference`, the baseline's accuracy at the same budget:
    shares of 1.
    """

    sampler: str
    budget: str
    is_bound: bool
    begins_part: bool
    entries: tuple[Entry, ...]
    accuracy: float | None
    ci95: Interval | None
    reference: float | None


@dataclass(frozen=True)
class Board:
    """A table of the page.

    Attributes:
        title: task and model.
        shared: settings that its rows share.
        headings: of the columns.
        drawn: the place of the accuracy, beside which it is drawn.
        lines: the rows.
        notes: below it.
        is_marked: whether anything is marked as best.
    """

    title: str
    shared: Mapping[str, str]
    headings: tuple[Heading, ...]
    drawn: int
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    is_marked: bool


def board_of(table: ComparisonTable) -> Board:
    """A table as the page shows it."""
    grid = comparison_grid(table)
    shared: dict[str, Any] = {
        key: table.shared[key] for key in ("task", "model", "protocol", "answer")
    }
    return Board(
        title=grid.title,
        shared={key: str(value) for key, value in shared.items() if value},
        headings=grid.headings,
        drawn=[heading.text for heading in grid.headings].index("accuracy"),
        lines=tuple(_line(table, grid, one, n) for n, one in enumerate(table.rows)),
        notes=grid.notes,
        is_marked=grid.is_marked,
    )


def _line(table: ComparisonTable, grid: Grid, one: ComparedRow, number: int) -> Line:
    row = one.row
    return Line(
        sampler=one.name,
        budget=row.budget,
        is_bound=is_bound(row.settings.sampler),
        begins_part=number in grid.parts,
        entries=grid.rows[number],
        accuracy=row.summary.accuracy,
        ci95=row.summary.ci95,
        reference=_baseline(table, row.budget),
    )


def _baseline(table: ComparisonTable, at: str) -> float | None:
    """The baseline's accuracy at a budget."""
    found = (
        one.row.summary.accuracy
        for one in table.rows
        if one.row.settings.sampler == table.baseline and one.row.budget == at
    )
    return next(found, None)
