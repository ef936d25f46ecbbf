"""Facility location: relevant frames that together stand for the whole video."""

from __future__ import annotations

import heapq

import numpy as np

from tspo_bench.samplers.base import FeatureSampler
from tspo_bench.samplers.options import Share, sampler_options
from tspo_bench.samplers.scores import min_max
from tspo_bench.types import Features, IntArray


def facility_location(
    similarity: Features, relevance: Features, k: int, trade_off: float = 0.5
) -> IntArray:
    """Sorted positions [min(k, T)] that greedily maximise relevance and coverage.

    The objective of a set is `trade_off` x (sum of its relevance / k) + (1 - `trade_off`) x (mean
    over all frames of the similarity to the set's most similar frame). It is submodular: a frame's
    gain only falls as others are picked, so a gain is computed again only when it may be the
    highest. Picks are those of the plain greedy algorithm, the earliest on exact ties.

    Args:
        similarity: [T, T], symmetric, 0 or more.
        relevance: [T], 0 or more.
        k: the frame budget.
        trade_off: 1 for relevance alone, 0 for coverage alone.
    """
    length = len(similarity)
    k = min(k, length)
    bonus = trade_off / max(1, k) * relevance
    share = (1 - trade_off) / max(1, length)
    covered = np.zeros(length, similarity.dtype)
    gains = bonus + share * similarity.sum(axis=1)
    queue = [(-float(gain), position, 0) for position, gain in enumerate(gains)]
    heapq.heapify(queue)
    picks: list[int] = []
    while len(picks) < k:
        _, position, known = heapq.heappop(queue)
        if known == len(picks):
            picks.append(position)
            np.maximum(covered, similarity[position], out=covered)
        else:
            uncovered = np.maximum(similarity[position] - covered, 0).sum()
            gain = float(bonus[position] + share * uncovered)
            heapq.heappush(queue, (-gain, position, len(picks)))
    return np.sort(np.array(picks, np.int64))


@sampler_options
class FacilityLocation(FeatureSampler):
    """Greedy facility location on cosines, those below 0 counted as 0.

    The objective is that of arXiv 2603.20180 (a modular relevance term and a coverage term). The
    paper takes relevance from SigLIP and similarity from DINOv2, and one of four weights by the
    kind of question; here both come from the one encoder, relevance is scaled to 0 .. 1 over the
    video, and the weight is the same for all questions. Memory grows with T x T (52 MB at 3600).
    """

    trade_off: Share = 0.5

    def pick(self, frames: Features, text: Features, scores: Features, k: int) -> IntArray:
        """See `facility_location`."""
        similarity = np.maximum(frames @ frames.T, 0)
        return facility_location(similarity, min_max(scores), k, self.trade_off)
