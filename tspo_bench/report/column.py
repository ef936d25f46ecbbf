"""A column of a comparison table; `report.columns` declares them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tspo_bench.report.format import TEXT, UNDEFINED, Format

if TYPE_CHECKING:
    from tspo_bench.report.comparison import ComparedRow

Layout = Literal["terminal", "paired", "report", "latex", "power", "groups"]
Axis = Literal["score", "cost"]
# A row of the frame: by column key, and "<key>_low" and "<key>_high"; None where undefined.
FrameRow = Mapping[str, Any]

NAMES = ("name", "budget")  # the keys of the first columns of every table


@dataclass(frozen=True)
class Column:
    """One figure of a comparison table.

    Attributes:
        key: its name in the frame, in CSV and in JSON.
        heading: in tables and charts; "{baseline}" stands for the baseline's name.
        help: its definition in one sentence.
        value: the figure of a row: a number (shares of 1), a text, or None where undefined; as a
            function, or as a path of attributes: "summary.n" (None if one on the way is None).
        interval: its 95% confidence interval, (low, high); `key`_low and `key`_high in the frame.
        format: how tables write value and interval.
        text: how tables write the value where that takes more than the value.
        layouts: the tables that show it; CSV and JSON have every column.
        is_narrow: the terminal's table leaves out its interval.
        axis: in charts: a "score" is drawn against the budget, and against each "cost".
        shown: whether a table has the column; by default if any row has a value.
    """

    key: str
    heading: str
    help: str
    value: str | Callable[[ComparedRow], Any]
    interval: str | Callable[[ComparedRow], Any] | None = None
    format: Format = TEXT
    text: Callable[[FrameRow], str] | None = None
    layouts: tuple[Layout, ...] = ()
    axis: Axis | None = None
    shown: Callable[[Layout, Sequence[FrameRow]], bool] | None = None
    is_narrow: bool = False

    @property
    def frame_keys(self) -> tuple[str, ...]:
        """Its keys in the frame: its own, and those of its interval's ends."""
        ends = (f"{self.key}_low", f"{self.key}_high")
        return (self.key, *(ends if self.interval is not None else ()))

    def values(self, row: ComparedRow) -> dict[str, Any]:
        """The row's values by `frame_keys`."""
        found = {self.key: _read(row, self.value)}
        if self.interval is not None:
            ends = _read(row, self.interval) or (None, None)
            found |= zip(self.frame_keys[1:], ends, strict=True)
        return found

    def has_interval(self, layout: Layout) -> bool:
        """Whether a table of this layout shows its interval."""
        return self.interval is not None and not (self.is_narrow and layout == "terminal")

    def written(self, row: FrameRow) -> tuple[str, str]:
        """Value and interval of a row of the frame as text; an empty text for no interval."""
        value = row[self.key]
        text = self.format.value(value) if value is not None else UNDEFINED
        if self.text is not None:
            text = self.text(row)
        if self.interval is None or value is None:
            return text, ""
        return text, self.format.interval(row[f"{self.key}_low"], row[f"{self.key}_high"])

    def is_shown(self, layout: Layout, rows: Sequence[FrameRow]) -> bool:
        """Whether a table of this layout and these rows has the column."""
        if layout not in self.layouts:
            return False
        if self.shown is not None:
            return self.shown(layout, rows)
        return any(row[self.key] is not None for row in rows)


def _read(row: ComparedRow, value: str | Callable[[ComparedRow], Any]) -> Any:
    if not isinstance(value, str):
        return value(row)
    found: Any = row
    for name in value.split("."):
        found = None if found is None else getattr(found, name)
    return found
