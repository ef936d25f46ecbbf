"""Figures of a table by matplotlib: for papers, for printing, and where no script runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tspo_bench.report.escape import plain
from tspo_bench.report.figures.styles import NEUTRAL, Style, style_at
from tspo_bench.report.figures.training import MEASURES, Curves
from tspo_bench.report.figures.values import Bar, Comparison
from tspo_bench.report.stats import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE = (6.4, 4.2)


def budget_figure(comparison: Comparison, styles: Mapping[str, Style]) -> Figure:
    """Accuracy against the frames that a question is given, a line a sampler."""
    figure, axes = one_axes(*_SIZE)
    for name in comparison.names:
        bars = [bar for bar in _known(comparison.bars) if bar.name == name and bar.frames]
        bars = sorted(bars, key=lambda bar: bar.frames or 0)
        if bars:
            _with_intervals(axes, [bar.frames for bar in bars], bars, comparison, styles[name])
    _logarithmic(axes, sorted({bar.frames for bar in comparison.bars if bar.frames}))
    axes.set_xlabel("frames a question")
    dress(axes, comparison)
    return figure


def cost_figure(comparison: Comparison, styles: Mapping[str, Style], measure: str) -> Figure:
    """Accuracy against what a question cost, a point a row, with the front and its names."""
    figure, axes = one_axes(*_SIZE)
    for name in comparison.names:
        bars = [b for b in _known(comparison.bars) if b.name == name and measure in b.costs]
        if bars:
            costs = [bar.costs[measure] for bar in bars]
            _with_intervals(axes, costs, bars, comparison, styles[name], linewidth=0)
    front = [comparison.bars[place] for place in comparison.fronts[measure]]
    x = [bar.costs[measure] for bar in front]
    y = [100 * (bar.accuracy or 0) for bar in front]
    axes.step(x, y, where="post", color=NEUTRAL, linewidth=1, linestyle=":", zorder=0)
    axes.set_xscale("log")
    axes.set_xlabel(f"{measure} a question" if "questions" not in measure else measure)
    dress(axes, comparison)
    _name_front(axes, comparison, measure)
    return figure


def _name_front(axes: Axes, comparison: Comparison, measure: str) -> None:
    """Names to the upper left of the points on the front, where no other point is."""
    low, high = axes.get_xlim()
    axes.set_xlim(low * (low / high) ** 0.2, high)
    for label in comparison.labels[measure]:
        bar = comparison.bars[label.place]
        point = (bar.costs[measure], 100 * (bar.accuracy or 0))
        axes.annotate(
            plain(label.text),
            point,
            (point[0], label.height),
            fontsize=6.5,
            ha="right",
            va="center",
            arrowprops={"arrowstyle": "-", "color": NEUTRAL, "linewidth": 0.5},
        )
        axes.set_ylim(0, max(axes.get_ylim()[1], label.height + 3))


def training_figure(logs: Sequence[Curves]) -> Figure:
    """What was logged in training against the step, a panel a measure and a line a run."""
    from matplotlib.figure import Figure

    measures = [measure for measure in MEASURES if any(measure in log.curves for log in logs)]
    rows = -(-len(measures) // 3)
    figure = Figure(figsize=(9.6, 0.4 + 2.3 * rows), layout="constrained")
    grid = figure.subplots(rows, 3, squeeze=False, sharex=True)
    for axes in grid.flat[len(measures) :]:
        axes.set_axis_off()
    for axes, measure in zip(grid.flat, measures, strict=False):
        for number, log in enumerate(logs):
            points = log.curves.get(measure, ())
            x, y = [step for step, _ in points], [value for _, value in points]
            style = {**style_at(number).of_line, "marker": None}
            axes.plot(x, y, linewidth=1.1, label=plain(log.name), **style)
        axes.set_title(MEASURES[measure], fontsize=8, loc="left")
        frame(axes)
    figure.legend(
        *grid.flat[0].get_legend_handles_labels(),
        loc="outside right upper",
        fontsize=7,
        frameon=False,
    )
    return figure


def intervals(
    shares: Sequence[float | None], ends: Sequence[Interval | None]
) -> tuple[list[float], list[list[float]]]:
    """Percentages, and how far their intervals reach below and above them, for `errorbar`."""
    tops = [100 * (share or 0) for share in shares]
    known = [end or (top / 100,) * 2 for top, end in zip(tops, ends, strict=True)]
    low = [max(0.0, top - 100 * end[0]) for top, end in zip(tops, known, strict=True)]
    high = [max(0.0, 100 * end[1] - top) for top, end in zip(tops, known, strict=True)]
    return tops, [low, high]


def one_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of one part; inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def dress(axes: Axes, comparison: Comparison, subject: str = "") -> None:
    """Title, scale and, where something is drawn, the legend of a figure of one part."""
    axes.set_title(title_of(comparison, subject), fontsize=9, loc="left")
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(0, 100)
    frame(axes)
    if axes.get_legend_handles_labels()[1]:
        axes.figure.legend(loc="outside right upper", fontsize=7, frameon=False, handlelength=3)


def title_of(comparison: Comparison, subject: str = "") -> str:
    """What a figure is over."""
    return ", ".join(filter(None, (plain(comparison.title), subject)))


def frame(axes: Axes) -> None:
    """The grid, and two sides of the frame."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7.5)


def _known(bars: Sequence[Bar]) -> list[Bar]:
    return [bar for bar in bars if bar.accuracy is not None]


def _with_intervals(
    axes: Axes,
    x: Sequence[Any],
    bars: Sequence[Bar],
    comparison: Comparison,
    style: Style,
    linewidth: float = 1.3,
) -> None:
    y, reach = intervals([bar.accuracy for bar in bars], [bar.ci95 for bar in bars])
    look = {"markersize": 4.5, "linewidth": linewidth, "capsize": 1.5, **style.of_line}
    drawn = axes.errorbar(x, y, reach, elinewidth=0.7, label=plain(bars[0].name), **look)
    if comparison.is_crowded:  # so many intervals would hide the points
        for part in (*drawn[1], *drawn[2]):
            part.set_alpha(0.25)


def _logarithmic(axes: Axes, ticks: Sequence[float]) -> None:
    if ticks:
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
