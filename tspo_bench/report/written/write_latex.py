"""Tables for a paper: LaTeX with booktabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tspo_bench.report.escape import MOST_OF_NOTE, latex
from tspo_bench.report.written.grid import Grid

PREAMBLE = r"""% Needs, in the preamble:
% \usepackage[T1]{fontenc}
% \usepackage{textcomp,booktabs,graphicx}
"""
_MARKED = {"best": r"\textbf", "second": r"\underline"}
RULE = (
    r"Bold: best, underlined: second best, each where better than every lower row at 5\% by a "
    "paired test, after Holm's correction."
)
_WIDE = 7  # columns that fit the width of a page
_LONG = 60  # characters that do


def grids_latex(grids: Sequence[Grid]) -> str:
    """A table environment for each, after the packages that they need."""
    return PREAMBLE + "\n" + "\n".join(map(_grid, grids))


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
