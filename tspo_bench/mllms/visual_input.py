"""The visual input of a request, counted in the model's input tensors."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import torch

from tspo_bench.mllms.conversation import Medium
from tspo_bench.types import Request, VisualInput


def count_visual_tokens(inputs: Any, config: Any) -> list[int]:
    """Return the visual tokens of each prompt, newlines among them included, time stamps not."""
    names = ("image_token_id", "video_token_id")
    ids = [token for name in names if (token := getattr(config, name, None)) is not None]
    marked = torch.isin(inputs["input_ids"], torch.tensor(ids, device=inputs["input_ids"].device))
    counts: list[int] = marked.sum(1).tolist()
    return counts


@functools.lru_cache(maxsize=4096)
def grid_tokens(processor: Any, num_frames: int, height: int, width: int) -> int:
    """Return the visual tokens of a video by a processor with a grid of patches (Qwen's family).

    The frames are a tensor without content, so thousands of them take no memory.
    """
    frames = torch.empty(num_frames, 3, height, width, dtype=torch.uint8, device="meta")
    made = processor([frames], do_sample_frames=False, return_tensors="pt")
    return int(made["video_grid_thw"].prod()) // int(processor.merge_size) ** 2


def visual_input(
    requests: Sequence[Request], inputs: Any, config: Any, medium: Medium | None
) -> list[VisualInput | None]:
    """Return each request's frames, their size at the vision tower, and its visual tokens.

    None for classes whose tensors do not show how frames are cut up. For tiles (LLaVA-NeXT), height
    and width are those of a tile.
    """
    if medium is None:
        return [VisualInput(0, 0, 0, 0) for _ in requests]
    shape = _shape(len(requests), inputs, config, medium)
    if shape is None:
        return [None for _ in requests]
    if medium == "image":
        shape = dataclasses.replace(shape, frames=len(requests[0].frames))
    tokens = count_visual_tokens(inputs, config)
    return [dataclasses.replace(shape, visual_tokens=count) for count in tokens]


def _shape(batch: int, inputs: Any, config: Any, medium: Medium) -> VisualInput | None:
    """Return frames and size of a request; all of a batch have the same."""
    grid = inputs.get(f"{medium}_grid_thw")
    if grid is not None:
        steps, high, wide = grid[0].tolist()
        patch = config.vision_config.patch_size
        return VisualInput(
            steps * config.vision_config.temporal_patch_size, high * patch, wide * patch
        )
    pixels = inputs.get("pixel_values_videos", inputs.get("pixel_values"))
    if pixels is None or pixels.ndim < 4:
        return None
    height, width = pixels.shape[-2:]
    return VisualInput(pixels.shape[:-3].numel() // batch, height, width)
