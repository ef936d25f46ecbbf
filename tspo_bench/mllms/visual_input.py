"""What a model sees of a request, counted in the tensors that it is given."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import torch

from tspo_bench.mllms.conversation import Medium
from tspo_bench.types import Request, VisualInput


def count_visual_tokens(inputs: Any, config: Any) -> list[int]:
    """The tokens of each prompt that stand for frames, as the language model has them.

    Newlines among them, where a class has such, count; words beside frames (time stamps) do not.
    """
    names = ("image_token_id", "video_token_id")
    ids = [token for name in names if (token := getattr(config, name, None)) is not None]
    marked = torch.isin(inputs["input_ids"], torch.tensor(ids, device=inputs["input_ids"].device))
    counts: list[int] = marked.sum(1).tolist()
    return counts


@functools.lru_cache(maxsize=4096)
def grid_tokens(processor: Any, num_frames: int, height: int, width: int) -> int:
    """The tokens of a video by a processor that lays its patches out in a grid (Qwen's family).

    The processor works on a tensor without content, so thousands of frames take no memory.
    """
    frames = torch.empty(num_frames, 3, height, width, dtype=torch.uint8, device="meta")
    made = processor([frames], do_sample_frames=False, return_tensors="pt")
    return int(made["video_grid_thw"].prod()) // int(processor.merge_size) ** 2


def visual_input(
    requests: Sequence[Request], inputs: Any, config: Any, medium: Medium | None
) -> list[VisualInput | None]:
    """For each request of a batch, the frames and their size at the vision tower, and its tokens.

    None for classes that cut frames up in a way that cannot be read off the tensors. Where frames
    are cut into tiles (LLaVA-NeXT), height and width are those of a tile.
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
    """Frames and size of one request; all of a batch have the same."""
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
