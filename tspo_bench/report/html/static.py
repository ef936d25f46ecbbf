"""The page's figures by matplotlib: for papers, for printing, and where no script runs."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tspo_bench.report.html.figures import Bar, Comparison, DepthMap
from tspo_bench.report.html.folder import PageFolder
from tspo_bench.report.html.texts import plain
from tspo_bench.report.html.training import MEASURES, Curves
from tspo_bench.report.rows import BASELINE
from tspo_bench.report.texts import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers tell apart; the page has the same.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#3A9BD9", "#7B5EA7", "#8C564B")
_NEUTRAL = "#6B6B6B"  # the baseline and the bounds
_MARKERS = "osD^vP*X"
_DPI = 160
_MAP_COLUMNS = 5


def save(folder: PageFolder, name: str, figure: Figure) -> None:
    """Write a figure as PNG and as SVG.

    Raises:
        UserError: it cannot be written.
    """
    for kind in ("svg", "png"):
        content = io.BytesIO()
        if kind == "png":  # everything has its place by now: finding it takes as long as drawing
            figure.set_layout_engine("none")
        # Without the time, so that equal results make equal files.
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(content, format=kind, dpi=_DPI, metadata=metadata)
        folder.write(f"plots/{name}.{kind}", content.getvalue())


def budget_figure(comparison: Comparison) -> Figure:
    """Accuracy against the frames that a question is given, a line a sampler."""
    figure, axes = _one(6.4, 4.2)
    for name, style in _styles(comparison.names).items():
        bars = [bar for bar in _known(comparison.bars) if bar.name == name and bar.frames]
        bars = sorted(bars, key=lambda bar: bar.frames or 0)
        if bars:
            x = [bar.frames for bar in bars]
            _with_intervals(axes, x, bars, **style)
    _logarithmic(axes, sorted({bar.frames for bar in comparison.bars if bar.frames}))
    axes.set_xlabel("frames a question")
    _dress(axes, comparison)
    return figure


def cost_figure(comparison: Comparison, measure: str) -> Figure:
    """Accuracy against what a question cost, a point a row, with the front."""
    figure, axes = _one(6.4, 4.2)
    for name, style in _styles(comparison.names).items():
        bars = [b for b in _known(comparison.bars) if b.name == name and measure in b.costs]
        if bars:
            _with_intervals(
                axes, [b.costs[measure] for b in bars], bars, **{**style, "linewidth": 0}
            )
            for bar in bars:
                point = (bar.costs[measure], 100 * (bar.accuracy or 0))
                axes.annotate(
                    plain(bar.budget),
                    point,
                    (4, 4),
                    textcoords="offset points",
                    fontsize=6.5,
                    alpha=0.8,
                )
    front = [comparison.bars[place] for place in comparison.fronts[measure]]
    x = [bar.costs[measure] for bar in front]
    y = [100 * (bar.accuracy or 0) for bar in front]
    axes.step(x, y, where="post", color=_NEUTRAL, linewidth=1, linestyle=":", zorder=0)
    axes.set_xscale("log")
    axes.set_xlabel(f"{measure} a question" if "questions" not in measure else measure)
    _dress(axes, comparison)
    return figure


def category_figure(comparison: Comparison, group: str, budget: str) -> Figure:
    """Accuracy by the values of a group at one budget, with intervals."""
    values = comparison.groups[group]
    bars = [bar for bar in comparison.bars if bar.budget == budget]
    figure, axes = _one(max(6.4, 0.8 + 0.16 * len(values) * (len(bars) + 1)), 3.8)
    width = 0.84 / max(1, len(bars))
    styles = _styles(comparison.names)
    for number, bar in enumerate(bars):
        entries = [bar.groups.get(group, {}).get(value) for value in values]
        known = [(n, e) for n, e in enumerate(entries) if e is not None and e.accuracy is not None]
        x = [n + (number - (len(bars) - 1) / 2) * width for n, _ in known]
        y = [100 * (entry.accuracy or 0) for _, entry in known]
        ends = [entry.ci95 or (entry.accuracy or 0,) * 2 for _, entry in known]
        low = [max(0.0, top - 100 * end[0]) for top, end in zip(y, ends, strict=True)]
        high = [max(0.0, 100 * end[1] - top) for top, end in zip(y, ends, strict=True)]
        colour = styles[bar.name]["color"]
        fill = {"color": "white", "edgecolor": colour} if bar.is_bound else {"color": colour}
        axes.bar(x, y, width * 0.92, label=plain(bar.name), **fill)
        axes.errorbar(x, y, [low, high], fmt="none", ecolor="#222222", elinewidth=0.7)
    slanted = max(map(len, values)) * len(values) > 80
    axes.set_xticks(range(len(values)), [plain(value) for value in values])
    if slanted:
        axes.tick_params(axis="x", rotation=30)
    _dress(axes, comparison, f"by {plain(group)}, K = {plain(budget)}")
    return figure


def depth_figure(depths: DepthMap) -> Figure:
    """Accuracy by the evidence's depth and the video's length, a map a sampler."""
    from matplotlib.figure import Figure

    columns = min(_MAP_COLUMNS, len(depths.shares))
    rows = -(-len(depths.shares) // columns)
    size = (1.4 + columns * (0.8 + 0.5 * len(depths.lengths)), 0.9 + 2.1 * rows)
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
            text = percent(row[x][1]).rstrip("%") if row[x][0] else ""
            colour = "black" if (row[x][1] or 0) > 0.55 else "white"
            axes.text(x, y, text, ha="center", va="center", fontsize=7, color=colour)
    if image is not None:
        figure.colorbar(image, ax=grid, label="accuracy (%)", shrink=0.7)
    return figure


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
        for log, colour in zip(logs, itertools.cycle(COLOURS), strict=False):
            points = log.curves.get(measure, ())
            x, y = [step for step, _ in points], [value for _, value in points]
            axes.plot(x, y, color=colour, linewidth=1.1, label=plain(log.name))
        axes.set_title(MEASURES[measure], fontsize=8, loc="left")
        _frame(axes)
    figure.legend(
        *grid.flat[0].get_legend_handles_labels(),
        loc="outside right upper",
        fontsize=7,
        frameon=False,
    )
    return figure


def _one(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marker of each sampler: neutral ones for the baseline and the bounds."""
    neutral = {BASELINE: "s", "oracle": "^", "blind": "v"}
    others = [name for name in names if name not in neutral]
    styles: dict[str, dict[str, Any]] = {
        name: {
            "color": COLOURS[number % len(COLOURS)],
            "marker": _MARKERS[(number + number // len(COLOURS)) % len(_MARKERS)],
        }
        for number, name in enumerate(others)
    }
    for name in names:
        if name in neutral:
            styles[name] = {"color": _NEUTRAL, "marker": neutral[name], "mfc": "white"}
    return {name: {"markersize": 4.5, "linewidth": 1.3, **styles[name]} for name in names}


def _known(bars: Sequence[Bar]) -> list[Bar]:
    return [bar for bar in bars if bar.accuracy is not None]


def _with_intervals(axes: Axes, x: Sequence[Any], bars: Sequence[Bar], **style: Any) -> None:
    y = [100 * (bar.accuracy or 0) for bar in bars]
    ends = [bar.ci95 or (bar.accuracy or 0,) * 2 for bar in bars]
    low = [max(0.0, top - 100 * end[0]) for top, end in zip(y, ends, strict=True)]
    high = [max(0.0, 100 * end[1] - top) for top, end in zip(y, ends, strict=True)]
    axes.errorbar(
        x, y, [low, high], elinewidth=0.7, capsize=1.5, label=plain(bars[0].name), **style
    )


def _logarithmic(axes: Axes, ticks: Sequence[float]) -> None:
    if ticks:
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()


def _dress(axes: Axes, comparison: Comparison, subject: str = "") -> None:
    title = ", ".join(filter(None, (plain(comparison.title), subject)))
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(0, 100)
    _frame(axes)
    axes.figure.legend(loc="outside right upper", fontsize=7, frameon=False)


def _frame(axes: Axes) -> None:
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7.5)
