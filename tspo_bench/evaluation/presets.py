"""Presets of a run: the settings of a published evaluation, by one name.

`tspo-paper` is the evaluation in the TSPO paper (arXiv 2508.04369) as its released code has it at
19f4ecb; docs/reproduce.md says what it cannot set.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tspo_bench.agent.checkpoint import default_encoder
from tspo_bench.errors import UserError
from tspo_bench.evaluation.seeds import any_seed
from tspo_bench.mllms.loading import checkpoint_type, spec_options, with_option
from tspo_bench.mllms.presets import TSPO_PAPER_OPTIONS, TSPO_PAPER_TASKS
from tspo_bench.registry import did_you_mean
from tspo_bench.samplers import takes_agent
from tspo_bench.specs import is_card_path, parse_spec, split_specs

_log = logging.getLogger(__name__)

PRESETS = ("tspo-paper",)
AGENT = "hzf666/TSPO-0.4B"
ENCODER = "openai/clip-vit-large-patch14"  # the agent's own copy of it is used where there is one
FRAMES = 64
_QWEN = "qwen2_5_vl"
# For LVBench, whose code its authors keep, lmms-eval's.
_PROTOCOLS = {
    **dict.fromkeys(TSPO_PAPER_TASKS, "tspo-paper"),
    "lvbench": "lmms-eval",
}
CANDIDATES = "stride"  # the published rule: every round(rate)-th frame
# The defaults of a run that are the paper's too.
_PLAIN: Mapping[str, Any] = {"candidate_fps": 1.0, "subtitles": "none", "answer": "generate"}
_SET = (
    *("sampler", "frames", "visual_tokens", "encoder", "agent", "protocol", "candidates"),
    *_PLAIN,
)


def with_preset(preset: str, **given: Any) -> dict[str, Any]:
    """Fill the settings that are not given from a preset, and log those that differ from it.

    Args:
        preset: one of PRESETS.
        given: settings by name, as `RunSettings.of` takes them; how frames are selected depends on
            the task, options of the model on the model.

    Returns:
        All settings.

    Raises:
        UserError: an unknown preset, or tasks or models that it treats differently.
    """
    if preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise UserError(f"unknown preset {preset!r}; {did_you_mean(preset, PRESETS)}known: {known}")
    tasks = _specs(given.get("task", "haystack"))
    models = {spec: checkpoint_type(spec) for spec in _specs(given.get("model", "reference"))}
    own: dict[str, Any] = {**_PLAIN, "candidates": CANDIDATES}
    if "visual_tokens" not in given:
        own["frames"] = FRAMES
    own["protocol"] = given.get("protocol") or _one(preset, "--protocol", map(_protocol, tasks))
    own["sampler"] = given.get("sampler") or ",".join(
        (
            _one(preset, "--sampler", map(_uniform, models.values())),
            _one(preset, "--sampler", map(_tspo, tasks)),
        )
    )
    own["agent"] = _agent(own["sampler"])
    agent = given.get("agent", own["agent"])
    own["encoder"] = given.get("encoder") or default_encoder(any_seed(agent), ENCODER)
    settings = {key: value for key, value in own.items() if value is not None} | given
    settings["model"] = [_with_options(spec, kind) for spec, kind in models.items()]
    _log_settings(preset, tasks, settings)
    _log_changes(preset, given, own, models)
    return {**settings, "preset": preset}


def _protocol(task: str) -> str:
    """The paper's; of a task that is not in the paper the default."""
    return _PROTOCOLS.get(_task_name(task), "strict")


def _tspo(task: str) -> str:
    """Their agent's rule, and 64 even frames of videos with fewer candidates."""
    rule = "select=bin-max," if _task_name(task) == "videomme" else ""
    return f"tspo[{rule}short=uniform]"


def _uniform(kind: str | None) -> str:
    """Their baseline: LLaVA-Video is shown the candidates alone where these are few."""
    return "uniform[variant=qwen]" if kind == _QWEN else "uniform[short=candidates]"


def _agent(samplers: str | Sequence[str]) -> str | None:
    """The paper's agent, where a sampler takes one and names none."""
    specs = [parse_spec(spec) for spec in _specs(samplers)]
    return AGENT if any(takes_agent(s) and "agent" not in s.options for s in specs) else None


def _task_name(task: str) -> str:
    name = parse_spec(task).name
    return Path(name).stem if is_card_path(name) else name


def _with_options(model: str, kind: str | None) -> str:
    """A model's spec with the options of its class that it does not give itself."""
    given = spec_options(model)
    for key, value in TSPO_PAPER_OPTIONS.get(kind, {}).items():
        if key not in given:
            model = with_option(model, f"{key}={value}")
    return model


def _one(preset: str, option: str, values: Iterable[str]) -> str:
    """The value that all tasks or models of a run share.

    Raises:
        UserError: they differ.
    """
    distinct = list(dict.fromkeys(values))
    if len(distinct) > 1:
        raise UserError(
            f"--preset {preset}: {option} would be {' and '.join(distinct)} for different tasks "
            f"or models; run these one by one, or give {option}"
        )
    return distinct[0]


def _log_settings(preset: str, tasks: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Log the options that the preset comes to."""
    words: list[str] = []
    for key in (
        *("model", "sampler", "frames", "visual_tokens", "candidates", "protocol", "agent"),
        "encoder",
    ):
        if key in settings:
            words += [_option(key), _text(settings[key])]
    _log.warning("preset %s: %s", preset, shlex.join(words))
    if any(_task_name(task) == "lvbench" for task in tasks):
        _log.warning("preset %s: TSPO's authors have not released their code for LVBench", preset)
    for task in tasks:
        if _task_name(task) not in _PROTOCOLS:
            _log.warning("preset %s: task %s is not one of the paper's benchmarks", preset, task)


def _log_changes(
    preset: str,
    given: Mapping[str, Any],
    own: Mapping[str, Any],
    models: Mapping[str, str | None],
) -> None:
    """Log the settings that differ from the preset's."""
    own = {**own, "sampler": None, "protocol": "tspo-paper", "frames": FRAMES, "encoder": ENCODER}
    if given.get("encoder") == given.get("agent"):  # the CLIP in the agent's folder, as preset
        own["encoder"] = given.get("encoder")
    changed = [
        f"{_option(key)} {_text(value)}"
        + (f" (not {_text(own[key])})" if own.get(key) is not None else "")
        for key in _SET
        if (value := given.get(key)) is not None and _text(value) != _text(own.get(key))
    ]
    for model, kind in models.items():
        wanted, options = TSPO_PAPER_OPTIONS.get(kind), spec_options(model)
        if wanted is None:
            _log.warning(
                "preset %s: model %s is neither LLaVA-Video nor Qwen2.5-VL; the paper has no "
                "options for it",
                preset,
                model,
            )
        changed += [
            f"{key}={options[key]} of model {model} (not {value})"
            for key, value in (wanted or {}).items()
            if options.get(key, value) != value
        ]
    if changed:
        _log.warning("preset %s: given otherwise: %s", preset, "; ".join(changed))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _text(value: Any) -> str:
    several = isinstance(value, Sequence) and not isinstance(value, str)
    return ",".join(map(str, value)) if several else str(value)


def _specs(given: str | Sequence[str]) -> Sequence[str]:
    return split_specs(given) if isinstance(given, str) else given
