"""The best-scored frame of each of K parts of the video."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.samplers.base import ScoreSampler
from tspo_bench.samplers.options import sampler_options
from tspo_bench.types import Features, IntArray


def bin_max(scores: ArrayLike, k: int) -> IntArray:
    """Sorted positions [min(k, T)] of the best of each cell, the earliest on ties.

    Anchors stand at round(i (T - 1) / (k - 1)), i = 0 .. k - 1, and each frame joins its nearest
    anchor, the earlier on ties: the cells at both ends are half as wide. For k = 1 there is one
    cell.

    Source: `bin-max` in TSPO's released code (arXiv 2508.04369), its choice for Video-MME.
    """
    values = np.asarray(scores)
    length = len(values)
    if k >= length:
        return np.arange(length, dtype=np.int64)
    anchors = np.round(np.arange(k) * ((length - 1) / max(1, k - 1)))
    middles = (anchors[:-1] + anchors[1:]) / 2
    starts = np.floor(middles).astype(np.int64) + 1  # a frame on a middle joins the earlier cell
    cells = np.split(values, starts) if k else []
    return np.array(
        [start + np.argmax(cell) for start, cell in zip([0, *starts], cells, strict=False)],
        dtype=np.int64,
    )


@sampler_options
class BinMax(ScoreSampler):
    """The best of each of min(k, T) cells by cosine to the question: relevant and spread out."""

    def pick(self, scores: Features, k: int) -> IntArray:
        """See `bin_max`."""
        return bin_max(scores, k)
