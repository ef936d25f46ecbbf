"""Tables for a paper: LaTeX with booktabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tspo_bench.report.escape import MOST_OF_NOTE, latex, visible
from tspo_bench.report.written.grid import Grid

PREAMBLE = r"""% Needs, in the preamble:
% \usepackage[T1]{fontenc}
% \usepackage{textcomp,booktabs,graphicx}
"""
_MARKED = {"best": r"\textbf", "second": r"\underline"}
RULE = (
    r"Bold: best, underlined: second best of a budget, where better than every lower row at 5\% by "
    "a paired test, after Holm's correction; oracle, blind and unfinished rows are left out."
)
_WIDE = 7  # columns that fit the width of a page
_LONG = 60  # characters that do
_MOST_ROWS = 40  # that fit its height


def grids_latex(grids: Sequence[Grid], remarks: Sequence[str] = ()) -> str:
    """A table environment for each, after the packages that they need, and remarks as comments.

    One that is longer than a page becomes a table for each of its parts.
    """
    told = "".join(f"% {visible(remark, MOST_OF_NOTE)}\n" for remark in remarks)
    pieces = [piece for grid in grids for piece in _pieces(grid)]
    return PREAMBLE + told + "\n" + "\n".join(map(_grid, pieces))


def _pieces(grid: Grid) -> list[Grid]:
    """The grid, or if it is long each part of it, the last with the notes."""
    if len(grid.rows) <= _MOST_ROWS:
        return [grid]
    starts = [0, *sorted(grid.parts)]
    ends = [*starts[1:], len(grid.rows)]
    return [
        replace(
            grid,
            title=f"{grid.title}, part {number} of {len(starts)}"
            if len(starts) > 1
            else grid.title,
            rows=grid.rows[start:end],
            marks={
                (row - start, column): mark
                for (row, column), mark in grid.marks.items()
                if start <= row < end
            },
            parts=frozenset(),
            notes=grid.notes if end == len(grid.rows) else (),
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1)
    ]


def _grid(grid: Grid) -> str:
    num_columns = len(grid.labels) + len(grid.figures)
    alignment = "l" + "r" * (num_columns - 1)
    body = []
    for number in range(len(grid.rows)):
        body += [r"\midrule"] if number in grid.parts else []
        body.append(_line(_cell(grid, number, column) for column in range(num_columns)))
    notes = [latex(note, MOST_OF_NOTE) for note in grid.notes] + ([RULE] if grid.marks else [])
    tabular = [
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        _line(latex(text) for text in (*grid.labels, *grid.figures)),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if num_columns > _WIDE or _longest_line(grid) > _LONG:
        tabular = [r"\resizebox{\textwidth}{!}{%", *tabular[:-1], tabular[-1] + "}"]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex(grid.title)}}}",
        *tabular,
        *(rf"\par\smallskip{{\footnotesize {note}\par}}" for note in notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _longest_line(grid: Grid) -> int:
    """Characters of its widest line."""
    columns = zip((*grid.labels, *grid.figures), *grid.rows, strict=True)
    return sum(max(map(len, column)) for column in columns)


def _line(texts: Iterable[str]) -> str:
    return " & ".join(texts) + r" \\"


def _cell(grid: Grid, row: int, column: int) -> str:
    text = latex(grid.rows[row][column])
    mark = grid.marks.get((row, column))
    return rf"{_MARKED[mark]}{{{text}}}" if mark else text
