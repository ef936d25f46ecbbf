"""A temporal agent as it is before training: what its architecture alone is worth."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar, Literal

from tspo_bench.samplers.fill import filled
from tspo_bench.samplers.options import Count, sampler_options
from tspo_bench.samplers.scores import checked_features, top_k
from tspo_bench.types import Candidates, Need, Query, Selection

if TYPE_CHECKING:
    from tspo_bench.agent import TemporalAgent


@sampler_options
class Untrained:
    """The min(k, T) frames that an untrained agent scores highest; it fits any encoder.

    Args:
        kind: the agent's kind.
        seed: of its initial weights.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"features"})
    kind: Literal["tspo", "tspo-q"] = "tspo-q"
    seed: Count = 0

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Score the candidates and take the best.

        Raises:
            UserError: a feature is NaN or infinite, or the agent cannot read features as wide.
        """
        frames, text = checked_features(query, candidates)
        scores = _agent(self.kind, self.seed, frames.shape[1]).score(frames, text)
        return filled(candidates, top_k(scores, k), scores, k, notes={"agent": self.kind})


@functools.lru_cache(maxsize=8)
def _agent(kind: str, seed: int, width: int) -> TemporalAgent:
    import torch

    from tspo_bench.agent import agent_class

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return agent_class(kind)(width=width, tau=1.0).eval()
