"""The figure of accuracy against cost: one panel a cost, dominated rows grey."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.report.figures.comparison import save_chart
from tspo_bench.report.figures.styles import NEUTRAL, style_at
from tspo_bench.report.figures.vega import (
    INK,
    Spec,
    beside,
    layer_of,
    logarithmic,
    quantity,
    spec_of,
    style_channel,
    tooltips,
)
from tspo_bench.report.frame import columns_by_key
from tspo_bench.report.pareto import COSTS, ParetoRow, cost_heading


def pareto_chart(rows: Sequence[ParetoRow], cost: str) -> Spec:
    """Accuracy against one cost, a colour for each sampler and model; needs a positive cost."""
    points = [_point(row, cost) for row in rows if row.values[cost]]
    names = list(dict.fromkeys(point["name"] for point in points))
    styles = {name: style_at(place) for place, name in enumerate(names)}
    x = quantity("x", cost_heading(cost)) | {"axis": {"format": "~g"}}
    x["scale"] = logarithmic(points)
    y = quantity("y", "accuracy") | {"scale": {"domain": [0, 1]}, "axis": {"format": "%"}}
    colour = style_channel("colour", styles, names)
    grey = {"condition": {"test": "datum.dominated", "value": NEUTRAL}, **colour}
    columns = {"name": "sampler", "k": "K", "x": cost_heading(cost), "text": "accuracy"}
    columns["dominated"] = "dominated"
    step = {"type": "line", "interpolate": "step-after", "strokeDash": [2, 2], "strokeWidth": 1}
    front: Spec = {"transform": [{"filter": "!datum.dominated"}]}
    layers = [
        front | layer_of(step, x=x, y=y, color={"value": NEUTRAL}),
        layer_of("rule", x=x, y=quantity("low", "accuracy"), y2={"field": "high"}, color=grey),
        layer_of(
            "point",
            **{"x": x, "y": y, "color": grey, "tooltip": tooltips(columns)},
            shape=style_channel("shape", styles, names),
        ),
        front
        | layer_of(
            {"type": "text", "dy": -9, "fontSize": 9},
            **{"x": x, "y": y, "text": {"field": "k"}, "color": {"value": INK}},
        ),
    ]
    return spec_of({"layer": layers, "width": 340, "height": 300}, points, columns)


def draw_pareto(rows: Sequence[ParetoRow], path: Path) -> None:
    """Draw the panels of the costs that are known; the suffix is the format (png, pdf or svg).

    Raises:
        UserError: rows of several tasks, an unknown format, or a file that cannot be written.
    """
    tasks = list(dict.fromkeys(row.task for row in rows))
    if len(tasks) > 1:
        raise UserError(f"--figure is of one task; choose with --task: {', '.join(tasks)}")
    known = [cost for cost in COSTS if any(row.values[cost] for row in rows)]
    if not known:
        raise UserError("--figure needs a cost above 0; no row has one")
    save_chart(beside([pareto_chart(rows, cost) for cost in known]), path)


def _point(row: ParetoRow, cost: str) -> dict[str, Any]:
    values, columns = row.values, columns_by_key()
    return {
        "name": f"{row.model}: {values['name']}",
        "k": columns["budget"].written(values)[0],
        "x": values[cost],
        "y": values["accuracy"],
        "low": values["accuracy_low"],
        "high": values["accuracy_high"],
        "text": " ".join(columns["accuracy"].written(values)),
        "dominated": row.dominated[cost],
    }
