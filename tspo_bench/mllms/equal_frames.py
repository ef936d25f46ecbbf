"""Equal frames of a batch pass the vision tower once.

Questions about one video, and rollouts of one question, share many frames.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.utils.generic import ModelOutput


def share_equal_frames(model: nn.Module) -> None:
    """Let a model's `vision_tower` (as in LLaVA's family) process each distinct frame once.

    Nothing changes for a tower whose frames are not rows [n, channels, height, width] of its first
    argument, or that takes further tensors.
    """
    tower = getattr(getattr(model, "model", None), "vision_tower", None)
    if tower is None:
        return
    forward = tower.forward

    def forward_distinct(pixel_values: Any, *args: Any, **kwargs: Any) -> Any:
        has_more = any(isinstance(value, Tensor) for value in (*args, *kwargs.values()))
        if has_more or not isinstance(pixel_values, Tensor) or pixel_values.ndim != 4:
            return forward(pixel_values, *args, **kwargs)
        first, row_of = distinct_rows(pixel_values)
        if len(first) == len(pixel_values):
            return forward(pixel_values, *args, **kwargs)
        seen = forward(pixel_values[first], *args, **kwargs)
        if not _is_by_frame(seen, len(first)):
            return forward(pixel_values, *args, **kwargs)
        return _spread(seen, row_of)

    tower.forward = forward_distinct


def distinct_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first place of each distinct row [m], and for each row [n] its number in these."""
    flat = rows.flatten(1)
    generator = torch.Generator().manual_seed(0)
    direction = torch.rand(flat.shape[1], generator=generator).to(flat.device)
    # Equal rows may have unequal products: a kernel may sum the last rows in another order.
    order = (flat.float() @ direction).argsort(stable=True).tolist()
    first: list[int] = []
    row_of = [0] * len(order)
    for place, row in enumerate(order):
        if place == 0 or not torch.equal(rows[row], rows[order[place - 1]]):
            first.append(row)
        row_of[row] = len(first) - 1
    return torch.tensor(first, device=rows.device), torch.tensor(row_of, device=rows.device)


def _is_by_frame(value: Any, frames: int) -> bool:
    """Whether every tensor of a tower's output has one row a frame."""
    if isinstance(value, Tensor):
        return value.ndim > 0 and len(value) == frames
    if isinstance(value, ModelOutput):
        return all(_is_by_frame(part, frames) for part in value.values())
    if isinstance(value, (tuple, list)):
        return all(_is_by_frame(part, frames) for part in value)
    return value is None


def _spread(value: Any, row_of: Tensor) -> Any:
    """Repeat a tower's output for distinct frames, as if it had processed all frames."""
    if isinstance(value, Tensor):
        return value[row_of]
    if isinstance(value, ModelOutput):
        return type(value)(**{name: _spread(part, row_of) for name, part in value.items()})
    if isinstance(value, (tuple, list)):
        return type(value)(_spread(part, row_of) for part in value)
    return value
