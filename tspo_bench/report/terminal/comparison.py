"""Many samplers against the frame budget: one table, one figure, and where in a video they fail."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from tspo_bench.errors import UserError
from tspo_bench.files import written_whole
from tspo_bench.report.escape import MOST_OF_NOTE, visible
from tspo_bench.report.groups import by_value, values_of
from tspo_bench.report.html.texts import plain
from tspo_bench.report.notes import caption, foot_notes
from tspo_bench.report.rows import Rivals, Row, pooled_rows
from tspo_bench.report.summary import summarise
from tspo_bench.report.terminal.table import empty_table, sampler_text
from tspo_bench.report.texts import UNDEFINED, budget, label, percent
from tspo_bench.results import Cell
from tspo_bench.results.slug import safe_label
from tspo_bench.types import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEPTH, LENGTH = "depth", "length"  # the groups of a map
_DPI = 140
_BOUNDS = ("blind", "oracle")  # drawn apart: no way of their own to choose
_INTERVALS = "intervals and paired differences: tspo-bench report, with the folder of the records"
_MARKERS = "osD^vP*X<>"
# Okabe and Ito's colours, which colour-blind readers tell apart; markers tell their repeats.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def comparison_table(cells: Sequence[Cell]) -> Group:
    """Accuracy and evidence recall of each sampler at each budget, for `rich.print`.

    One table for each task and model; samplers stand in the order of their mean accuracy.
    """
    tables: list[RenderableType] = []
    rows = pooled_rows(cells, Rivals(cells))
    for task, model in dict.fromkeys((label(row, "task"), label(row, "model")) for row in rows):
        some = [row for row in rows if (label(row, "task"), label(row, "model")) == (task, model)]
        title = f"{task}, {model}: accuracy / evidence recall (%) at K frames"
        table = empty_table(None)
        table.add_column("sampler", overflow="fold")
        budgets = list(dict.fromkeys(map(budget, some)))
        for heading in budgets:
            table.add_column(f"K={heading}", justify="right", no_wrap=True)
        for name, by_budget in _ranked(some):
            texts = [_figures_text(by_budget.get(heading)) for heading in budgets]
            table.add_row(Text(visible(name)), *map(Text, texts))
        tables += [Text(f"\n{visible(title)}", style="bold"), table]
        notes = [*caption(some), *foot_notes(some), _INTERVALS]
        tables += [Text(visible(note, MOST_OF_NOTE), style="dim") for note in notes]
    return Group(*tables)


def _ranked(rows: Sequence[Row]) -> list[tuple[str, dict[str, Row]]]:
    """Each sampler's rows by budget, the best sampler first."""
    by_sampler: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_sampler.setdefault(sampler_text(row), {})[budget(row)] = row

    def mean_accuracy(item: tuple[str, dict[str, Row]]) -> float:
        known = [row.summary.accuracy for row in item[1].values()]
        numbers = [accuracy for accuracy in known if accuracy is not None]
        return sum(numbers) / len(numbers) if numbers else -1.0

    return sorted(by_sampler.items(), key=mean_accuracy, reverse=True)


def _figures_text(row: Row | None) -> str:
    if row is None:
        return UNDEFINED
    summary = row.summary
    recall = percent(summary.evidence_recall)
    return f"{percent(summary.accuracy)} / {recall}".replace("%", "")


def draw_comparison(cells: Sequence[Cell], path: Path) -> None:
    """Draw accuracy and evidence recall against the frame budget, a line a sampler.

    Args:
        cells: of one task and model; several budgets.
        path: the image; its suffix is the format.

    Raises:
        UserError: the image cannot be written.
    """
    from matplotlib.figure import Figure

    ranked = _ranked(pooled_rows(cells, Rivals(cells)))
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True)
    for (name, by_budget), marker, colour in zip(
        ranked, itertools.cycle(_MARKERS), itertools.cycle(_COLOURS), strict=False
    ):
        ks = sorted(int(key) for key in by_budget if key.isdecimal())
        summaries = [by_budget[str(k)].summary for k in ks]
        style = {"marker": marker, "color": colour, "markersize": 4, "linewidth": 1.2}
        if name in _BOUNDS:
            style |= {"color": "#888888", "linestyle": ":"}
        axes[0].plot(ks, [_points(one.accuracy) for one in summaries], label=plain(name), **style)
        axes[1].plot(ks, [_points(one.evidence_recall) for one in summaries], **style)
    for one, title in zip(axes, ("accuracy (%)", "evidence recall (%)"), strict=True):
        _dress(one, title, sorted({int(k) for _, rows in ranked for k in rows if k.isdecimal()}))
    figure.legend(loc="outside right upper", fontsize=8, frameon=False, title="by mean accuracy")
    _save(figure, path)


