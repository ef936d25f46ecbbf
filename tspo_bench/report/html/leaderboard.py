"""The page's leaderboard: the tables of `tspo-bench report`, with what sorts and draws them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tspo_bench.report.marks import Mark
from tspo_bench.report.standings import Standings, is_bound
from tspo_bench.report.stats import Interval
from tspo_bench.report.texts import budget, label
from tspo_bench.report.written.grid import Grid
from tspo_bench.report.written.standings_grid import Prices, comparison_grid

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


@dataclass(frozen=True)
class Entry:
    """A figure of a table.

    Attributes:
        main: the figure.
        rest: what stands behind it, smaller: its interval, or the spread between seeds.
        whole: what it is short for: all seeds' figures; empty where it is not.
        key: the number to sort by; None sorts last.
        mark: best or second best.
    """

    main: str
    rest: str
    whole: str
    key: float | None
    mark: Mark | None


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
        title: what it is over.
        shared: what its rows have in common.
        headings: of the figures: the name, and what stands smaller behind it.
        drawn: the place of the accuracy, beside which it is drawn.
        lines: the rows.
        notes: below it.
    """

    title: str
    shared: Mapping[str, str]
    headings: tuple[tuple[str, str], ...]
    drawn: int
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def is_marked(self) -> bool:
        """Whether anything is marked as best."""
        return any(entry.mark for line in self.lines for entry in line.entries)


def board_of(table: Standings, prices: Prices | None = None) -> Board:
    """A table as the page shows it."""
    grid = comparison_grid(table, prices)
    shared = {key: table.shared[key] for key in ("task", "model", "protocol", "answer")}
    headings = tuple(_heading(text) for text in grid.figures)
    return Board(
        title=grid.title,
        shared={key: str(value) for key, value in shared.items() if value},
        headings=headings,
        drawn=[name for name, _ in headings].index("accuracy"),
        lines=tuple(_line(table, grid, number) for number in range(len(grid.rows))),
        notes=grid.notes,
    )


def _heading(text: str) -> tuple[str, str]:
    """A heading's parts: "accuracy" and "95% CI"; "by seed" and "(std)"."""
    name, comma, rest = text.partition(", ")
    if not comma:
        name, comma, rest = text.partition(" (")
    return name, f"({rest}" if comma == " (" else rest


def _line(table: Standings, grid: Grid, number: int) -> Line:
    row = table.standings[number].row
    texts: tuple[Any, ...] = grid.rows[number]
    start = len(grid.labels)
    return Line(
        sampler=texts[0],
        budget=budget(row),
        is_bound=is_bound(label(row, "sampler")),
        begins_part=number in grid.parts,
        entries=tuple(
            _entry(text, grid.marks.get((number, place)))
            for place, text in enumerate(texts[start:], start=start)
        ),
        accuracy=row.summary.accuracy,
        ci95=row.summary.ci95,
        reference=_baseline(table, budget(row)),
    )


def _baseline(table: Standings, at: str) -> float | None:
    """The baseline's accuracy at a budget."""
    found = (
        one.row.summary.accuracy
        for one in table.standings
        if label(one.row, "sampler") == table.baseline and budget(one.row) == at
    )
    return next(found, None)


def _entry(text: str, mark: Mark | None) -> Entry:
    """A text's parts: "62.3%" and "[58.1, 66.3]"; "61.0 to 63.0%" and "(1.4)" of three seeds."""
    main, bracket, rest = text.partition(" [")
    if not bracket:
        main, bracket, rest = text.partition(" (")
    whole, of_seeds = "", main.removesuffix("%").split("%, ")
    if len(of_seeds) > 1:
        whole, main = main, f"{min(of_seeds, key=float)} to {max(of_seeds, key=float)}%"
    number = _NUMBER.search(main)
    key = float(number[0]) if number else None
    if key is not None and main.startswith("<"):
        key *= 0.5
    return Entry(main, f"{bracket}{rest}".strip(), whole, key, mark)
