"""Models by their specs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download

from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.mllms.base import MLLM
from tspo_bench.mllms.presets import CHECKPOINTS, LLAVA_VIDEO, PRESETS
from tspo_bench.registry import Card, Registry, Spec, parse_spec
from tspo_bench.specs import is_import_path
from tspo_bench.types import AnswerMode

SERVERS = "tspo_bench.mllms.openai_server:OpenAIServer"
SERVED = "openai:"
LLAVAS_OWN = "llava_qwen"  # the model type of checkpoints in LLaVA's own format
# Options of a served model that change neither answers nor its name.
_CONNECTION = {"model", "base_url", "concurrency", "timeout", "retries", "key_env", "name"}


class ModelRegistry(Registry):
    """A registry in which checkpoint folders and hub ids (owner/name) are names too."""

    def card(self, spec: Spec) -> Card:
        """Return the card of a spec; an unregistered path or hub id is a checkpoint."""
        written = spec.name if spec.argument is None else f"{spec.name}:{spec.argument}"
        if spec.name not in self.cards() and _is_checkpoint(written):
            name = Path(written).name
            target = LLAVA_VIDEO if _is_llavas_own(written) else CHECKPOINTS
            card = Card(name, target, {"checkpoint": written, **spec.options})
        else:
            name, card = spec.name, super().card(spec)
        if card.target == SERVERS and "model" in card.options:
            decides = {k: v for k, v in spec.options.items() if k not in _CONNECTION}
            label = Spec(Path(str(card.options["model"])).name, decides).label
            return dataclasses.replace(card, options={"name": label, **card.options})
        if "checkpoint" not in card.options or is_import_path(spec.name):
            return card
        # The name distinguishes two settings of a checkpoint in tables.
        options = {"name": Spec(name, spec.options).label, **card.options}
        return dataclasses.replace(card, options=options)


def _is_checkpoint(name: str) -> bool:
    path = user_path(name)
    return path.is_dir() or ("/" in name and path.suffix not in (".yaml", ".yml"))


def _is_llavas_own(checkpoint: str) -> bool:
    """Whether a checkpoint is in LLaVA's own format; False if it cannot be read."""
    config = _config(checkpoint)
    return config.get("model_type") == LLAVAS_OWN or "LlavaQwenForCausalLM" in (
        config.get("architectures") or ()
    )


def _config(checkpoint: str) -> dict[str, Any]:
    """Return a checkpoint's config.json; {} if it cannot be read, which loading will report."""
    file = user_path(checkpoint) / "config.json"
    try:
        if not file.parent.is_dir():
            file = Path(hf_hub_download(checkpoint, "config.json"))
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


registry = ModelRegistry("model")
registry.register(
    "reference",
    CHECKPOINTS,
    "the small model shipped in the package: made for the built-in task, noise on others",
    checkpoint="reference",
)
for _name, _preset in PRESETS.items():
    _said = f"{_preset.description} ({_preset.hub_id})"
    registry.register(_name, _preset.target, _said, checkpoint=_preset.hub_id, **_preset.options)
registry.register("openai", SERVERS, "openai:NAME, a model on an OpenAI-compatible server")


def load_mllm(spec: str, device: str = "cpu", batch_size: int = 8, *, reach: bool = True) -> MLLM:
    """Load a model.

    Args:
        spec: a registered name ("reference", "qwen2.5-vl-7b"); the folder or hub id of a checkpoint
            (AutoModelForImageTextToText, or a released LLaVA-Video); `openai:NAME[base_url=URL]`;
            or "pkg.mod:Name" for a custom class. Options follow in brackets
            (`PATH[max_new_tokens=16]`).
        device: a torch device.
        batch_size: requests a forward pass.
        reach: whether to check that a served model's server answers.

    Raises:
        UserError: unknown name (near matches are offered) or option, unusable checkpoint or device,
            or a server that does not answer.
    """
    if batch_size < 1:
        raise UserError(f"batch size {batch_size} is too small; give 1 or more")
    _prepared(spec, device)
    model = registry.create(_parse(spec), device=device, batch_size=batch_size)
    if not isinstance(model, MLLM):
        raise UserError(_not_a_model(spec, type(model)))
    if reach:
        check_server(spec, device)
    return model


