"""Maximal marginal relevance: frames that match the question and differ from those picked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tspo_bench.samplers.options import check_number
from tspo_bench.samplers.scores import cosines, min_max, unit_features
from tspo_bench.types import Candidates, Features, FloatArray, IntArray, Need, Query, Selection


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


@dataclass(frozen=True)
class MMR:
    """Maximal marginal relevance of cosines.

    Relevance is the cosine to the question, scaled to 0 .. 1 over the video: cosines of texts and
    images lie in a much narrower band than those of images, which would decide alone.

    Raises:
        UserError: an option that is out of range.
    """

    trade_off: float = 0.7
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})

    def __post_init__(self) -> None:
        check_number("mmr", "trade_off", self.trade_off, low=0, high=1)

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick one by one.

        Raises:
            UserError: a feature is NaN or infinite.
        """
        frames, text = unit_features(query, candidates)
        scores = cosines(frames, text)
        picks = mmr(frames, min_max(scores), k, self.trade_off)
        return Selection(candidates.indices[picks], scores)
