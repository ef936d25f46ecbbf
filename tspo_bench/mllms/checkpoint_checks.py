"""Checks of a checkpoint and its options that need no weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

from tspo_bench.errors import UserError
from tspo_bench.features.checkpoint import find_checkpoint, packaged_checkpoint, precision

KIND = "model"
MAX_NEW_TOKENS = 32
CHOICES: dict[str, tuple[Any, ...]] = {
    "positions": ("seconds", "mean", "constant"),
    "pairs": ("fuse", "repeat"),
    "times": ("none", "prompt"),
    "enable_thinking": (None, True, False),
}
DEVICE_MAPS = (None, "auto", "balanced", "sequential")
TIMED_BY_POSITION = "qwen2_5_vl"


def usable_checkpoint(
    checkpoint: str,
    device: str,
    max_new_tokens: int = MAX_NEW_TOKENS,
    min_pixels: int | None = None,
    max_pixels: int | None = None,
    device_map: str | None = None,
    **options: Any,
) -> Path:
    """Return the folder of a checkpoint, after all checks that need no weights.

    Args:
        checkpoint: "reference", a folder, or a hub id.
        device: a torch device.
        max_new_tokens: the longest answer, in tokens.
        min_pixels: of one frame; None for no bound.
        max_pixels: likewise.
        device_map: how the weights are spread over all GPUs; None for one device.
        options: others of `TransformersVLM`.

    Raises:
        UserError: no such checkpoint, a class of another kind, or an unusable setting.
    """
    check_length(checkpoint, max_new_tokens)
    for name, choices in CHOICES.items():
        if name in options:
            check_choice(checkpoint, name, options[name], choices)
    path = str(packaged_checkpoint("mllm")) if checkpoint == "reference" else checkpoint
    folder = find_checkpoint(KIND, path)
    config = _known_config(checkpoint, folder)
    _check_options(checkpoint, config, options)
    for name, pixels in (("min_pixels", min_pixels), ("max_pixels", max_pixels)):
        if pixels is not None:
            _check_pixels(checkpoint, config, name, pixels)
    if min_pixels and max_pixels and min_pixels > max_pixels:
        raise UserError(
            f"model {checkpoint!r}: min_pixels={min_pixels} is above max_pixels={max_pixels}"
        )
    check_device_map(checkpoint, device, device_map)
    return folder


def check_device_map(checkpoint: str, device: str, device_map: str | None) -> None:
    """Check the device, and that the weights are spread over GPUs only if that is all of them.

    Raises:
        UserError: unusable device, unknown way to spread the weights, or one GPU named.
    """
    precision(device)
    check_choice(checkpoint, "device_map", device_map, DEVICE_MAPS)
    if device_map and torch.device(device).index is not None:
        raise UserError(
            f"model {checkpoint!r}: device_map={device_map} spreads it over all GPUs; use --device "
            "cuda, and CUDA_VISIBLE_DEVICES to choose among them"
        )


def check_length(checkpoint: str, max_new_tokens: int) -> None:
    """Check that the longest answer is a whole number of tokens, 1 or more.

    Raises:
        UserError: it is not.
    """
    length = max_new_tokens
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise UserError(
            f"model {checkpoint!r}: max_new_tokens={length!r}; use a whole number, 1 or more"
        )


def check_choice(model: str, name: str, value: Any, choices: Iterable[Any]) -> None:
    """Check that an option has one of the values that it may have.

    Raises:
        UserError: it has another one.
    """
    choices = tuple(choices)
    if value not in choices:
        known = " or ".join(str(choice).lower() for choice in choices if choice is not None)
        raise UserError(f"model {model!r}: {name}={value!r}; use {known}")


def takes_pairs(config: Any) -> bool:
    """Whether a class fuses two (or more) frames of a video."""
    return getattr(getattr(config, "vision_config", None), "temporal_patch_size", 1) > 1


def token_side(config: Any) -> int | None:
    """Return the side of a token in pixels for classes of native resolution; else None."""
    vision: Any = getattr(config, "vision_config", None)
    merged = getattr(vision, "spatial_merge_size", None)
    return None if merged is None else int(vision.patch_size * merged)


def _check_options(checkpoint: str, config: Any, options: dict[str, Any]) -> None:
    """Reject options without effect: tables would show equal models as different."""
    kind = config.model_type
    positions = options.get("positions", "seconds")
    if positions != "seconds" and kind != TIMED_BY_POSITION:
        raise UserError(
            f"model {checkpoint!r}: positions={positions} is for Qwen2.5-VL, whose positions are "
            f"times; this is a {kind}: leave `positions` out"
        )
    if options.get("pairs") == "repeat" and not takes_pairs(config):
        raise UserError(
            f"model {checkpoint!r}: pairs=repeat is for classes that take frames in pairs; a "
            f"{kind} takes them one by one: leave `pairs` out"
        )


def _check_pixels(checkpoint: str, config: Any, name: str, pixels: int) -> None:
    side = token_side(config)
    if side is None:
        raise UserError(
            f"model {checkpoint!r}: {name} is for classes of native resolution (Qwen-VL); a "
            f"{config.model_type} has a size of its own for frames: leave `{name}` out"
        )
    if isinstance(pixels, bool) or not isinstance(pixels, int) or pixels < side**2:
        raise UserError(
            f"model {checkpoint!r}: {name}={pixels!r}; use a whole number of pixels, "
            f"{side**2} ({side} x {side}, one token) or more"
        )


def _known_config(checkpoint: str, folder: Path) -> Any:
    hint = (
        "give a checkpoint in transformers' own format (often named ...-hf), or a custom class: "
        "--model my_pkg.mod:MyModel"
    )
    try:
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"model {checkpoint!r}: transformers {transformers.__version__} does not know the "
            f"model type that {folder / 'config.json'} gives; {hint}"
        ) from error
    if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        classes = ", ".join(config.architectures or [type(config).__name__])
        raise UserError(
            f"model {checkpoint!r} is a {classes}, which AutoModelForImageTextToText does not "
            f"know; {hint}"
        )
    return config
