"""The figure of accuracy by evidence: a point for each cell and class, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tspo_bench.report.by_evidence import HITS, ByEvidence
from tspo_bench.report.escape import escape_json
from tspo_bench.report.figures.comparison import save_chart
from tspo_bench.report.figures.styles import style_at
from tspo_bench.report.figures.vega import (
    Spec,
    layer_of,
    quantity,
    spec_of,
    style_channel,
    tooltips,
)
from tspo_bench.report.tables.by_evidence import cell_name, hit_text


def by_evidence_chart(found: ByEvidence) -> Spec:
    """Accuracy where none, some and all of a question's scenes were hit, a colour a cell."""
    points: list[dict[str, Any]] = [
        {
            "name": f"{row.cell.settings.model}: {cell_name(row.cell)}",
            "hit": one.hit,
            "y": one.accuracy,
            "low": one.ci95 and one.ci95[0],
            "high": one.ci95 and one.ci95[1],
            "text": hit_text(one),
        }
        for row in found.rows
        if not row.group
        for one in row.by_hit
        if one.n
    ]
    names = list(dict.fromkeys(point["name"] for point in points))
    styles = {name: style_at(place) for place, name in enumerate(names)}
    order = list(reversed(HITS))
    x: Spec = {"field": "hit", "type": "nominal", "sort": order, "axis": {"labelAngle": 0}}
    x["title"] = "scenes hit by the frames"
    shared = {
        "x": x,
        "xOffset": {"field": "name", "sort": escape_json(names)},
        "color": style_channel("colour", styles, names),
    }
    y = quantity("y", "accuracy") | {"scale": {"domain": [0, 1]}, "axis": {"format": "%"}}
    whiskers = layer_of("rule", y=quantity("low", "accuracy"), y2={"field": "high"}, **shared)
    columns = {"name": "cell", "hit": "scenes hit", "text": "accuracy [95% CI] (n)"}
    shape = style_channel("shape", styles, names)
    dots = layer_of("point", y=y, shape=shape, tooltip=tooltips(columns), **shared)
    known = {"transform": [{"filter": "datum.low != null"}], **whiskers}
    return spec_of({"layer": [known, dots], "width": 480, "height": 320}, points, columns)


def draw_by_evidence(found: ByEvidence, path: Path) -> None:
    """Draw the figure; the suffix names the format: png, pdf or svg.

    Raises:
        UserError: an unknown format, or the image cannot be written.
    """
    save_chart(by_evidence_chart(found), path)
