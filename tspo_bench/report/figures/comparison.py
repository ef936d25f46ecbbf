"""Charts as files: scores against the frame budget, and maps of depth and length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write
from tspo_bench.report.column import FrameRow
from tspo_bench.report.comparison import ComparisonTable, comparison_tables
from tspo_bench.report.escape import escape_control
from tspo_bench.report.figures.charts import budget_chart, depth_chart
from tspo_bench.report.figures.depth import depth_maps, has_depths
from tspo_bench.report.figures.rows import chart_rows, styles_of
from tspo_bench.report.figures.vega import FORMATS, Spec, beside, image
from tspo_bench.report.frame import chart_columns
from tspo_bench.report.titles import disambiguate
from tspo_bench.results import Cell
from tspo_bench.results.slug import safe_label


def draw_comparisons(cells: Sequence[Cell], folder: Path) -> list[Path]:
    """Draw a run's charts into `folder`, and return their paths.

    For each comparison table the scores against the budget; for each model whose questions say how
    deep their evidence lies, the maps at the middle budget. Files and titles of several tables or
    maps name what they differ in.

    Raises:
        UserError: an image cannot be written.
    """
    paths: list[Path] = []
    tables = comparison_tables(cells, others=None)
    for table in tables:
        name = _file_name("comparison", table.title)
        for suffix in ("png", "svg"):
            paths.append(_unused(folder / f"{name}.{suffix}", paths))
            draw_comparison(table, paths[-1], is_titled=len(tables) > 1)
    for model in dict.fromkeys(str(cell.settings.model) for cell in cells):
        asked = [cell for cell in cells if cell.settings.model == model and has_depths(cell)]
        budgets = sorted({int(str(cell.settings.frames)) for cell in asked})
        if budgets:
            middle = budgets[len(budgets) // 2]
            maps = depth_maps([c for c in asked if c.settings.frames == middle])
            labels = disambiguate([model] * len(maps), [one.shared for one in maps])
            for depths, label in zip(maps, labels, strict=True):
                name = f"{_file_name('depth-by-length', label)}-k{middle}.png"
                paths.append(_unused(folder / name, paths))
                whose = f"{label}, " if len(maps) > 1 else ""
                title = escape_control(f"{whose}K = {depths.budget}, {depths.counts}")
                save_chart({**depth_chart(depths), "title": title}, paths[-1])
    return paths


def draw_comparison(table: ComparisonTable, path: Path, *, is_titled: bool = False) -> None:
    """Draw every score of a table against the frame budget, a line a sampler.

    Args:
        table: with several budgets.
        path: the image; its suffix is the format: png, pdf or svg.
        is_titled: whether the table's title stands above the charts.

    Raises:
        UserError: the image cannot be written.
    """
    rows = _ranked(chart_rows(table))
    styles = styles_of(rows)
    scores = [c for c in chart_columns("score") if any(row[c.key] is not None for row in rows)]
    chart = beside([budget_chart(rows, score, styles) for score in scores])
    title = {"title": escape_control(table.title)} if is_titled else {}
    save_chart({**chart, **title}, path)


def _ranked(rows: Sequence[FrameRow]) -> list[FrameRow]:
    """The rows, those of the sampler with the best mean accuracy first."""
    accuracies: dict[str, list[float]] = {}
    for row in rows:
        accuracies.setdefault(row["name"], []).append(row["accuracy"] or 0.0)
    means = {name: sum(some) / len(some) for name, some in accuracies.items()}
    return sorted(rows, key=lambda row: -means[row["name"]])


def _file_name(kind: str, title: str) -> str:
    return "-".join([kind, *map(safe_label, title.split(", "))])


def _unused(path: Path, used: Sequence[Path]) -> Path:
    """The path, numbered if labels that differ gave it before."""
    number, found = 1, path
    while found in used:
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found


def save_chart(spec: Spec, path: Path) -> None:
    """Write a chart to a file, whose suffix is the format: png, pdf or svg.

    Raises:
        UserError: an unknown format, or the file cannot be written.
    """
    kind = path.suffix.removeprefix(".") or "png"
    if kind not in FORMATS:
        raise UserError(f"unknown image format {kind!r} of {path}; use {', '.join(FORMATS)}")
    content = image(spec, kind)
    with atomic_write(path, "name another file") as temporary:
        temporary.write_bytes(content)
