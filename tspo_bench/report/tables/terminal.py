"""Tables for the terminal, for `rich.print`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tspo_bench.report.baselines import BASELINE
from tspo_bench.report.comparison import ComparisonTable, comparison_tables
from tspo_bench.report.escape import MOST_OF_NOTE, for_terminal
from tspo_bench.report.tables.comparison import comparison_grid, group_grids, paired_grid
from tspo_bench.report.tables.grid import Grid, Heading
from tspo_bench.results import Cell

_VALUES_A_TABLE = 3
_HEADING_WIDTH = 10
_NAME_WIDTH = 16  # longer names wrap where the terminal is narrow
_UNBOUNDED = 10_000
# What several tables of one task and model may differ in; the rest is below each table.
_TITLED = {"model_id": "weights", "questions": "question set", "limit": "limit", "code": "code"}


def results_table(cells: Sequence[Cell], baseline: str = BASELINE) -> Group:
    """The comparison of a run's cells, with footnotes.

    One table for each task, model with its weights, question set with its limit, protocol and
    answering mode; then the differences to the baseline, where that has run too. Labels are shown
    as they are, without markup.

    Args:
        cells: of one run or several.
        baseline: the sampler that each row is compared with, as a spec.
    """
    tables = comparison_tables(cells, baseline, others=None)
    parts: list[RenderableType] = []
    for title, table in zip(_titles(tables), tables, strict=True):
        grid = comparison_grid(table, "terminal")
        parts += [*title, FittedGrid(grid), *map(_note, grid.notes)]
        paired = paired_grid(table)
        parts += _titled(paired) if paired else []
    return Group(*parts)


def groups_table(cells: Sequence[Cell]) -> Group:
    """Figures by group: a row for each sampler and budget, a column for each value."""
    tables = comparison_tables(cells, others=None)
    grids = [grid for table in tables for grid in group_grids(table, _VALUES_A_TABLE)]
    if not grids:
        return Group(Text("the questions have no groups", style="dim"))
    return Group(*(part for grid in grids for part in _titled(grid)))


def _titled(grid: Grid) -> list[RenderableType]:
    return [Text(f"\n{for_terminal(grid.title)}"), FittedGrid(grid)]


@dataclass(frozen=True)
class FittedGrid:
    """A grid as tables that fit the terminal's width: columns with no room left follow below.

    Each table begins with the names; only the first column wraps.
    """

    grid: Grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """See rich's console protocol."""
        headings = self.grid.headings
        names = [number for number, heading in enumerate(headings) if heading.is_name]
        part = list(names)
        for number in range(len(headings)):
            if number in names:
                continue
            widened = self._table([*part, number], _NAME_WIDTH)
            needed = Measurement.get(console, options.update(max_width=_UNBOUNDED), widened)
            if needed.maximum > options.max_width and part != names:
                yield self._table(part)
                part = list(names)
            part.append(number)
        yield self._table(part)

    def _table(self, columns: Sequence[int], name_width: int | None = None) -> Table:
        """Some columns; the first one at most `name_width` wide."""
        table = empty_table()
        for place, number in enumerate(columns):
            heading = self.grid.headings[number]
            if heading.is_name and not place:
                width = min(_NAME_WIDTH, max(cell_len(text) for text in self._texts(number)))
                table.add_column(
                    _shown(heading.text), overflow="fold", min_width=width, max_width=name_width
                )
            else:
                table.add_column(_heading(heading), justify="right", no_wrap=True)
        for row in self.grid.rows:
            table.add_row(*(_shown(row[number].whole) for number in columns))
        return table

    def _texts(self, number: int) -> list[str]:
        entries = [row[number].whole for row in self.grid.rows]
        return [for_terminal(text) for text in (self.grid.headings[number].text, *entries)]


def empty_table(title: Text | None = None) -> Table:
    """A table with narrow gaps, so that eight figures fit the 80 columns of a pipe."""
    return Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        pad_edge=False,
        title=title,
        title_justify="left",
    )


def _heading(heading: Heading) -> Text:
    unbroken = for_terminal(heading.text).replace("(n = ", "(n\xa0=\xa0")
    lines = textwrap.wrap(unbroken, _HEADING_WIDTH, break_long_words=False)
    lines += ["[95% CI]"] if heading.has_interval else []
    return Text("\n".join(lines).replace("\xa0", " "))


def _shown(text: str) -> Text:
    """A text that others may have written: no markup, and nothing that a terminal acts upon."""
    return Text(for_terminal(text))


def _note(text: str) -> Text:
    return Text(for_terminal(text, MOST_OF_NOTE), style="dim")


def _titles(tables: Sequence[ComparisonTable]) -> list[list[Text]]:
    """A title for each of several tables; none for a single one."""
    if len(tables) < 2:
        return [[] for _ in tables]
    several = [key for key in _TITLED if len({table.shared[key] for table in tables}) > 1]
    return [[Text(f"\n{_title(table.shared, several)}", style="bold")] for table in tables]


def _title(shared: Mapping[str, Any], several: Sequence[str]) -> str:
    named = [f"task {for_terminal(shared['task'])}", f"model {for_terminal(shared['model'])}"]
    named += [f"{_TITLED[key]} {for_terminal(str(shared[key]))}" for key in several if shared[key]]
    return ", ".join(named)
