"""The frames whose neighbourhood is most similar to the question."""

from __future__ import annotations

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.samplers.base import ScoreSampler
from tspo_bench.samplers.options import sampler_options
from tspo_bench.samplers.scores import top_k
from tspo_bench.types import Features, IntArray


def smoothed(scores: Features, window: int) -> Features:
    """The mean score [T] of the candidates at most window // 2 away, of those that exist."""
    half = window // 2
    total = np.concatenate([[0.0], np.cumsum(scores, dtype=np.float64)])
    places = np.arange(len(scores))
    first, last = (places - half).clip(min=0), (places + half + 1).clip(max=len(scores))
    return np.asarray((total[last] - total[first]) / (last - first), np.float32)


@sampler_options
class SmoothedCosine(ScoreSampler):
    """The min(k, T) candidates with the highest mean cosine of their neighbourhood.

    It is what a temporal agent can do at least: look around the frames that resemble the question.

    Args:
        window: candidates that are averaged, an odd number.

    Raises:
        UserError: a window that is not odd.
    """

    window: int = 9

    def __post_init__(self) -> None:
        if self.window < 1 or self.window % 2 == 0:
            raise UserError(f"smoothed-cosine: window={self.window}; use an odd number, 1 or more")

    def pick(self, scores: Features, k: int) -> IntArray:
        """See `smoothed` and `top_k`."""
        return top_k(smoothed(scores, self.window), k)
