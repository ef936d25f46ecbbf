"""Tables in GitHub's Markdown, in columns that line up as plain text too."""

from __future__ import annotations

from collections.abc import Sequence

from tspo_bench.report.escape import MOST_OF_NOTE, markdown
from tspo_bench.report.written.grid import Grid

_MARKED = {"best": "**{}**", "second": "<u>{}</u>"}
RULE = (
    "**best** and <u>second best</u> of a budget where better than each lower one at 5%, paired, "
    "after Holm; oracle, blind and unfinished rows are left out"
)


def grids_markdown(grids: Sequence[Grid]) -> str:
    """Tables one below the other, each with its title and notes."""
    return "\n".join(map(_grid, grids))


def _grid(grid: Grid) -> str:
    headings = [markdown(text) for text in (*grid.labels, *grid.figures)]
    rows = [
        [_cell(grid, row, column) for column in range(len(headings))]
        for row in range(len(grid.rows))
    ]
    widths = [max(3, *map(len, column)) for column in zip(headings, *rows, strict=True)]
    dashes = [
        "-" * width if column < grid.num_left else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    ]
    notes = [f"- {markdown(note, MOST_OF_NOTE)}" for note in grid.notes]
    notes += [f"- {RULE}"] if grid.marks else []
    lines = [
        f"### {markdown(grid.title)}\n",
        *(_line(texts, widths, grid.num_left) for texts in (headings, dashes, *rows)),
        *(["", *notes] if notes else []),
    ]
    return "\n".join(lines) + "\n"


def _line(texts: Sequence[str], widths: Sequence[int], num_left: int) -> str:
    """One row; names stand left, figures right."""
    padded = [
        text.ljust(width) if column < num_left else text.rjust(width)
        for column, (text, width) in enumerate(zip(texts, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _cell(grid: Grid, row: int, column: int) -> str:
    text = grid.rows[row][column]
    if column < len(grid.labels):
        return markdown(text)
    mark = grid.marks.get((row, column))
    return _MARKED[mark].format(text) if mark else text
