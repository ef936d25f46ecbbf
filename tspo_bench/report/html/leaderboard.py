"""The page's leaderboard: comparison tables with the figures that are drawn beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tspo_bench.report.comparison import ComparedRow, ComparisonTable, is_bound
from tspo_bench.report.tables.comparison import comparison_grid
from tspo_bench.report.tables.grid import Entry, Grid

_SHARED = ("task", "model", "protocol", "answer")


@dataclass(frozen=True)
class Line:
    """A row with its texts; `reference` is the baseline's accuracy at the same budget."""

    compared: ComparedRow
    entries: tuple[Entry, ...]
    begins_part: bool
    is_bound: bool
    reference: float | None


@dataclass(frozen=True)
class Board:
    """A table of the page.

    Attributes:
        title: unique on the page.
        shared: settings that its rows share.
        grid: the table as text.
        drawn: the place of the accuracy, beside which it is drawn.
        lines: the rows.
    """

    title: str
    shared: Mapping[str, str]
    grid: Grid
    drawn: int
    lines: tuple[Line, ...]


def board_of(table: ComparisonTable, title: str) -> Board:
    """A table as the page shows it, under a unique title."""
    grid = comparison_grid(table)
    references = {
        one.row.budget: one.row.summary.accuracy
        for one in reversed(table.rows)
        if one.row.settings.sampler == table.baseline
    }
    return Board(
        title=title,
        shared={key: str(table.shared[key]) for key in _SHARED if table.shared[key]},
        grid=grid,
        drawn=[heading.text for heading in grid.headings].index("accuracy"),
        lines=tuple(
            Line(
                one,
                entries,
                begins_part=place in grid.parts,
                is_bound=is_bound(one.row.settings.sampler),
                reference=references.get(one.row.budget),
            )
            for place, (one, entries) in enumerate(zip(table.rows, grid.rows, strict=True))
        ),
    )
