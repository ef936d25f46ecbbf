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
from tspo_bench.registry import did_you_mean
from tspo_bench.samplers import takes_agent
from tspo_bench.specs import is_card_path, parse_spec, split_specs

_log = logging.getLogger(__name__)

PRESETS = ("tspo-paper",)
AGENT = "hzf666/TSPO-0.4B"
ENCODER = "openai/clip-vit-large-patch14"  # the agent's own copy of it is used where there is one
FRAMES = 64
_LLAVA_VIDEO, _QWEN = "llava_qwen", "qwen2_5_vl"
_MODEL_OPTIONS: Mapping[str | None, Mapping[str, Any]] = {
    _LLAVA_VIDEO: {"template": "chatml_direct"},
    # 235200 is their flag, 256 x 28 x 28 their default; no rate reaches the processor.
    _QWEN: {"max_pixels": 235_200, "min_pixels": 200_704, "positions": "constant"},
}
# For LVBench, whose code its authors keep, lmms-eval's.
_PROTOCOLS = {
    **dict.fromkeys(("longvideobench", "mlvu", "videomme"), "tspo-paper"),
    "lvbench": "lmms-eval",
}
CANDIDATES = "stride"  # the published rule: every round(rate)-th frame
# What a run has by itself and the paper's too.
_PLAIN: Mapping[str, Any] = {"candidate_fps": 1.0, "subtitles": "none", "answer": "generate"}


def with_preset(
    name: str, task: str | Sequence[str], model: str | Sequence[str], **given: Any
) -> dict[str, Any]:
    """The settings of a run with a preset, those that are given in place of its own.

    What is given otherwise than the preset has it is logged, by name.

    Args:
        name: one of PRESETS.
        task: what is asked; how frames are picked depends on it.
        model: who answers; options depend on it.
        given: `sampler`, `frames`, `visual_tokens`, `encoder`, `agent`, `candidates` and
            `protocol`, None where the preset decides; `candidate_fps`, `subtitles` and `answer`.

    Returns:
        `model` and all of `given`, as `evaluate` takes them.

    Raises:
        UserError: there is no such preset, or tasks or models that it treats differently.
    """
    if name not in PRESETS:
        known = ", ".join(PRESETS)
        raise UserError(f"no preset {name!r}; {did_you_mean(name, PRESETS)}known: {known}")
    tasks = _specs(task)
    models = {spec: checkpoint_type(spec) for spec in _specs(model)}
    own: dict[str, Any] = {**_PLAIN, "visual_tokens": None, "candidates": CANDIDATES}
    own["frames"] = FRAMES if given["visual_tokens"] is None else None
    own["protocol"] = given["protocol"] or _one(name, "--protocol", map(_protocol, tasks))
    own["sampler"] = given["sampler"] or ",".join(
        (
            _one(name, "--sampler", map(_uniform, models.values())),
            _one(name, "--sampler", map(_tspo, tasks)),
        )
    )
    own["agent"] = _agent(own["sampler"])
    agent = given["agent"] or own["agent"]
    own["encoder"] = given["encoder"] or default_encoder(any_seed(agent), ENCODER)
    settings = {key: own[key] if value is None else value for key, value in given.items()}
    settings["model"] = [_with_options(spec, kind) for spec, kind in models.items()]
    _tell(name, tasks, settings)
    _tell_of_changes(name, given, own, models)
    return settings


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
    for key, value in _MODEL_OPTIONS.get(kind, {}).items():
        if key not in given:
            model = with_option(model, f"{key}={value}")
    return model


def _one(preset: str, option: str, values: Iterable[str]) -> str:
    """What all tasks or models of a run have in common.

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


def _tell(preset: str, tasks: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Log the options that the preset comes to."""
    words: list[str] = []
    for key in (
        *("model", "sampler", "frames", "visual_tokens", "candidates", "protocol", "agent"),
        "encoder",
    ):
        if settings[key] is not None:
            words += [_option(key), _text(settings[key])]
    _log.warning("preset %s: %s", preset, shlex.join(words))
    if any(_task_name(task) == "lvbench" for task in tasks):
        _log.warning("preset %s: TSPO's authors have not released their code for LVBench", preset)
    for task in tasks:
        if _task_name(task) not in _PROTOCOLS:
            _log.warning("preset %s: task %s is not one of the paper's benchmarks", preset, task)


def _tell_of_changes(
    preset: str,
    given: Mapping[str, Any],
    own: Mapping[str, Any],
    models: Mapping[str, str | None],
) -> None:
    """Log what was given otherwise than the preset has it."""
    own = {**own, "sampler": None, "protocol": "tspo-paper", "frames": FRAMES, "encoder": ENCODER}
    if given["encoder"] == given["agent"]:  # as the preset has it: the CLIP in the agent's folder
        own["encoder"] = given["encoder"]
    changed = [
        f"{_option(key)} {_text(value)}"
        + (f" (not {_text(own[key])})" if own[key] is not None else "")
        for key, value in given.items()
        if value is not None and value != own[key]
    ]
    for model, kind in models.items():
        wanted, options = _MODEL_OPTIONS.get(kind), spec_options(model)
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
