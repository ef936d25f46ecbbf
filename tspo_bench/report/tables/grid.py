"""A table as text, for the terminal, Markdown, LaTeX and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tspo_bench.report.marks import Mark


@dataclass(frozen=True)
class Heading:
    """A column's heading; `help` defines it, `is_name` says that its texts are names."""

    text: str
    has_interval: bool = False
    help: str = ""
    is_name: bool = False


@dataclass(frozen=True)
class Entry:
    """A figure of a table: its text and that of its interval, and the value to sort by."""

    text: str
    interval: str = ""
    value: float | str | None = None
    mark: Mark | None = None

    @property
    def whole(self) -> str:
        """Value and interval: "62.3% [58.1, 66.3]"."""
        return f"{self.text} {self.interval}" if self.interval else self.text


@dataclass(frozen=True)
class Grid:
    """A table of texts.

    Attributes:
        title: above it; empty for none.
        headings: of the columns.
        rows: the entries of each row, as many as there are headings.
        parts: the rows that begin a new part; a line is drawn above each.
        notes: below it.
    """

    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Entry, ...], ...]
    parts: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def is_marked(self) -> bool:
        """Whether anything is marked as best."""
        return any(entry.mark for row in self.rows for entry in row)


def parts_of(values: Sequence[object]) -> frozenset[int]:
    """The places at which the value is another than before."""
    return frozenset(n for n in range(1, len(values)) if values[n] != values[n - 1])
