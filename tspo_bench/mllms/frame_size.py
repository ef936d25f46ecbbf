"""The size of frames for a model: its own, and bounds on the number of pixels."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import torch

from tspo_bench.mllms.conversation import Medium
from tspo_bench.types import Frames, Request


def fixed_short_side(processor: Any, medium: Medium) -> int | None:
    """Return the shorter side to which the processor scales frames; None for native resolution."""
    part = getattr(processor, f"{medium}_processor")
    if medium == "image" and getattr(part, "image_grid_pinpoints", None):  # tiles
        return None
    size = getattr(part, "size", None) or {}
    if size.get("height"):
        return int(min(size["height"], size["width"]))
    # With a longest edge beside it, Qwen's shortest edge is a number of pixels, not a length.
    if size.get("shortest_edge") and not size.get("longest_edge"):
        return int(size["shortest_edge"])
    return None


def limited_size(height: int, width: int, max_pixels: int, side: int) -> tuple[int, int]:
    """Return a height and width of at most `max_pixels`, with nearly the same aspect ratio.

    A size that is within the limit in whole tokens stays, since the processor rounds it. Otherwise
    both sides shrink alike and are cut to whole tokens, as in Qwen's processors (Qwen2-VL, arXiv
    2409.12191); here also for strips thinner than a token.

    Args:
        height: in pixels.
        width: likewise.
        max_pixels: at least `side` squared.
        side: of a token, in pixels.
    """
    most = max_pixels // side**2  # tokens
    if max(1, round(height / side)) * max(1, round(width / side)) <= most:
        return height, width
    shrink = math.sqrt(height * width / max_pixels)
    high, wide = (max(1, math.floor(length / shrink / side)) for length in (height, width))
    high, wide = min(high, max(1, most // wide)), min(wide, max(1, most // high))
    return high * side, wide * side


def bounded_size(
    height: int, width: int, min_pixels: int | None, max_pixels: int | None, side: int
) -> tuple[int, int]:
    """Return a height and width within both bounds, the upper one if they conflict; None: no bound.

    Below `min_pixels` both sides grow alike and are rounded up to whole tokens, as in Qwen's
    processors; see `limited_size` for the rest.
    """
    tokens = max(1, round(height / side)) * max(1, round(width / side))
    if min_pixels is not None and tokens * side**2 < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        height, width = (math.ceil(length * grow / side) * side for length in (height, width))
    return (height, width) if max_pixels is None else limited_size(height, width, max_pixels, side)


def bounded(request: Request, min_pixels: int | None, max_pixels: int | None, side: int) -> Request:
    """Scale a request's frames to within the bounds, as Qwen's processors scale."""
    frames = request.frames
    height, width = frames.pixels.shape[1:3]
    size = height, width
    if len(frames):
        size = bounded_size(height, width, min_pixels, max_pixels, side)
    if size == (height, width):
        return request
    pixels = np.empty((len(frames), *size, 3), np.uint8)
    for number, frame in enumerate(frames.pixels):  # one by one: all at full size are gigabytes
        planes = torch.tensor(frame).permute(2, 0, 1)[None]
        scaled = torch.nn.functional.interpolate(planes, size, mode="bicubic", antialias=True)
        pixels[number] = scaled[0].permute(1, 2, 0).numpy()
    smaller = Frames(frames.indices, frames.seconds, pixels)
    return dataclasses.replace(request, frames=smaller)
