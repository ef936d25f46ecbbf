"""The temporal agent of TSPO, as its authors' released code has it.

Source: arXiv 2508.04369. Where the paper's text and the released code differ, this is the code; it
computes in float32, where the authors ran bfloat16.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tspo_bench.agent.base import TemporalAgent, check_arguments, check_heads
from tspo_bench.agent.window import in_chunks, lengths_within, window_attention

TAU = 0.025  # the authors', for CLIP ViT-L/14
_NORM_EPS = 1e-6


class PaperAgent(TemporalAgent):
    """Window attention over the frames, whose result is compared with the question.

    score_t = E_t.q / (|E_t||q| + 1e-6) + cos(F_t, q), where E = MLP(attention(F + P)) + F and P
    encodes places in the video. Parameters are named as in the published checkpoints, which load
    as they are.

    Args:
        width: the encoder's feature width d.
        tau: the temperature.
        encoder: the encoder's name.
        encoder_id: the encoder's `FrameEncoder.id`.
        recipe: the known facts of its training.
        window: w, how many frames each frame sees.
        heads: attention heads.

    Raises:
        UserError: an argument that is out of range, or heads that do not divide the width.
    """

    kind: ClassVar[str] = "tspo"

    def __init__(
        self,
        width: int,
        tau: float = TAU,
        encoder: str | None = None,
        encoder_id: str | None = None,
        recipe: Mapping[str, Any] | None = None,
        window: int = 12,
        heads: int = 8,
    ) -> None:
        super().__init__(width, tau, encoder, encoder_id, recipe)
        check_arguments(window=window)
        check_heads(width, heads)
        self.temporal = _WindowAttention(width, window, heads)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def draw_weights(self, std: float) -> None:
        """Start from normal weights of this standard deviation, and biases of 0.

        So the authors' trainer starts, with 0.02: transformers initialises weights that a
        checkpoint lacks as those of its model (Qwen2) are.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=std)
                nn.init.zeros_(module.bias)

    def frame_scores(self, frames: Tensor, query: Tensor, lengths: Tensor | None) -> Tensor:
        """See `TemporalAgent.frame_scores`."""

        def scores(seen: slice) -> Tensor:
            places = positions(frames, lengths, seen)
            within = None if lengths is None else lengths_within(lengths, seen)
            return self._scores(frames[:, seen], places, query, within)

        return in_chunks(scores, frames.shape[1], self.temporal.window)

    def _scores(
        self, frames: Tensor, places: Tensor, query: Tensor, lengths: Tensor | None
    ) -> Tensor:
        attended = self.temporal(frames + places, lengths)
        events = self.mlp(attended) + frames  # the frames without their places
        products = (events * query[:, None]).sum(-1)
        norms = events.norm(dim=-1) * query.norm(dim=-1)[:, None]
        event_scores: Tensor = products / (norms + _NORM_EPS)
        return event_scores + F.cosine_similarity(frames, query[:, None], dim=-1)


class _WindowAttention(nn.Module):
    """Multi-head attention within a window: [B, T, d] to [B, T, d].

    `ffn_o` is in published checkpoints, so it is here; no score depends on it.
    """

    def __init__(self, width: int, window: int, heads: int) -> None:
        super().__init__()
        self.window, self.heads = window, heads
        self.Self_q = nn.Linear(width, width)
        self.Self_k = nn.Linear(width, width)
        self.Self_v = nn.Linear(width, width)
        self.ffn_o = nn.Linear(width, width)
        self.ffn_o.requires_grad_(False)

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        split = (*x.shape[:2], self.heads, -1)
        query, key, value = (
            linear(x).reshape(split).transpose(1, 2)
            for linear in (self.Self_q, self.Self_k, self.Self_v)
        )
        mixed = window_attention(query, key, value, self.window, lengths=lengths)
        return mixed.transpose(1, 2).reshape(x.shape)


def positions(frames: Tensor, lengths: Tensor | None = None, seen: slice = slice(None)) -> Tensor:
    """The sinusoidal encoding of each place in a video [B or 1, T, d], for frames [B, T, d].

    `seen` gives those of some places only.

    Channels 2i and 2i + 1 hold the sine and cosine of (t/T) * 10000^(-2i/d): the place is relative
    to the video's length T (each row's own), as in the released code.
    """
    _, length, width = frames.shape
    device = frames.device
    totals = torch.tensor([length], device=device) if lengths is None else lengths.to(device)
    places = torch.arange(length, device=device)[seen] / totals.clamp(min=1)[:, None]
    rates = 10000 ** (-torch.arange(0, width, 2, device=device) / width)
    angles = places[..., None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)[..., :width]
