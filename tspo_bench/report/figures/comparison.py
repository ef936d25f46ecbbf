"""Many samplers against the frame budget, and where in a video they fail: the figures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tspo_bench.errors import UserError
from tspo_bench.files import written_whole
from tspo_bench.report.escape import plain
from tspo_bench.report.figures.panels import depth_figure
from tspo_bench.report.figures.static import frame
from tspo_bench.report.figures.styles import styles_for
from tspo_bench.report.figures.values import DEPTH, LENGTH, depth_maps
from tspo_bench.report.rows import BASELINE, Rivals, pooled_rows
from tspo_bench.report.standings import BOUNDS
from tspo_bench.report.terminal.comparison import ranked
from tspo_bench.results import Cell
from tspo_bench.results.slug import safe_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 140


def draw_comparisons(cells: Sequence[Cell], folder: Path) -> list[Path]:
    """Draw what there is to draw of a run: its figures' paths, in `folder`.

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
            maps = depth_maps([c for c in asked if c.settings["frames"] == middle])
            name = f"depth-by-length-{safe_label(model)}-k{middle}"
            for number, depths in enumerate(maps):  # another for each protocol, say
                paths.append(folder / f"{name}{f'-{number}' if number else ''}.png")
                _save(depth_figure(depths), paths[-1])
    return paths


def draw_comparison(cells: Sequence[Cell], path: Path) -> None:
    """Draw accuracy and evidence recall against the frame budget, a line a sampler.

    Args:
        cells: of one task and model; several budgets.
        path: the image; its suffix is the format.

    Raises:
        UserError: the image cannot be written.
    """
    from matplotlib.figure import Figure

    rows = ranked(pooled_rows(cells, Rivals(cells)))
    names = [name for name, _ in rows]
    neutral = [name for name in (BASELINE, *BOUNDS) if name in names]
    styles = styles_for(neutral, [name for name in names if name not in neutral])
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True)
    for name, by_budget in rows:
        ks = sorted(int(key) for key in by_budget if key.isdecimal())
        summaries = [by_budget[str(k)].summary for k in ks]
        style = {"markersize": 4, "linewidth": 1.2, **styles[name].of_line}
        axes[0].plot(ks, [_points(one.accuracy) for one in summaries], label=plain(name), **style)
        axes[1].plot(ks, [_points(one.evidence_recall) for one in summaries], **style)
    for one, title in zip(axes, ("accuracy (%)", "evidence recall (%)"), strict=True):
        _dress(one, title, sorted({int(k) for _, by in rows for k in by if k.isdecimal()}))
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
    frame(axes)


def _distinct(cells: Sequence[Cell], *keys: str) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(str(cell.settings[key]) for key in keys) for cell in cells))


def _has_depths(cell: Cell) -> bool:
    return any({DEPTH, LENGTH} <= set(record.groups) for record in cell.records)


def _save(figure: Figure, path: Path) -> None:
    kind = path.suffix.removeprefix(".") or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise UserError(f"unknown image format {kind!r} of {path}; use png, pdf or svg")
    with written_whole(path, "name another file") as temporary:
        figure.savefig(temporary, format=kind, dpi=_DPI)
