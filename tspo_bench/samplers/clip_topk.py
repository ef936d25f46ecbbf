"""The frames most similar to the question."""

from __future__ import annotations

from tspo_bench.samplers.base import ScoreSampler
from tspo_bench.samplers.options import sampler_options
from tspo_bench.samplers.scores import top_k
from tspo_bench.types import Features, IntArray


@sampler_options
class ClipTopK(ScoreSampler):
    """The min(k, T) candidates with the highest cosine to the question, the earliest on ties."""

    def pick(self, scores: Features, k: int) -> IntArray:
        """See `top_k`."""
        return top_k(scores, k)