def _points(share: float | None) -> float:
    return float("nan") if share is None else 100 * share


def _dress(axes: Axes, title: str, budgets: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(budgets, [str(k) for k in budgets])
    axes.minorticks_off()
    axes.set_ylim(-2, 102)
    axes.set_xlabel("frames K")
    axes.set_title(title, loc="left", fontsize=10)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def draw_comparisons(cells: Sequence[Cell], folder: Path) -> list[Path]:
    """Draw what there is to draw of a comparison: its figures' paths, in `folder`.

    For each task and model the figure against the budget; for each model whose questions say how
    deep their evidence lies, the maps at the middle budget.

    Raises:
        UserError: an image cannot be written.
    """
    paths = []
    for task, model in _distinct(cells, "task", "model"):
        some = [c for c in cells if (c.settings["task"], c.settings["model"]) == (task, model)]
        name = safe_label(f"{task}-{model}")
        for suffix in ("png", "svg"):
            paths.append(folder / f"comparison-{name}.{suffix}")
            draw_comparison(some, paths[-1])
    for (model,) in _distinct(cells, "model"):
        asked = [cell for cell in cells if cell.settings["model"] == model and _has_depths(cell)]
        budgets = sorted({int(str(cell.settings["frames"])) for cell in asked})
        if budgets:
            middle = budgets[len(budgets) // 2]
            paths.append(folder / f"depth-by-length-{safe_label(model)}-k{middle}.png")
            draw_depth_maps([c for c in asked if c.settings["frames"] == middle], paths[-1])
    return paths


def _distinct(cells: Sequence[Cell], *keys: str) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(str(cell.settings[key]) for key in keys) for cell in cells))


def _has_depths(cell: Cell) -> bool:
    return any({DEPTH, LENGTH} <= set(record.groups) for record in cell.records)


def draw_depth_maps(cells: Sequence[Cell], path: Path) -> None:
    """Draw each sampler's accuracy by the needle's depth (rows) and the video's length (columns).

    Args:
        cells: of one model and budget, of one or several tasks whose questions have both groups.
        path: the image; its suffix is the format.

    Raises:
        UserError: the image cannot be written.
    """
    from matplotlib.figure import Figure

    by_sampler: dict[str, list[Record]] = {}
    for cell in cells:
        by_sampler.setdefault(str(cell.settings["sampler"]), []).extend(cell.records)
    everything = [record for records in by_sampler.values() for record in records]
    depths = _values(everything, DEPTH)
    lengths = _values(everything, LENGTH)
    columns = min(5, len(by_sampler))
    rows = -(-len(by_sampler) // columns)
    size = (1.1 + columns * (0.9 + 0.55 * len(lengths)), 0.7 + 1.9 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat:
        axes.set_axis_off()
    image = None
    for axes, (name, records) in zip(grid.flat, by_sampler.items(), strict=False):
        shares = [[_accuracy(records, depth, length) for length in lengths] for depth in depths]
        axes.set_axis_on()
        image = axes.imshow(shares, vmin=0, vmax=100, cmap="viridis", aspect="auto")
        axes.set_xticks(range(len(lengths)), list(map(plain, lengths)), fontsize=7)
        axes.set_yticks(range(len(depths)), list(map(plain, depths)), fontsize=7)
        axes.set_title(plain(name), fontsize=8)
        for row, column in itertools.product(range(len(depths)), range(len(lengths))):
            share = shares[row][column]
            text = "" if math.isnan(share) else f"{share:.0f}"
            colour = "white" if share < 60 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    budgets = ", ".join({plain(str(cell.settings["frames"])) for cell in cells})
    figure.suptitle(
        f"accuracy by the evidence's depth in the video, and its length; K = {budgets}",
        fontsize=9,
    )
    if image is not None:
        figure.colorbar(image, ax=grid, label="accuracy (%)", shrink=0.6)
    _save(figure, path)


def _values(records: Sequence[Record], group: str) -> list[str]:
    return list(by_value(records).get(group, {}))


def _accuracy(records: Sequence[Record], depth: str, length: str) -> float:
    some = [r for r in records if depth in values_of(r, DEPTH) and length in values_of(r, LENGTH)]
    return _points(summarise(some).accuracy)


def _save(figure: Figure, path: Path) -> None:
    kind = path.suffix.removeprefix(".") or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise UserError(f"unknown image format {kind!r} of {path}; use png, pdf or svg")
    with written_whole(path, "name another file") as temporary:
        figure.savefig(temporary, format=kind, dpi=_DPI)