def check_mllm(spec: str, device: str = "cpu") -> str | None:
    """Check a model's spec without loading it.

    Returns:
        The model's name in tables; None if it is known only after loading.

    Raises:
        UserError: unknown name or option, no such checkpoint, or an unusable device.
    """
    cls, options = _prepared(spec, device)
    cls.check(**options)
    return options.get("name")


def _prepared(spec: str, device: str) -> tuple[type[MLLM], dict[str, Any]]:
    """Return the class of a spec (`MLLM` for a function) and the options of its constructor."""
    call = registry.prepare(_parse(spec), device=device, batch_size=1)
    if not isinstance(call.func, type):
        return MLLM, call.keywords
    if not issubclass(call.func, MLLM):
        raise UserError(_not_a_model(spec, call.func))
    return call.func, call.keywords


def _not_a_model(spec: str, cls: type) -> str:
    return f"model {spec!r}: {cls.__name__} must inherit from tspo_bench.MLLM"


def counts_visual_tokens(spec: str) -> bool:
    """Whether a model's class reports visual tokens; loads no model."""
    return _prepared(spec, "cpu")[0].counts_visual_tokens()


def checkpoint_type(spec: str) -> str | None:
    """Return the model type of a checkpoint ("llava_qwen", "qwen2_5_vl"); None for other models.

    Raises:
        UserError: unknown name.
    """
    card = registry.card(_parse(spec))
    if card.target == LLAVA_VIDEO:
        return LLAVAS_OWN
    checkpoint = card.options.get("checkpoint")
    if card.target != CHECKPOINTS or checkpoint == "reference":
        return None
    return _config(str(checkpoint)).get("model_type")


def spec_options(spec: str) -> Mapping[str, Any]:
    """Return the options in brackets of a model's spec."""
    return _parse(spec).options


def check_server(spec: str, device: str = "cpu") -> None:
    """Check that a served model's server answers.

    Raises:
        UserError: as `load_mllm`.
    """
    cls, options = _prepared(spec, device)
    cls.check_server(**options)


def check_asking(spec: str, device: str, mode: AnswerMode, reply_start: str) -> None:
    """Check that a model supports an answering mode and a start of replies; loads no weights.

    Raises:
        UserError: as the class's `check_asking`.
    """
    if mode == "generate" and not reply_start:  # any model replies
        return
    cls, options = _prepared(spec, device)
    cls.check_asking(mode, reply_start, **options)


def with_base_url(specs: Sequence[str], base_url: str | None) -> list[str]:
    """Add the option `base_url`, if given, to the specs of served models.

    Raises:
        UserError: none of them is `openai:NAME`.
    """
    if base_url is None:
        return list(specs)
    if not any(spec.startswith(SERVED) for spec in specs):
        raise UserError(
            f"--base-url: no model of {', '.join(specs)} is on a server; give --model {SERVED}NAME"
        )
    option = f"base_url={json.dumps(base_url)}"
    return [with_option(spec, option) if spec.startswith(SERVED) else spec for spec in specs]


def with_option(spec: str, option: str) -> str:
    """Add an option, "name=value", to a spec."""
    return f"{spec[:-1]},{option}]" if spec.endswith("]") else f"{spec}[{option}]"


def _parse(text: str) -> Spec:
    """Parse a spec; "openai:NAME" is never an attribute of the package of that name."""
    spec = parse_spec(text)
    if spec.name == "openai" and spec.argument is not None:
        return Spec("openai", {"model": spec.argument, **spec.options})
    if spec.name.startswith(SERVED):
        return Spec("openai", {"model": spec.name.removeprefix(SERVED), **spec.options})
    return spec
