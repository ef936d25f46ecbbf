"""Tables for the terminal, for `rich.print`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
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


def grid_table(grid: Grid) -> Table:
    """A grid as a table of rich's."""
    table = empty_table()
    for number, heading in enumerate(grid.headings):
        if heading.is_name and not number:
            table.add_column(_shown(heading.text), overflow="fold")
        else:
            table.add_column(_heading(heading), justify="right", no_wrap=True)
    for row in grid.rows:
        table.add_row(*(_shown(entry.whole) for entry in row))
    return table


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
