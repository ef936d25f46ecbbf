"""Qwen2.5-VL's positions of a video's tokens, from the true seconds of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tspo_bench.types import FloatArray


def true_time_positions(model: Any, inputs: Any, seconds: Sequence[FloatArray]) -> Tensor:
    """Return position ids [4, n, length] for a batch of one video a request.

    Rows: the token's number, then time, height and width (multimodal RoPE; Bai et al. 2025, arXiv
    2502.13923, section 2.1.2). A grid step, a pair of frames, is at the mean of their seconds,
    `tokens_per_second` positions a second after the first step. The text after the video follows
    its last position, as in Qwen's code; transformers 5 ignores the time axis there, so that the
    text begins among the video's positions.

    Args:
        model: a `Qwen2_5_VLForConditionalGeneration`.
        inputs: its processor's, padded on the left.
        seconds: those of each request's frames, repeated ones included.
    """
    mask = inputs["attention_mask"].bool()
    positions, _ = model.model.get_rope_index(
        inputs["input_ids"],
        mm_token_type_ids=inputs["mm_token_type_ids"],
        video_grid_thw=inputs["video_grid_thw"],
        second_per_grid_ts=inputs["second_per_grid_ts"],
        attention_mask=inputs["attention_mask"],
    )
    config = model.config.vision_config
    for row, grid in enumerate(inputs["video_grid_thw"].tolist()):
        (video,) = torch.nonzero(inputs["mm_token_type_ids"][row] == 2, as_tuple=True)
        first, last = int(video[0]), int(video[-1])
        times = _time_positions(seconds[row], grid[0], config)
        each = len(video) // grid[0]
        start = positions[1, row, first]  # its top left corner
        positions[0, row, video] = start + times.to(positions).repeat_interleave(each)
        end = positions[:, row, video].max() + 1
        after = torch.arange(positions.shape[2] - last - 1, device=positions.device)
        positions[:, row, last + 1 :] = end + after
    running = (mask.long().cumsum(-1) - 1).masked_fill(~mask, 0)
    return torch.cat([running[None], positions])


def _time_positions(seconds: FloatArray, steps: int, config: Any) -> Tensor:
    """Return the time position of each grid step [steps], the first at 0."""
    size = config.temporal_patch_size
    filled = np.pad(seconds, (0, steps * size - len(seconds)), mode="edge")
    middles = filled.reshape(steps, size).mean(1)
    # Seconds are sums of binary fractions: 2 x 14.9999999 is position 30.
    return torch.from_numpy((middles - middles[0]) * config.tokens_per_second + 1e-4).long()
