"""Scores of long videos, computed in chunks, equal those in one piece."""

from __future__ import annotations

import pytest
import torch

from tspo_bench.agent import window
from tspo_bench.agent.base import TemporalAgent
from tspo_bench.agent.paper_agent import PaperAgent
from tspo_bench.agent.query_agent import QueryAgent

AGENTS = [
    lambda: PaperAgent(16, window=5, heads=2),
    lambda: PaperAgent(16, window=12, heads=2),
    lambda: QueryAgent(16, 1.0, hidden=8, window=5, layers=3, heads=2),
    lambda: QueryAgent(16, 1.0, hidden=8, window=6, layers=1, heads=2),
]


def drawn(agent: TemporalAgent) -> TemporalAgent:
    """The agent with weights of which none is zero, as some are at first."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in agent.parameters():
            parameter.normal_(0, 0.3, generator=generator)
    return agent


@pytest.mark.parametrize("number", range(len(AGENTS)))
@pytest.mark.parametrize("lengths", [None, [100, 41], [39, 3]])
@pytest.mark.parametrize("chunk", [1, 7, 20, 99])
def test_chunks_give_the_scores_and_gradients_of_one_piece(
    number: int, lengths: list[int] | None, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = drawn(AGENTS[number]()).double()
    monkeypatch.setattr(TemporalAgent, "forward", _in_double)
    frames = torch.randn(2, 100, 16, dtype=torch.float64)
    query = torch.randn(2, 16, dtype=torch.float64)
    counts = None if lengths is None else torch.tensor(lengths)
    found = []
    for size in (1000, chunk):
        monkeypatch.setattr(window, "CHUNK", size)
        agent.zero_grad()
        scores = agent(frames, query, counts)
        scores[scores.isfinite()].sum().backward()
        gradients = [p.grad.clone() for p in agent.parameters() if p.grad is not None]
        found.append((scores.detach(), gradients))
    (whole, wanted), (chunked, gradients) = found
    # The paper's agent encodes places in float32.
    torch.testing.assert_close(chunked, whole, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(gradients, wanted, rtol=1e-6, atol=1e-6)


def _in_double(
    self: TemporalAgent, frames: torch.Tensor, query: torch.Tensor, lengths: torch.Tensor | None
) -> torch.Tensor:
    """`TemporalAgent.forward`, without its conversion to float32."""
    if lengths is None:
        return self.frame_scores(frames, query, None)
    padding = torch.arange(frames.shape[1]) >= lengths[:, None]
    scores = self.frame_scores(frames.masked_fill(padding[..., None], 0), query, lengths)
    return scores.masked_fill(padding, -torch.inf)
