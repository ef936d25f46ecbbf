"""Tables in GitHub's Markdown, in columns that line up as plain text too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tspo_bench.report.escape import MOST_OF_NOTE, markdown
from tspo_bench.report.tables.grid import Entry, Grid, Heading

_MARKED = {"best": "**{}**", "second": "<u>{}</u>"}
RULE = (
    "**best** and <u>second best</u> of a budget where better than each lower one at 5%, paired, "
    "after Holm; oracle, blind and unfinished rows are left out"
)


def grids_markdown(grids: Sequence[Grid], escape: Callable[..., str] = markdown) -> str:
    """Tables one below the other, each with its title and notes.

    `escape` is applied to texts that others wrote; `for_terminal` where nothing renders Markdown.
    """
    return "\n".join(_grid(grid, escape) for grid in grids)


def _grid(grid: Grid, escape: Callable[..., str]) -> str:
    headings = [_heading(heading, escape) for heading in grid.headings]
    lefts = [heading.is_name and heading.text != "K" for heading in grid.headings]
    rows = [[_entry(entry, escape) for entry in row] for row in grid.rows]
    widths = [max(3, *map(len, column)) for column in zip(headings, *rows, strict=True)]
    dashes = [
        "-" * width if left else "-" * (width - 1) + ":"
        for left, width in zip(lefts, widths, strict=True)
    ]
    notes = [f"- {escape(note, MOST_OF_NOTE)}" for note in grid.notes]
    notes += [f"- {RULE}"] if grid.is_marked else []
    lines = [
        f"### {escape(grid.title)}\n",
        *(_line(texts, widths, lefts) for texts in (headings, dashes, *rows)),
        *(["", *notes] if notes else []),
    ]
    return "\n".join(lines) + "\n"


def _heading(heading: Heading, escape: Callable[..., str]) -> str:
    return escape(heading.text) + (", 95% CI" if heading.has_interval else "")


def _line(texts: Sequence[str], widths: Sequence[int], lefts: Sequence[bool]) -> str:
    """One row: names to the left, figures to the right."""
    padded = [
        text.ljust(width) if left else text.rjust(width)
        for text, width, left in zip(texts, widths, lefts, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def _entry(entry: Entry, escape: Callable[..., str]) -> str:
    text = escape(entry.text) if isinstance(entry.value, str) else entry.text
    interval = f" {entry.interval}" if entry.interval else ""
    return (_MARKED[entry.mark].format(text) if entry.mark else text) + interval
