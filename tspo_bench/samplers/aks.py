"""Adaptive keyframe sampling: the best frames where they stand out, halves where they do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.samplers.base import ScoreSampler
from tspo_bench.samplers.options import Count, Fill, sampler_options
from tspo_bench.samplers.scores import argsort_desc
from tspo_bench.types import Features, FloatArray, IntArray


def aks(scores: ArrayLike, k: int, t1: float = 0.2, t2: float = -100.0, depth: int = 3) -> IntArray:
    """Sorted positions that adaptive keyframe sampling picks from scores [T].

    The scores are scaled to 0 .. 1. A segment whose k best frames are on average more than `t1`
    above its mean, and whose standard deviation exceeds `t2`, gives its best frames; any other is
    halved, `depth` times at most. A segment halved d times gives k // 2^d frames, so there may be
    fewer than k in all, and none where k < 2^d everywhere. Ties go to the earliest; constant scores
    (for which the scaling is undefined) are never above their mean.

    Gives exactly the frames of the released code.

    Source: arXiv 2502.21271, github.com/ncTimTang/AKS, `frame_select.py`.
    """
    values = np.asarray(scores, np.float64)
    if len(values) < k:
        return np.arange(len(values), dtype=np.int64)
    low, width = values.min(initial=np.inf), np.ptp(values) if len(values) else 0.0
    scaled = (values - low) / width if width > 0 else np.zeros_like(values)
    picks = np.empty(0, np.int64)
    segments = [(0, len(scaled), 0)]
    while segments:
        start, stop, halvings = segments.pop()
        part = scaled[start:stop]
        order = argsort_desc(part)
        if halvings == depth or _stands_out(part, part[order[:k]], t1, t2):
            picks = np.concatenate([picks, start + order[: k // 2**halvings]])
        else:
            middle = start + len(part) // 2
            segments += [(start, middle, halvings + 1), (middle, stop, halvings + 1)]
    return np.sort(picks)


def _stands_out(part: FloatArray, best: FloatArray, t1: float, t2: float) -> bool:
    return len(best) > 0 and bool(best.mean() - part.mean() > t1 and part.std() > t2)


@sampler_options
class AKS(ScoreSampler):
    """Adaptive keyframe sampling on the cosine to the question."""

    t1: float = 0.2
    t2: float = -100.0
    depth: Count = 3
    fill: Fill = "score"

    def pick(self, scores: Features, k: int) -> IntArray:
        """See `aks`."""
        return aks(scores, k, self.t1, self.t2, self.depth)
