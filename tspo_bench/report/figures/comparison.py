"""Many samplers against the frame budget, and where in a video they fail: the figures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tspo_bench.errors import UserError
from tspo_bench.files import written_whole
from tspo_bench.report.columns import FrameRow, chart_columns
from tspo_bench.report.comparison import BOUNDS, comparison_tables
from tspo_bench.report.escape import plain
from tspo_bench.report.figures.panels import depth_figure
from tspo_bench.report.figures.static import frame
from tspo_bench.report.figures.styles import styles_for
from tspo_bench.report.figures.values import DEPTH, LENGTH, depth_maps
from tspo_bench.report.rows import BASELINE
from tspo_bench.report.tables.comparison import rows_of
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
        some = [c for c in cells if (c.settings.task, c.settings.model) == (task, model)]
        name = safe_label(f"{task}-{model}")
        for suffix in ("png", "svg"):
            paths.append(folder / f"comparison-{name}.{suffix}")
            draw_comparison(some, paths[-1])
    for (model,) in _distinct(cells, "model"):
        asked = [cell for cell in cells if cell.settings.model == model and _has_depths(cell)]
        budgets = sorted({int(str(cell.settings.frames)) for cell in asked})
        if budgets:
            middle = budgets[len(budgets) // 2]
            maps = depth_maps([c for c in asked if c.settings.frames == middle])
            name = f"depth-by-length-{safe_label(model)}-k{middle}"
            for number, depths in enumerate(maps):  # another for each protocol, say
                paths.append(folder / f"{name}{f'-{number}' if number else ''}.png")
                _save(depth_figure(depths), paths[-1])
    return paths


def draw_comparison(cells: Sequence[Cell], path: Path) -> None:
    """Draw each score against the frame budget, a line a sampler.

    Args:
        cells: of one task and model; several budgets.
        path: the image; its suffix is the format.

    Raises:
        UserError: the image cannot be written.
    """
    from matplotlib.figure import Figure

    rows = [row for table in comparison_tables(cells, others=None) for row in rows_of(table)]
    names = _ranked(rows)
    neutral = [name for name in (BASELINE, *BOUNDS) if name in names]
    styles = styles_for(neutral, [name for name in names if name not in neutral])
    scores = [c for c in chart_columns("score") if any(row[c.key] is not None for row in rows)]
    figure = Figure(figsize=(1 + 5 * len(scores), 5.2), layout="constrained")
    panels = figure.subplots(1, len(scores), sharex=True, squeeze=False)[0]
    for name in names:
        own = sorted((r for r in rows if r["name"] == name), key=lambda row: int(row["budget"]))
        style = {"markersize": 4, "linewidth": 1.2, **styles[name].of_line}
        for axes, column in zip(panels, scores, strict=True):
            points = [_points(row[column.key]) for row in own]
            axes.plot([row["budget"] for row in own], points, label=plain(name), **style)
    for axes, column in zip(panels, scores, strict=True):
        _dress(axes, f"{column.heading} (%)", sorted({int(row["budget"]) for row in rows}))
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside right upper",
        fontsize=8,
        frameon=False,
        title="by mean accuracy",
    )
    _save(figure, path)


def _ranked(rows: Sequence[FrameRow]) -> list[str]:
    """The samplers, that of the best mean accuracy first."""
    accuracies: dict[str, list[float]] = {}
    for row in rows:
        accuracies.setdefault(row["name"], []).append(row["accuracy"] or 0.0)
    return sorted(accuracies, key=lambda name: -sum(accuracies[name]) / len(accuracies[name]))


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
    return list(
        dict.fromkeys(tuple(str(getattr(cell.settings, key)) for key in keys) for cell in cells)
    )


def _has_depths(cell: Cell) -> bool:
    return any({DEPTH, LENGTH} <= set(record.groups) for record in cell.records)


def _save(figure: Figure, path: Path) -> None:
    kind = path.suffix.removeprefix(".") or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise UserError(f"unknown image format {kind!r} of {path}; use png, pdf or svg")
    with written_whole(path, "name another file") as temporary:
        figure.savefig(temporary, format=kind, dpi=_DPI)
