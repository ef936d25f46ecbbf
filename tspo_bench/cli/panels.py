"""The panels in which `--help` shows options, each option's stated once for all commands."""

from __future__ import annotations

from typing import Any

_OPTIONS = {
    "Data": "task data video-root videos without-type question id limit only-present split "
    "data-root annotations trust-packets fps",
    "Samplers": "sampler frames visual-tokens encoder agent candidate-fps candidates seed seeds "
    "with-bounds",
    "Model": "model base-url device batch-size",
    "Protocol": "protocol subtitles answer reply",
    "Run": "preset out name cache prune fresh resume shard",
    "Output": "baseline groups power tolerance layout format columns prices answers budget-curves "
    "diff published gate submission sheet save image-format messages once verbose json",
    "Page": "html curves thumbnails trust-tasks",
}
_PANELS = {f"--{name}": panel for panel, names in _OPTIONS.items() for name in names.split()}
_ORDER = [None, *_OPTIONS]


def set_panels(parameters: list[Any]) -> None:
    """Give each of a command's options its panel, and sort them by these, in place."""
    for parameter in parameters:
        parameter.rich_help_panel = _PANELS.get(parameter.opts[0])
    parameters.sort(key=lambda parameter: _ORDER.index(parameter.rich_help_panel))
