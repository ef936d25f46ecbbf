"""Tables for a paper: LaTeX with booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tspo_bench.report.escape import MOST_OF_NOTE, for_terminal, latex
from tspo_bench.report.tables.grid import Entry, Grid, Heading

PREAMBLE = r"""% Needs, in the preamble:
% \usepackage[T1]{fontenc}
% \usepackage{textcomp,booktabs,graphicx}
"""
_MARKED = {"best": r"\textbf", "second": r"\underline"}
RULE = (
    "bold: best, underlined: second best of a budget, where better than every lower row at 5% by "
    "a paired test, after Holm's correction; oracle, blind and unfinished rows are left out"
)
_LONG = 72  # characters of \small text that fit the width of a page
_MOST_ROWS = 40  # that fit its height


def grids_latex(grids: Sequence[Grid], remarks: Sequence[str] = ()) -> str:
    """A table environment for each grid, after the packages that they need.

    Remarks and notes become comments. A table longer than a page is split at its parts.
    """
    comments = "".join(_comment(remark) + "\n" for remark in remarks)
    pieces = [piece for grid in grids for piece in _pieces(grid)]
    labels = _labels([piece.title for piece in pieces])
    tables = [_grid(piece, label) for piece, label in zip(pieces, labels, strict=True)]
    return PREAMBLE + comments + "\n" + "\n".join(tables)


def _comment(text: str) -> str:
    return f"% {for_terminal(text, MOST_OF_NOTE)}"


def _labels(titles: Sequence[str]) -> list[str]:
    """A label for each title: "tab:mlvu-llava-video", followed by a number where it repeats."""
    found: list[str] = []
    for title in titles:
        base = "tab:" + (re.sub(r"[^a-z0-9]+", "-", title[:60].lower()).strip("-") or "table")
        repeats = sum(one == base or one.startswith(f"{base}-x") for one in found)
        found.append(f"{base}-x{repeats + 1}" if repeats else base)
    return found


def _pieces(grid: Grid) -> list[Grid]:
    """The grid, or if it is long each part of it, the last with the notes."""
    if len(grid.rows) <= _MOST_ROWS:
        return [grid]
    starts = [0, *sorted(grid.parts)]
    ends = [*starts[1:], len(grid.rows)]
    several = len(starts) > 1
    return [
        replace(
            grid,
            title=f"{grid.title}, part {number} of {len(starts)}" if several else grid.title,
            rows=grid.rows[start:end],
            parts=frozenset(),
            notes=grid.notes if end == len(grid.rows) else (),
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1)
    ]


def _grid(grid: Grid, label: str) -> str:
    alignment = "".join("l" if h.is_name and h.text != "K" else "r" for h in grid.headings)
    body = []
    for number, row in enumerate(grid.rows):
        body += [r"\midrule"] if number in grid.parts else []
        body.append(_line(map(_entry, row)))
    tabular = [
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        _line(map(_heading, grid.headings)),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if _longest_line(grid) > _LONG:
        tabular = [r"\resizebox{\textwidth}{!}{%", *tabular[:-1], tabular[-1] + "}"]
    notes = [*grid.notes, *([RULE] if grid.is_marked else [])]
    lines = [
        *map(_comment, notes),
        r"\begin{table}",
        r"\centering\small",
        rf"\caption{{{latex(grid.title)}}}",
        rf"\label{{{label}}}",
        *tabular,
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _heading(heading: Heading) -> str:
    return latex(heading.text) + (r", 95\% CI" if heading.has_interval else "")


def _longest_line(grid: Grid) -> int:
    """Characters of its widest line, with the gaps between columns."""
    widths = [len(h.text) + 8 * h.has_interval for h in grid.headings]
    for row in grid.rows:
        widths = [max(w, len(entry.whole)) for w, entry in zip(widths, row, strict=True)]
    return sum(widths) + 2 * len(widths)


def _line(texts: Iterable[str]) -> str:
    return " & ".join(texts) + r" \\"


def _entry(entry: Entry) -> str:
    text = latex(entry.text)
    if entry.mark:
        text = rf"{_MARKED[entry.mark]}{{{text}}}"
    return f"{text} {latex(entry.interval)}" if entry.interval else text
