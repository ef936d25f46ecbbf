"""Figures and row labels as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tspo_bench.report.stats import Interval
from tspo_bench.report.summary import FeatureSource
from tspo_bench.results import CellSettings

UNDEFINED = "n/a"


@dataclass(frozen=True)
class Format:
    """How one kind of figure is written: its value, and the ends of its 95% interval."""

    value: Callable[[Any], str] = str
    ends: str = "{:.3g}, {:.3g}"
    scale: float = 1.0

    def interval(self, low: float | None, high: float | None) -> str:
        """The interval in brackets: "[58.1, 66.3]"."""
        if low is None or high is None:
            return f"[{UNDEFINED}]"
        return f"[{self.ends.format(self.scale * low, self.scale * high)}]"


def percent(share: float | None) -> str:
    """A share of 1 as "62.3%"."""
    return UNDEFINED if share is None else f"{100 * share:.1f}%"


def p_text(p_value: float | None) -> str:
    """A p-value to three places."""
    if p_value is None:
        return UNDEFINED
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def seconds_text(seconds: float | None) -> str:
    """Seconds to two places."""
    return UNDEFINED if seconds is None else f"{seconds:.2f}"


TEXT = Format()
COUNT = Format("{:.0f}".format)
DECIMAL = Format("{:.2f}".format)
SHARE = Format(percent, "{:.1f}, {:.1f}", 100)
POINTS = Format(lambda share: f"{100 * share:+.1f}", "{:+.1f}, {:+.1f}", 100)
SPREAD = Format(lambda share: f"{100 * share:.1f}")
P_VALUE = Format(p_text)


def accuracy_text(accuracy: float | None, ci95: Interval | None) -> str:
    """An accuracy with its interval: "62.3% [58.1, 66.3]"."""
    return _with_interval(SHARE, accuracy, ci95)


def difference_text(difference: float | None, ci95: Interval | None) -> str:
    """A difference of accuracies in points, with its interval: "+12.3 [+8.1, +16.5]"."""
    return _with_interval(POINTS, difference, ci95)


def _with_interval(form: Format, value: float | None, ci95: Interval | None) -> str:
    if value is None:
        return UNDEFINED
    return f"{form.value(value)} {form.interval(*(ci95 or (None, None)))}"


def timed_text(
    seconds: float | None, sources: Mapping[FeatureSource, int], form: str = "{:.2f}"
) -> str:
    """Seconds per question, marked where features were or may have been cached."""
    if seconds is None:
        return UNDEFINED
    cached, total = sources.get("cached", 0), sum(sources.values())
    part = f"{100 * cached / total:.0f}%" if cached < total else ""
    marks = [f"c{part}"] * (cached > 0) + ["?"] * ("unknown" in sources)
    return " ".join([form.format(seconds), *marks])


def cached_notes(rows: Sequence[Mapping[FeatureSource, int]]) -> list[str]:
    """Notes on the marks beside the seconds of these rows."""
    notes: dict[FeatureSource, str] = {
        "cached": "seconds, c: features were cached, not computed; c and a share: for that share "
        "of the answers that needed features",
        "unknown": "seconds, ?: it is not recorded whether the features were cached",
    }
    return [note for key, note in notes.items() if any(key in sources for sources in rows)]


def budget_text(settings: CellSettings) -> str:
    """The frame budget, or in its place the visual tokens: "64", "v4096"."""
    tokens = settings.visual_tokens
    return str(settings.frames) if tokens is None else f"v{tokens}"
