"""Vega-Lite: the parts and the look that all charts share, images without a browser, the script.

A specification holds its rows; `usermeta.columns` names the columns of its table: (field, heading).
Altair would write the same, but takes half a second for each: a page has one for every choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tspo_bench.report.escape import escape_json
from tspo_bench.report.figures.styles import NEUTRAL, Style

Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]
FORMATS = ("png", "pdf", "svg")
_SCALE = 2  # pixels of a PNG for each of the chart's
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"  # a name: nothing is loaded from there
INK = "currentColor"  # the page's, which may be dark
_TEXT = {"labelColor": INK, "titleColor": INK}
_CONFIG: Spec = {
    "view": {"stroke": None},
    "axis": {
        **_TEXT,
        **{"gridColor": NEUTRAL, "gridOpacity": 0.25, "domainOpacity": 0.4, "tickOpacity": 0.4},
        **{"titleFontWeight": "normal", "labelLimit": 170},
    },
    "header": _TEXT,
    "legend": {**_TEXT, "orient": "bottom", "columns": 4, "labelLimit": 200, "symbolOpacity": 1},
    "title": {"color": INK, "anchor": "start"},
    "point": {"filled": True, "size": 55},
}


def spec_of(view: Spec, rows: Rows, columns: Mapping[str, str]) -> Spec:
    """A chart with its rows, its table's columns and the look of all."""
    return {
        "$schema": _SCHEMA,
        "config": _CONFIG,
        "usermeta": {"columns": list(columns.items())},
        "params": [{"name": "highlight", "value": ""}],  # the sampler that stands out; "" for none
        "data": {"name": "rows"},
        "datasets": {"rows": escape_json(rows)},
        **view,
    }


def beside(specs: Sequence[Spec]) -> Spec:
    """Charts of scores in a row, as one."""
    views = [
        {key: spec[key] for key in ("layer", "width", "height")}
        | {"data": {"values": spec["datasets"]["rows"]}}
        for spec in specs
    ]
    return {key: specs[0][key] for key in ("$schema", "config", "params")} | {"hconcat": views}


def layer_of(mark: str | Spec, **encoding: Any) -> Spec:
    """A mark, and what its channels show."""
    return {"mark": mark, "encoding": encoding}


def quantity(field: str, title: str | None = None) -> Spec:
    """A field of numbers on an axis."""
    return {"field": field, "type": "quantitative", "title": title}


def style_channel(part: str, styles: Mapping[str, Style], names: Sequence[str]) -> Spec:
    """Colour, shape or dash of each name; as their titles are equal, they share a legend."""
    looks = [getattr(styles[name], part) for name in names]
    return {"field": "name", "title": None, "scale": {"domain": escape_json(names), "range": looks}}


def tooltips(columns: Mapping[str, str]) -> list[Spec]:
    """The columns of the table, shown under the pointer."""
    return [{"field": field, "title": title} for field, title in columns.items()]


def panels_of(field: str, order: Sequence[str], columns: int, view: Spec) -> Spec:
    """A view for each value of a field, in this order."""
    header = {"labelAnchor": "start", "labelFontWeight": "bold", "labelLimit": 240, "title": None}
    facet = {"field": field, "sort": escape_json(order), "header": header}
    return {"facet": facet, "columns": columns, "spec": view}


def logarithmic(points: Rows, left: float = 0.05, least: float = 2) -> Spec:
    """A logarithmic scale with room beside the points, the more on the left for names.

    It goes up to `least` times of where it begins, or further: narrow ranges are not spread out.
    """
    values = [point["x"] for point in points] or [1]
    reach = max(least * min(values) / max(values), 1) ** 0.5
    low, high = min(values) / reach, max(values) * reach
    ratio = high / low
    return {"type": "log", "domain": [low / ratio**left, high * ratio**0.05], "nice": False}


def image(spec: Spec, kind: str) -> bytes:
    """A chart as an image; `kind` is one of `FORMATS`."""
    import vl_convert

    if kind == "svg":
        return vl_convert.vegalite_to_svg(spec).encode()
    if kind == "pdf":
        return vl_convert.vegalite_to_pdf(spec)
    return vl_convert.vegalite_to_png(spec, scale=_SCALE)


@cache
def vega_script() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
