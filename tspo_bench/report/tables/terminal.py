"""Tables for the terminal, for `rich.print`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich import box
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
_NAME_WIDTH = 14  # longer names wrap where the terminal is narrow
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
        parts += [*title, grid_table(grid), *map(_note, grid.notes)]
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
    return [Text(f"\n{for_terminal(grid.title)}"), grid_table(grid)]


def grid_table(grid: Grid) -> FittedTable:
    """A grid as a table of rich's."""
    return FittedTable(
        tuple(map(_heading, grid.headings)),
        tuple(tuple(_shown(entry.whole) for entry in row) for row in grid.rows),
        num_names=sum(heading.is_name for heading in grid.headings),
    )


@dataclass(frozen=True)
class FittedTable:
    """A table that fits the terminal's width: columns without room follow in a further table.

    Each of these tables begins with the names, and only the first column wraps.

    Attributes:
        headings: of the columns.
        rows: the texts of each row, as many as there are headings.
        num_names: how many columns from the left are names.
        title: above the first table.
        justify: the side at which the columns after the first are aligned.
    """

    headings: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    num_names: int
    title: Text | None = None
    justify: Literal["left", "right"] = "right"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """See rich's console protocol."""
        unbounded = options.update(max_width=_UNBOUNDED)
        title, names = self.title, list(range(self.num_names))
        columns = names
        for number in range(self.num_names, len(self.headings)):
            narrowest = self._table([*columns, number], _NAME_WIDTH)
            width = Measurement.get(console, unbounded, narrowest).maximum
            if width > options.max_width and columns != names:
                yield self._table(columns, title=title)
                title, columns = None, names
            columns = [*columns, number]
        yield self._table(columns, title=title)

    def _table(
        self, columns: Sequence[int], widest: int | None = None, title: Text | None = None
    ) -> Table:
        """Some of the columns, of which the first takes at most the width `widest`."""
        table = _empty_table(title)
        first, *others = columns
        texts = [self.headings[first], *(row[first] for row in self.rows)]
        narrowest = min(_NAME_WIDTH, max(text.cell_len for text in texts))
        table.add_column(
            self.headings[first], overflow="fold", min_width=narrowest, max_width=widest
        )
        for number in others:
            table.add_column(self.headings[number], justify=self.justify, no_wrap=True)
        for row in self.rows:
            table.add_row(*(row[number] for number in columns))
        return table


def _empty_table(title: Text | None) -> Table:
    """A table with narrow gaps, so that eight figures fit the 80 columns of a pipe."""
    return Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        pad_edge=False,
        title=title,
        title_justify="left",
    )


def _heading(heading: Heading) -> Text:
    return wrapped_heading(heading.text, has_interval=heading.has_interval)


def wrapped_heading(text: str, *, has_interval: bool = False) -> Text:
    """A column's heading, wrapped at spaces to the width of a figure."""
    unbroken = for_terminal(text).replace("(n = ", "(n\xa0=\xa0")
    lines = textwrap.wrap(unbroken, _HEADING_WIDTH, break_long_words=False)
    lines += ["[95% CI]"] if has_interval else []
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
