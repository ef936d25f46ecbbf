"""Charts as files: scores against the frame budget, and maps of depth and length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write
from tspo_bench.report.column import FrameRow
from tspo_bench.report.comparison import comparison_tables
from tspo_bench.report.escape import escape_control
from tspo_bench.report.figures.charts import budget_chart, depth_chart
from tspo_bench.report.figures.depth import depth_maps, has_depths
from tspo_bench.report.figures.rows import chart_rows, styles_of
from tspo_bench.report.figures.vega import FORMATS, Spec, beside, image
from tspo_bench.report.frame import chart_columns
from tspo_bench.results import Cell
from tspo_bench.results.slug import safe_label


def draw_comparisons(cells: Sequence[Cell], folder: Path) -> list[Path]:
    """Draw a run's charts into `folder`, and return their paths.

    For each task and model the scores against the budget; for each model whose questions say how
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
        asked = [cell for cell in cells if cell.settings.model == model and has_depths(cell)]
        budgets = sorted({int(str(cell.settings.frames)) for cell in asked})
        if budgets:
            middle = budgets[len(budgets) // 2]
            maps = depth_maps([c for c in asked if c.settings.frames == middle])
            name = f"depth-by-length-{safe_label(model)}-k{middle}"
            for number, depths in enumerate(maps):  # another for each protocol, say
                paths.append(folder / f"{name}{f'-{number}' if number else ''}.png")
                title = escape_control(f"K = {depths.budget}, {depths.counts}")
                _save({**depth_chart(depths), "title": title}, paths[-1])
    return paths


def draw_comparison(cells: Sequence[Cell], path: Path) -> None:
    """Draw every score against the frame budget, a line a sampler.

    Args:
        cells: of one task and model; several budgets.
        path: the image; its suffix is the format: png, pdf or svg.

    Raises:
        UserError: the image cannot be written.
    """
    tables = comparison_tables(cells, others=None)
    rows = _ranked([row for table in tables for row in chart_rows(table)])
    styles = styles_of(rows)
    scores = [c for c in chart_columns("score") if any(row[c.key] is not None for row in rows)]
    charts = [budget_chart(rows, score, styles) for score in scores]
    _save(beside(charts), path)


def _ranked(rows: Sequence[FrameRow]) -> list[FrameRow]:
    """The rows, those of the sampler with the best mean accuracy first."""
    accuracies: dict[str, list[float]] = {}
    for row in rows:
        accuracies.setdefault(row["name"], []).append(row["accuracy"] or 0.0)
    means = {name: sum(some) / len(some) for name, some in accuracies.items()}
    return sorted(rows, key=lambda row: -means[row["name"]])


def _distinct(cells: Sequence[Cell], *keys: str) -> list[tuple[str, ...]]:
    return list(
        dict.fromkeys(tuple(str(getattr(cell.settings, key)) for key in keys) for cell in cells)
    )


def _save(spec: Spec, path: Path) -> None:
    kind = path.suffix.removeprefix(".") or "png"
    if kind not in FORMATS:
        raise UserError(f"unknown image format {kind!r} of {path}; use {', '.join(FORMATS)}")
    content = image(spec, kind)
    with atomic_write(path, "name another file") as temporary:
        temporary.write_bytes(content)
