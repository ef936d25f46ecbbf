"""BOLT: inverse transform sampling of sharpened scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.samplers.base import ScoreSampler
from tspo_bench.samplers.options import Fill, Positive, sampler_options
from tspo_bench.samplers.scores import inverse_transform
from tspo_bench.types import Features, IntArray


def bolt(scores: ArrayLike, k: int, power: float = 3.0) -> IntArray:
    """Sorted distinct positions, at most k, that BOLT picks from scores [T].

    The scores are scaled to 0 .. 1 and raised to `power`. Of their cumulative sum, as a share of
    the total, the frames at k evenly spaced shares from 1/k to 1 - 1/k are taken.

    Gives the frames of the released code, which repeats a frame that holds several shares: here it
    is given once. Where that code is undefined we chose: constant scores weigh the same, and k = 1
    (whose share would be 1, the very end) takes the frame at 1/2.

    Source: arXiv 2503.21483, github.com/sming256/BOLT, `select_frames.py`.
    """
    values = np.asarray(scores, np.float64)
    width = np.ptp(values)
    weights = ((values - values.min()) / width) ** power if width > 0 else np.ones_like(values)
    shares = np.linspace(1 / k, 1 - 1 / k, k) if k > 1 else np.array([0.5])
    return inverse_transform(weights, shares)


@sampler_options
class BOLT(ScoreSampler):
    """Inverse transform sampling on the cosine to the question.

    One frame may hold several shares, so that fewer than min(k, T) are picked before filling.
    """

    power: Positive = 3.0
    fill: Fill = "score"

    def pick(self, scores: Features, k: int) -> IntArray:
        """See `bolt`."""
        return bolt(scores, k, self.power)
