"""Charts as Vega-Lite specifications: one each for the page, its fallback images and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tspo_bench.report.column import Column, FrameRow
from tspo_bench.report.escape import escape_json, snippet
from tspo_bench.report.figures.depth import DepthMap
from tspo_bench.report.figures.rows import Part, front_places, name_heights
from tspo_bench.report.figures.styles import NEUTRAL, Style, style_at
from tspo_bench.report.figures.training import MEASURES, Curves
from tspo_bench.report.figures.vega import (
    INK,
    Rows,
    Spec,
    layer_of,
    logarithmic,
    panels_of,
    quantity,
    spec_of,
    style_channel,
    tooltips,
)
from tspo_bench.report.format import SHARE, percent

_SIZE = {"width": 480, "height": 320}
_CROWD = 6  # samplers; the intervals of more would hide the points
_ASIDE = 0.016  # octaves between samplers of one budget, so that each interval can be seen


def budget_chart(rows: Sequence[FrameRow], score: Column, styles: Mapping[str, Style]) -> Spec:
    """A score against the frames that a question is given, a line a sampler."""
    known = [row for row in rows if row[score.key] is not None]
    names = _names(known)
    points = []
    for row in known:
        frames = row["mean_frames"] or row["budget"]  # blind is asked at K, and given none
        aside = 2 ** (_ASIDE * (names.index(row["name"]) - (len(names) - 1) / 2))
        points.append({**_point(row, score), "frames": round(frames, 1), "x": frames * aside})
    ticks = sorted({point["frames"] for point in points})
    x = {
        **quantity("x", "frames / question"),
        "scale": logarithmic(points, least=4) | {"base": 2},
        "axis": {"values": ticks, "format": "~r"},
    }
    line = {"y": quantity("y"), "strokeDash": style_channel("dash", styles, names)}
    columns = {"name": "sampler", "k": "K", "frames": "frames", **_texts(score)}
    return _scores(x, [layer_of("line", **line)], points, score, columns, styles)


def cost_chart(
    rows: Sequence[FrameRow], score: Column, cost: Column, styles: Mapping[str, Style]
) -> Spec:
    """A score against a cost of a question, with the Pareto front and its names."""
    known = [row for row in rows if row[score.key] is not None and row[cost.key]]
    points = [
        {**_point(row, score), "x": row[cost.key], "cost": cost.written(row)[0], "front": "no"}
        for row in known
    ]
    front = [points[place] for place in front_places(known, score, cost)]
    heights = name_heights([point["y"] for point in front])
    for point, height in zip(front, heights, strict=True):
        label = f"{snippet(point['name'], 24)}, K = {point['k']}"
        point |= {"front": "yes", "label": label, "height": height}
    x = {
        **quantity("x", cost.heading),
        "scale": logarithmic(points, left=0.2 if front else 0.05),
        "axis": {"format": "~r"},
    }
    grey: Spec = {"color": {"value": NEUTRAL}, "opacity": {"value": 1}}
    named: Spec = {"transform": [{"filter": "datum.front == 'yes'"}]}
    dotted = {"type": "line", "interpolate": "step-after", "strokeDash": [2, 2], "strokeWidth": 1}
    text = {"type": "text", "align": "right", "dx": -3, "fontSize": 10, "limit": 180}
    ink = {**grey, "color": {"value": INK}}
    others = [
        named | layer_of(dotted, y=quantity("y"), **grey),
        named | layer_of("rule", y=quantity("y"), y2={"field": "height"}, **grey),
        named | layer_of(text, y=quantity("height"), text={"field": "label"}, **ink),
    ]
    columns = {"name": "sampler", "k": "K", "cost": cost.heading, **_texts(score)}
    columns["front"] = "on the front"
    return _scores(x, others, points, score, columns, styles)


def category_chart(parts: Sequence[Part], score: Column, styles: Mapping[str, Style]) -> Spec:
    """A score by the values of a group: a panel a value, a row a sampler.

    Args:
        parts: rows of one budget, each with its part of every value.
        score: what is drawn.
        styles: of the samplers.
    """
    sizes: dict[str, int] = {}
    for _, by_value in parts:
        for value, part in by_value.items():
            sizes[value] = max(part["n"], sizes.get(value, 0))
    points = [
        {
            **_point({**part, "name": row["name"], "k": row["k"]}, score),
            **{"panel": f"{value} (n = {sizes[value]})", "value": value, "n": part["n"]},
            "is_baseline": row["is_baseline"],
        }
        for row, by_value in parts
        for value, part in by_value.items()
        if part[score.key] is not None
    ]
    names = _names(points)
    columns = {"name": "sampler", "value": "value", "n": "n", **_texts(score)}
    x = {**quantity("y", score.heading), **_score_axis(score, tickCount=5)}
    y = {"field": "name", "title": None, "sort": escape_json(names)}
    look = style_channel("colour", styles, names) | {"legend": None}
    shape = style_channel("shape", styles, names) | {"legend": None}
    baseline = {"type": "rule", "strokeDash": [2, 2]}
    of_baseline = {"transform": [{"filter": "datum.is_baseline"}]}
    layers = [
        of_baseline | layer_of(baseline, x=x, color={"value": NEUTRAL}),
        layer_of("rule", x=quantity("low", score.heading), x2={"field": "high"}, y=y, color=look),
        layer_of("point", x=x, y=y, color=look, shape=shape, tooltip=tooltips(columns)),
    ]
    for layer in layers[1:]:
        layer["encoding"]["opacity"] = _opacity(1)
    panels = [f"{value} (n = {n})" for value, n in sizes.items()]
    size = {"width": 150, "height": {"step": 16}}
    return spec_of(panels_of("panel", panels, 5, {"layer": layers, **size}), points, columns)


def depth_chart(depths: DepthMap) -> Spec:
    """Accuracy by the evidence's depth and the video's length, a map a sampler."""
    cells = [
        {
            **{"name": name, "depth": depth, "length": length, "n": n, "y": accuracy},
            "accuracy": percent(accuracy),
            "text": percent(accuracy).rstrip("%") + ("" if depths.is_even else f"\nn = {n}"),
        }
        for name, shares in depths.shares.items()
        for depth, row in zip(depths.depths, shares, strict=True)
        for length, (n, accuracy) in zip(depths.lengths, row, strict=True)
        if n
    ]
    columns = {"name": "sampler", "depth": "depth", "length": "length", "n": "n"}
    columns["accuracy"] = "accuracy"
    places: Spec = {
        "x": {
            **{"field": "length", "title": None, "sort": escape_json(depths.lengths)},
            "axis": {"labelAngle": 0},
        },
        "y": {"field": "depth", "title": None, "sort": escape_json(depths.depths)},
        "tooltip": tooltips(columns),
    }
    colour = {
        **quantity("y", "accuracy"),
        "scale": {"domain": [0, 1], "scheme": "cividis"},
        "legend": {"format": "%"},
    }
    ink = {"condition": {"test": "datum.y > 0.55", "value": "black"}, "value": "white"}
    text: Spec = {"type": "text", "lineBreak": "\n", "fontSize": 10 if depths.is_even else 9}
    text["dy"] = 0 if depths.is_even else -5
    layers = [
        layer_of("rect", color=colour, **places),
        layer_of(text, text={"field": "text"}, color=ink, **places),
    ]
    size = {"width": max(90, 44 * len(depths.lengths)), "height": {"step": 26}}
    maps = panels_of("name", list(depths.shares), 6, {"layer": layers, **size})
    return spec_of(maps, cells, columns)


def training_chart(logs: Sequence[Curves]) -> Spec:
    """The figures of training logs against the step, a panel a measure and a line a run."""
    styles = {log.name: style_at(number) for number, log in enumerate(logs)}
    points = [
        {"name": log.name, "measure": heading, "step": step, "y": value}
        for key, heading in MEASURES.items()
        for log in logs
        for step, value in log.curves.get(key, ())
    ]
    columns = {"name": "run", "measure": "measure", "step": "step", "y": "value"}
    line = layer_of(
        "line",
        x=quantity("step", "step"),
        y={**quantity("y"), "scale": {"zero": False}},
        color=style_channel("colour", styles, list(styles)),
        strokeDash=style_channel("dash", styles, list(styles)),
        tooltip=tooltips(columns),
    )
    shown = dict.fromkeys(str(point["measure"]) for point in points)
    panels = panels_of("measure", list(shown), 3, {"layer": [line], "width": 250, "height": 150})
    return spec_of({**panels, "resolve": {"scale": {"y": "independent"}}}, points, columns)


def _scores(
    x: Spec,
    others: Sequence[Spec],
    points: Rows,
    score: Column,
    columns: Mapping[str, str],
    styles: Mapping[str, Style],
) -> Spec:
    """Lines or labels, above them the intervals, and above all the points."""
    names = _names(points)
    faint = 0.3 if len(names) > _CROWD else 1
    top = max([1.0, *(point["height"] + 0.03 for point in points if "height" in point)])
    y = {**quantity("y"), **_score_axis(score, top)}
    whiskers = layer_of("rule", y=quantity("low"), y2={"field": "high"}, opacity=_opacity(faint))
    shape = style_channel("shape", styles, names)
    layers = [
        *others,
        {"transform": [{"filter": "datum.low != null"}], **whiskers},
        layer_of("point", y=y, shape=shape, tooltip=tooltips(columns)),
    ]
    shared = {"x": x, "color": style_channel("colour", styles, names), "opacity": _opacity(1)}
    for layer in layers:
        layer["encoding"] = shared | layer["encoding"]
        layer["encoding"]["y"] |= {"title": score.heading}  # all layers must agree
    return spec_of({"layer": layers, **_SIZE}, points, columns)


def _point(row: FrameRow, score: Column) -> dict[str, Any]:
    """A row in a chart of scores: the score as number and as text."""
    text, interval = score.written(row)
    low, high = (row[key] for key in score.frame_keys[1:]) if score.interval else (None, None)
    shown = {"text": text, "interval": interval}
    return {
        "name": row["name"],
        "k": row["k"],
        "y": row[score.key],
        "low": low,
        "high": high,
    } | shown


def _texts(score: Column) -> dict[str, str]:
    return {"text": score.heading} | ({"interval": "95% CI"} if score.interval else {})


def _names(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["name"] for row in rows))


def _opacity(strongest: float) -> Spec:
    """Who is not highlighted steps back."""
    test = "highlight == '' || highlight == datum.name"
    return {"condition": {"test": test, "value": strongest}, "value": 0.12}


def _score_axis(score: Column, top: float = 1.0, **options: Any) -> Spec:
    """From 0 to 1, or to `top` with names above; free for scores that are not shares."""
    if score.format is SHARE:
        return {"scale": {"domain": [0, top]}, "axis": {"format": "%", **options}}
    return {"axis": {"format": "~r", **options}}
