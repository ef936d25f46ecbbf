"""The query-conditioned temporal agent, which can find the neighbour of a described scene.

The paper's agent meets the question in a cosine only, after its temporal module. Here every layer
is conditioned on the question, and attention has relative positions: "the scene after the dog" can
be learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tspo_bench.agent.base import Part, TemporalAgent, check_arguments, check_heads
from tspo_bench.agent.window import in_chunks, lengths_within, window_attention

WAVES = 4  # of the relative time: periods of 2, 1, 1/2 and 1/4 of the video
REACHES = (2.0, 6.0, 18.0, 54.0)  # in frames: how far from the start and the end a frame stands
PARTS = get_args(Part)


class QueryAgent(TemporalAgent):
    """Scores = cosine to the question + echoes of its neighbours' + what a small transformer adds.

    A frame's echo is a sum of the cosines in its window, weighted by offset as the question has it:
    "the scene after the dog" is the frame some seconds after the one like a dog. Echo weights start
    even and the transformer's head starts at zero, so training starts from smoothed cosines.

    Args:
        width: the encoder's feature width d.
        tau: the temperature.
        encoder: name of the encoder that the agent was trained with.
        encoder_id: identifies its weights.
        recipe: the known facts of its training.
        hidden: width of the layers.
        window: frames that a frame's attention sees, w.
        layers: number of layers.
        heads: attention heads, which divide `hidden`.
        without: parts taken away, for ablations, out of PARTS: "query" (the product of frame and
            question), "position" (relative time, distances from start and end), "attention" (layers
            then see single frames), "film" (the question modulating each layer), "bias" (the
            relative positions in attention), "echo".

    Raises:
        UserError: an argument out of range.
    """

    kind: ClassVar[str] = "tspo-q"

    def __init__(
        self,
        width: int,
        tau: float,
        encoder: str | None = None,
        encoder_id: str | None = None,
        recipe: Mapping[str, Any] | None = None,
        hidden: int = 96,
        window: int = 24,
        layers: int = 2,
        heads: int = 4,
        without: list[str] | None = None,
    ) -> None:
        super().__init__(width, tau, encoder, encoder_id, recipe)
        check_arguments(hidden=hidden, window=window, layers=layers, without=without)
        check_heads(hidden, heads)
        self.window = window
        self.parts = frozenset(PARTS) - frozenset(without or ())
        self.embed = nn.Linear(width + 1 + 2 * WAVES + 2 * len(REACHES), hidden)
        self.ask = nn.Linear(width, hidden)
        self.layers = nn.ModuleList(
            _Layer(hidden, heads, window, self.parts) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden)
        self.head = nn.Linear(hidden, 1)
        # At first each frame adds an eighth of the cosines of those within 8 of it.
        self.echo = nn.Parameter((_offsets(window).abs() <= 8) / 8.0)
        self.echo_asked = nn.Linear(hidden, window)
        for linear in (self.head, self.echo_asked):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)

    def frame_scores(self, frames: Tensor, query: Tensor, lengths: Tensor | None) -> Tensor:
        """See `TemporalAgent.frame_scores`."""
        if lengths is None:
            lengths = torch.full((len(frames),), frames.shape[1], device=frames.device)
        lengths = lengths.to(frames.device)
        places = _places(frames.shape[1], lengths) * ("position" in self.parts)

        def scores(seen: slice) -> Tensor:
            within = lengths_within(lengths, seen)
            return self._scores(frames[:, seen], places[:, seen], query, within)

        return in_chunks(scores, frames.shape[1], self.window * max(1, len(self.layers)))

    def _scores(self, frames: Tensor, places: Tensor, query: Tensor, lengths: Tensor) -> Tensor:
        frames = F.normalize(frames, dim=-1)
        query = F.normalize(query, dim=-1)
        cosine = (frames * query[:, None]).sum(-1)
        # Unit vectors have small entries; scaled so, entries are about 1 and so are the products.
        scale = math.sqrt(self.width)
        product = scale * frames * scale * query[:, None] * ("query" in self.parts)
        asked = self.ask(scale * query)
        hidden = self.embed(torch.cat([product, cosine[..., None], places], -1)) + asked[
            :, None
        ] * ("query" in self.parts)
        for layer in self.layers:
            hidden = layer(hidden, asked, lengths)
        added: Tensor = self.head(self.norm(hidden))[..., 0]
        return cosine + added + self._echoes(cosine, asked) * ("echo" in self.parts)

    def _echoes(self, cosine: Tensor, asked: Tensor) -> Tensor:
        """Weighted cosines [B, T] of each frame's window, by the question [B, hidden]."""
        before = self.window // 2
        padded = F.pad(cosine, (before, self.window - 1 - before))
        weights: Tensor = self.echo + self.echo_asked(asked)
        return (padded.unfold(1, self.window, 1) * weights[:, None]).sum(-1)


def _offsets(window: int) -> Tensor:
    """The offset of each place of a frame's window from the frame [w]."""
    return torch.arange(window) - window // 2


class _Layer(nn.Module):
    """Window attention and an MLP, both modulated by the question (FiLM)."""

    def __init__(self, hidden: int, heads: int, window: int, parts: frozenset[str]) -> None:
        super().__init__()
        self.heads, self.window, self.parts = heads, window, parts
        self.norms = nn.ModuleList(nn.LayerNorm(hidden, elementwise_affine=False) for _ in range(2))
        self.film = nn.Linear(hidden, 4 * hidden)
        self.mix = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.mlp = nn.Sequential(
            nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden)
        )
        self.offset = nn.Parameter(torch.zeros(heads, window))
        self.offset_asked = nn.Linear(hidden, heads * window)
        for linear in (self.film, self.offset_asked):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, hidden: Tensor, asked: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, hidden] and the question [B, hidden] to [B, T, hidden]."""
        film = self.film(asked)[:, None] * ("film" in self.parts)
        scale, shift, mlp_scale, mlp_shift = film.chunk(4, -1)
        if "attention" in self.parts:
            seen = self.norms[0](hidden) * (1 + scale) + shift
            hidden = hidden + self.attention(seen, asked, lengths)
        seen = self.norms[1](hidden) * (1 + mlp_scale) + mlp_shift
        out: Tensor = hidden + self.mlp(seen)
        return out

    def attention(self, seen: Tensor, asked: Tensor, lengths: Tensor) -> Tensor:
        """Window attention; its bias by offset is learnt, and is shifted by the question."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.mix(seen).chunk(3, -1)
        )
        shifted = self.offset_asked(asked).unflatten(-1, (self.heads, 1, self.window))
        bias = (self.offset[:, None] + shifted) * ("bias" in self.parts)
        mixed = window_attention(query, key, value, self.window, bias, lengths)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out


def _places(frames: int, lengths: Tensor) -> Tensor:
    """The place of a frame in the video [B, T, 2 * WAVES + 2 * len(REACHES)].

    Sines and cosines of the relative time, and exponentials of the distance from either end.
    """
    place = torch.arange(frames, device=lengths.device).float()[None]
    last = (lengths[:, None] - 1).float()
    relative = place / last.clamp(min=1)
    waves = relative[..., None] * math.pi * 2.0 ** torch.arange(WAVES, device=lengths.device)
    reaches = torch.tensor(REACHES, device=lengths.device)
    # Places beyond the length are never looked at; the bound keeps their exponentials finite.
    distance = torch.stack([place.expand_as(relative), (last - place).clamp(min=0)], -1)
    near = (-distance[..., None] / reaches).exp().flatten(-2)
    return torch.cat([waves.sin(), waves.cos(), near], -1)
