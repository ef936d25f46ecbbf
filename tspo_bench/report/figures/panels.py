"""Figures by groups of questions, by matplotlib: categories, and maps of depth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tspo_bench.report.escape import plain
from tspo_bench.report.figures.static import dress, frame, intervals, one_axes, title_of
from tspo_bench.report.figures.styles import NEUTRAL, Style
from tspo_bench.report.figures.values import Bar, Comparison, DepthMap
from tspo_bench.report.format import percent
from tspo_bench.report.summary import GroupSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAP_COLUMNS = 5
_PANEL_COLUMNS = 5


def category_figure(
    comparison: Comparison, styles: Mapping[str, Style], group: str, budget: str
) -> Figure:
    """Accuracy by the values of a group at one budget, with intervals.

    Bars beside each other; of many samplers a panel a value, with a row for each of them.
    """
    draw = _panels if comparison.is_crowded else _bars
    return draw(comparison, styles, group, budget)


def _bars(comparison: Comparison, styles: Mapping[str, Style], group: str, budget: str) -> Figure:
    values = comparison.groups[group]
    bars = [bar for bar in comparison.bars if bar.budget == budget]
    figure, axes = one_axes(max(6.4, 0.8 + 0.16 * len(values) * (len(bars) + 1)), 3.8)
    width = 0.84 / max(1, len(bars))
    for number, bar in enumerate(bars):
        known = _known(bar, group, values)
        x = [n + (number - (len(bars) - 1) / 2) * width for n, _ in known]
        y, reach = _intervals(known)
        colour = styles[bar.name].hex
        fill = "white" if bar.is_bound else colour
        axes.bar(x, y, width * 0.92, label=plain(bar.name), color=fill, edgecolor=colour)
        axes.errorbar(x, y, reach, fmt="none", ecolor="#222222", elinewidth=0.7)
    slanted = max(map(len, values)) * len(values) > 80
    axes.set_xticks(range(len(values)), [plain(value) for value in values])
    if slanted:
        axes.tick_params(axis="x", rotation=30)
    dress(axes, comparison, _subject(group, budget))
    return figure


def _panels(comparison: Comparison, styles: Mapping[str, Style], group: str, budget: str) -> Figure:
    from matplotlib.figure import Figure

    values = comparison.groups[group]
    bars = [bar for bar in comparison.bars if bar.budget == budget]
    rows = -(-len(values) // _PANEL_COLUMNS)
    columns = -(-len(values) // rows)
    size = (1.4 + 1.9 * columns, 0.5 + rows * (0.5 + 0.14 * len(bars)))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(values) :]:
        axes.set_axis_off()
    for place, (axes, value) in enumerate(zip(grid.flat, values, strict=False)):
        _panel(axes, bars, styles, group, value)
        axes.tick_params(labelbottom=place + columns >= len(values))
    grid.flat[0].set_yticks(range(len(bars)), [plain(bar.name) for bar in bars])
    grid.flat[0].set_ylim(len(bars) - 0.4, -0.6)
    figure.suptitle(title_of(comparison, _subject(group, budget)), fontsize=9)
    figure.supxlabel("accuracy (%)", fontsize=8)
    return figure


def _panel(
    axes: Axes, bars: Sequence[Bar], styles: Mapping[str, Style], group: str, value: str
) -> None:
    """A row a sampler, and a line where the baseline stands."""
    sizes = []
    for row, bar in enumerate(bars):
        known = _known(bar, group, [value])
        x, reach = _intervals(known)
        sizes += [entry.n for _, entry in known]
        look = {**styles[bar.name].of_line, "linestyle": "none"}
        look |= {"markersize": 3.5, "elinewidth": 0.7, "clip_on": False}
        axes.errorbar(x, [row] * len(x), xerr=reach, **look)
        if bar.is_baseline and x:
            axes.axvline(x[0], color=NEUTRAL, linewidth=0.6, linestyle=":", zorder=0)
    axes.set_title(f"{plain(value)} (n = {max(sizes, default=0)})", fontsize=8, loc="left")
    axes.set_xlim(0, 100)
    frame(axes)
    axes.tick_params(labelsize=6.5)


def _known(bar: Bar, group: str, values: Sequence[str]) -> list[tuple[int, GroupSummary]]:
    """A sampler's figures with the places of their values, where there are any."""
    entries = [bar.groups.get(group, {}).get(value) for value in values]
    return [(n, e) for n, e in enumerate(entries) if e is not None and e.accuracy is not None]


def _intervals(known: Sequence[tuple[int, GroupSummary]]) -> tuple[list[float], Any]:
    return intervals([entry.accuracy for _, entry in known], [entry.ci95 for _, entry in known])


def _subject(group: str, budget: str) -> str:
    return f"by {plain(group)}, K = {plain(budget)}"


def depth_figure(depths: DepthMap) -> Figure:
    """Accuracy by the evidence's depth and the video's length, a map a sampler."""
    from matplotlib.figure import Figure

    columns = min(_MAP_COLUMNS, len(depths.shares))
    rows = -(-len(depths.shares) // columns)
    size = (1.4 + columns * (0.8 + 0.5 * len(depths.lengths)), 1.1 + 2.1 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    image = None
    for axes in grid.flat[len(depths.shares) :]:
        axes.set_axis_off()
    for axes, (name, shares) in zip(grid.flat, depths.shares.items(), strict=False):
        points = [[math.nan if s is None else 100 * s for _, s in row] for row in shares]
        image = axes.imshow(points, vmin=0, vmax=100, cmap="cividis", aspect="auto")
        axes.set_xticks(range(len(depths.lengths)), list(map(plain, depths.lengths)), fontsize=7)
        axes.set_yticks(range(len(depths.depths)), list(map(plain, depths.depths)), fontsize=7)
        axes.set_title(plain(name), fontsize=8, loc="left")
        for (y, row), x in itertools.product(enumerate(shares), range(len(depths.lengths))):
            _cell_text(axes, x, y, row[x], depths)
    figure.suptitle(f"K = {plain(depths.budget)}, {depths.counts}", fontsize=8)
    if image is not None:
        figure.colorbar(image, ax=grid, label="accuracy (%)", shrink=0.7)
    return figure


def _cell_text(
    axes: Axes, x: int, y: int, share: tuple[int, float | None], depths: DepthMap
) -> None:
    """The percentage, and where the cells differ how many questions it is of."""
    n, accuracy = share
    if not n:
        return
    colour = "black" if (accuracy or 0) > 0.55 else "white"
    centre: dict[str, Any] = {"ha": "center", "color": colour}
    number = percent(accuracy).rstrip("%")
    if depths.is_even:
        axes.text(x, y, number, va="center", fontsize=7, **centre)
    else:
        axes.text(x, y, number, va="bottom", fontsize=7, **centre)
        axes.text(x, y + 0.06, f"n = {n}", va="top", fontsize=5, **centre)
