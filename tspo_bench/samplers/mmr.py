"""Maximal marginal relevance: frames that match the question and differ from those picked."""

from __future__ import annotations

import numpy as np

from tspo_bench.samplers.base import FeatureSampler
from tspo_bench.samplers.options import Share, sampler_options
from tspo_bench.samplers.scores import min_max
from tspo_bench.types import Features, FloatArray, IntArray


def mmr(frames: Features, relevance: Features, k: int, trade_off: float = 0.7) -> IntArray:
    """Sorted positions [min(k, T)] picked one by one, the earliest on ties.

    Each pick has the highest `trade_off` x relevance - (1 - `trade_off`) x cosine to the most
    similar of those picked. Takes O(T k d) time and keeps no T x T matrix.

    Args:
        frames: [T, d], of length 1.
        relevance: [T].
        k: the frame budget.
        trade_off: 1 for relevance alone, 0 for diversity alone after the first pick.

    Source: Carbonell and Goldstein, SIGIR 1998, who name 0.7 to focus and 0.3 to survey.
    """
    nothing, everything = np.empty(0, np.int64), np.arange(len(frames))
    return np.sort(extend(nothing, everything, frames, relevance, k, trade_off))


def extend(
    picks: IntArray,
    options: IntArray,
    frames: Features,
    relevance: FloatArray | Features,
    count: int,
    trade_off: float,
) -> IntArray:
    """`picks` and then up to `count` of the other `options`, in the order of picking: see `mmr`."""
    free = options[~np.isin(options, picks)]
    among = frames[free]
    worth, nearest = trade_off * relevance[free], (among @ frames[picks].T).max(axis=1, initial=-1)
    more = []
    for _ in range(min(count, len(free))):
        best = int(np.argmax(worth - (1 - trade_off) * nearest))
        more.append(free[best])
        worth[best] = -np.inf
        np.maximum(nearest, among @ among[best], out=nearest)
    return np.append(picks, np.array(more, np.int64))


@sampler_options
class MMR(FeatureSampler):
    """Maximal marginal relevance of cosines.

    Relevance is the cosine to the question, scaled to 0 .. 1 over the video: cosines of texts and
    images lie in a much narrower band than those of images, which would decide alone.
    """

    trade_off: Share = 0.7

    def pick(self, frames: Features, text: Features, scores: Features, k: int) -> IntArray:
        """See `mmr`."""
        return mmr(frames, min_max(scores), k, self.trade_off)
