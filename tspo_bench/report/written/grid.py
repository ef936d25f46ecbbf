"""A table of texts, whatever it is written as: Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tspo_bench.report.marks import Mark

BUDGET = "K"


@dataclass(frozen=True)
class Grid:
    """A table of texts as others wrote them and figures as we did.

    Attributes:
        title: above it.
        labels: the headings of the first columns, whose texts are others'.
        figures: the headings of the other columns.
        rows: the texts of each row, as many as there are headings.
        marks: by (row, column), what to print in bold or underlined.
        parts: the rows that begin a new part; a line is drawn above each.
        notes: below it.
    """

    title: str
    labels: tuple[str, ...]
    figures: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: Mapping[tuple[int, int], Mark]
    parts: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def num_left(self) -> int:
        """The first columns that stand left: names, but not the budget behind them."""
        return len(self.labels) - (self.labels[-1] == BUDGET)


def parts_of(values: Sequence[str]) -> frozenset[int]:
    """The places at which the value is another than before."""
    return frozenset(n for n in range(1, len(values)) if values[n] != values[n - 1])
