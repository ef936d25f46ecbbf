"""Figures and rows as the tables write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tspo_bench.report.rows import Row
from tspo_bench.report.stats import Interval
from tspo_bench.report.summary import FeatureSource

UNDEFINED = "n/a"


def percent(share: float | None) -> str:
    """A share of 1 as "62.3%"."""
    return UNDEFINED if share is None else f"{100 * share:.1f}%"


def accuracy_text(accuracy: float | None, ci95: Interval | None) -> str:
    """An accuracy with its interval: "62.3% [58.1, 66.3]"."""
    if accuracy is None:
        return UNDEFINED
    interval = f"{100 * ci95[0]:.1f}, {100 * ci95[1]:.1f}" if ci95 else UNDEFINED
    return f"{percent(accuracy)} [{interval}]"


def difference_text(difference: float | None, ci95: Interval | None) -> str:
    """A difference of accuracies in points, with its interval: "+12.3 [+8.1, +16.5]"."""
    if difference is None:
        return UNDEFINED
    interval = f"{100 * ci95[0]:+.1f}, {100 * ci95[1]:+.1f}" if ci95 else UNDEFINED
    return f"{100 * difference:+.1f} [{interval}]"


def p_text(p_value: float | None) -> str:
    """A p-value to three places."""
    if p_value is None:
        return UNDEFINED
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def seconds_text(seconds: float | None) -> str:
    """Seconds to two places."""
    return UNDEFINED if seconds is None else f"{seconds:.2f}"


def timed_text(
    seconds: float | None, sources: Mapping[FeatureSource, int], form: str = "{:.2f}"
) -> str:
    """Seconds a question, marked where features were cached or may have been (`cached_notes`)."""
    if seconds is None:
        return UNDEFINED
    cached, total = sources.get("cached", 0), sum(sources.values())
    part = f"{100 * cached / total:.0f}%" if cached < total else ""
    marks = [f"c{part}"] * (cached > 0) + ["?"] * ("unknown" in sources)
    return " ".join([form.format(seconds), *marks])


def cached_notes(rows: Sequence[Mapping[FeatureSource, int]]) -> list[str]:
    """What the marks beside the seconds of these rows mean."""
    notes: dict[FeatureSource, str] = {
        "cached": "seconds, c: features were cached, not computed; c and a share: for that share "
        "of the answers that needed features",
        "unknown": "seconds, ?: it is not recorded whether the features were cached",
    }
    return [note for key, note in notes.items() if any(key in sources for sources in rows)]


def label(row: Row, key: str) -> str:
    """What a row's cells have in common."""
    return str(row.cells[0].settings[key])


def budget(row: Row) -> str:
    """The frame budget, or in its place the visual tokens: "64", "v4096"."""
    tokens = row.cells[0].settings.get("visual_tokens")
    return label(row, "frames") if tokens is None else f"v{tokens}"


def names_of(rows: Sequence[Row]) -> list[str]:
    """What tells the rows of one table apart: the sampler, and the budget if there are several."""
    several = len(set(map(budget, rows))) > 1
    return [label(row, "sampler") + (f" K={budget(row)}" if several else "") for row in rows]
