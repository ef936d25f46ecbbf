"""The panels in which `--help` shows options, each option's stated once for all commands."""

from __future__ import annotations

from typing import Any

_OPTIONS = {
    "Data": "task data video-root videos without-type question id limit only-present split "
    "data-root annotations evidence trust-packets video-timeout fps",
    "Training": "toy rollouts steps questions accumulation learning-rate tau anneal rewards "
    "log-prob window without evaluate",
    "Samplers": "sampler frames visual-tokens encoder agent candidate-fps candidates seed seeds "
    "with-bounds",
    "Model": "model base-url device batch-size max-batch-tokens",
    "Protocol": "protocol subtitles shuffle-options answer reply",
    "Run": "preset out name cache prune fresh resume shard",
    "Output": "baseline groups profile power tolerance layout format columns prices answers "
    "budget-curves diff by-evidence pareto figure published gate submission sheet save "
    "image-format messages once verbose json",
    "Page": "html title curves thumbnails trust-tasks",
}
_PANELS = {f"--{name}": panel for panel, names in _OPTIONS.items() for name in names.split()}
_ORDER = [None, *_OPTIONS]


def set_panels(parameters: list[Any]) -> None:
    """Give each option its panel, unless it names one itself; sort them by panel, in place."""
    for parameter in parameters:
        if parameter.rich_help_panel is None:
            parameter.rich_help_panel = _PANELS.get(parameter.opts[0])
    parameters.sort(key=lambda parameter: _place(parameter.rich_help_panel))


def _place(panel: str | None) -> int:
    return _ORDER.index(panel) if panel in _ORDER else len(_ORDER)
