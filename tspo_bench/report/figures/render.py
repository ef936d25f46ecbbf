"""Vega-Lite without a browser or a network: charts as images, and the script that draws them."""

from __future__ import annotations

from functools import cache
from typing import Any

FORMATS = ("png", "pdf", "svg")
_SCALE = 2  # pixels of a PNG for each of the chart's


def image(spec: dict[str, Any], kind: str) -> bytes:
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
