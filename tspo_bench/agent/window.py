"""Attention within a sliding window over time, in time and memory that grow as T x w.

A network of such layers computes long videos in chunks (`in_chunks`).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

# Frames a block. Fewer frames make more, smaller products; more frames compute more scores outside
# of the band. Measured fastest for w = 12 and 24 at T = 3600 and 86400 on one CPU core.
BLOCK = 32
# Frames a chunk. Longer ones leave the caches, and each tensor of a layer is paged in anew.
CHUNK = 2048


def in_chunks(scores: Callable[[slice], Tensor], length: int, reach: int) -> Tensor:
    """Scores [B, T] of a video's frames, computed in chunks if it is long.

    Args:
        scores: of the frames in a slice of the video [B, n], by these frames alone.
        length: T.
        reach: how many frames on either side a frame's score depends on, at most.
    """
    parts = []
    for start in range(0, length, CHUNK):
        stop = min(start + CHUNK, length)
        seen = slice(max(0, start - reach), min(length, stop + reach))
        parts.append(scores(seen)[:, start - seen.start : stop - seen.start])
    return torch.cat(parts, 1) if parts else scores(slice(0, 0))


def lengths_within(lengths: Tensor, seen: slice) -> Tensor:
    """How many frames of each row lie from a slice's start on, of rows with `lengths` frames."""
    within: Tensor = lengths - seen.start
    return within.clamp(min=0)


def window_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    window: int,
    bias: Tensor | None = None,
    lengths: Tensor | None = None,
) -> Tensor:
    """Attention of each frame to the w frames around it, scaled by 1/sqrt(e).

    Frame t sees those of the w frames from t - floor(w/2) on that exist: the window is cut at both
    ends, nothing is repeated or padded.

    Args:
        query: [B, H, T, e].
        key: [B, H, T, e].
        value: [B, H, T, e].
        window: w, 1 or more.
        bias: is added to the scaled products; broadcastable to [B, H, T, w], where place j of the
            last axis belongs to frame t - floor(w/2) + j.
        lengths: [B], the frames of each row that exist; None for all T. Frames beyond are never
            seen, even NaN, and their own outputs mean nothing.

    Returns:
        [B, H, T, e].
    """
    frames = query.shape[2]
    exists = _frames_that_exist(query, lengths)
    padding = ~exists[:, None, :, None]
    # Weights of 0 would still make NaN of a NaN.
    key, value = key.masked_fill(padding, 0), value.masked_fill(padding, 0)
    keys, values = _neighbourhoods(key, window), _neighbourhoods(value, window)
    blocks = _in_blocks(query * query.shape[-1] ** -0.5)
    scores = _band(blocks @ keys.transpose(-1, -2), window).flatten(2, 3)[:, :, :frames]
    if bias is not None:
        scores = scores + bias
    visible = _windows(exists, window)[:, None]
    # Not -inf: a row beyond the length may see nothing, and must not make NaN gradients.
    scores = scores.masked_fill(~visible, torch.finfo(scores.dtype).min)
    weights = _in_blocks(scores.softmax(-1))
    return (_unband(weights) @ values).flatten(2, 3)[:, :, :frames]


def _frames_that_exist(query: Tensor, lengths: Tensor | None) -> Tensor:
    """Booleans [B, T]; [1, T] without lengths."""
    places = torch.arange(query.shape[2], device=query.device)
    if lengths is None:
        return places[None] >= 0
    return places[None] < lengths.to(query.device)[:, None]


def _in_blocks(x: Tensor) -> Tensor:
    """[B, H, T, e] as [B, H, n, BLOCK, e], with zeros after the end."""
    padded = F.pad(x, (0, 0, 0, -x.shape[2] % BLOCK))
    return padded.reshape(*x.shape[:2], -1, BLOCK, x.shape[3])


def _neighbourhoods(x: Tensor, window: int) -> Tensor:
    """The frames that each block's windows cover: [B, H, T, e] as [B, H, n, BLOCK + w - 1, e]."""
    before = window // 2
    after = window - 1 - before + -x.shape[2] % BLOCK
    padded = F.pad(x, (0, 0, before, after))
    return padded.unfold(2, BLOCK + window - 1, BLOCK).transpose(-1, -2)


def _windows(exists: Tensor, window: int) -> Tensor:
    """Which frames of each frame's window exist: [B, T] as [B, T, w]."""
    before = window // 2
    return F.pad(exists, (before, window - 1 - before)).unfold(1, window, 1)


def _band(products: Tensor, window: int) -> Tensor:
    """The w products of each frame with its window: [..., c, c + w - 1] as [..., c, w].

    Row i's window begins at column i. Rows read as one line, and cut one entry longer, each begin
    one entry later.
    """
    rows, columns = products.shape[-2:]
    line = F.pad(products.flatten(-2), (0, rows))
    return line.reshape(*products.shape[:-1], columns + 1)[..., :window]


def _unband(weights: Tensor) -> Tensor:
    """The inverse of `_band`, zero outside of the windows: [..., c, w] as [..., c, c + w - 1]."""
    rows, window = weights.shape[-2:]
    line = F.pad(weights, (0, rows)).flatten(-2)[..., : rows * (rows + window - 1)]
    return line.reshape(*weights.shape[:-1], rows + window - 1)
