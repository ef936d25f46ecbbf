"""MaxInfo: frames whose features span the largest volume. Looks at no question."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tspo_bench.samplers.options import CountFromOne, sampler_options
from tspo_bench.samplers.scores import checked_features
from tspo_bench.types import Candidates, Features, FloatArray, IntArray, Need, Query, Selection

SWAP_GAIN = 1.05  # a swap must enlarge the volume by this much
MAX_SWAPS = 100
EPS = 1e-10  # of the largest eigenvalue: a direction below is rounding


def leading_directions(features: Features, rank: int) -> FloatArray:
    """The first `rank` left singular vectors of features [T, d], as columns [T, r].

    r is less than `rank` where the features span fewer dimensions.
    """
    matrix = np.asarray(features, np.float64)
    tall = len(matrix) > matrix.shape[1]
    values, vectors = np.linalg.eigh(matrix.T @ matrix if tall else matrix @ matrix.T)
    best = np.argsort(-values, kind="stable")[:rank]
    best = best[values[best] > EPS * max(values.max(initial=0), np.finfo(np.float64).tiny)]
    if not tall:
        return np.asarray(vectors[:, best])
    return np.asarray(matrix @ vectors[:, best] / np.sqrt(values[best]))


def max_volume(rows: FloatArray) -> IntArray:
    """Positions [r] of r of the rows [T, r] with a locally largest |determinant|.

    Starts from the rows picked greedily by what they add to the volume, and swaps one row at a time
    while that enlarges the volume by 5% or more.

    Source: Goreinov et al., "How to find a good submatrix" (2010).
    """
    rank = rows.shape[1]
    if not rank:
        return np.empty(0, np.int64)
    picks: list[int] = []
    rest = rows.copy()
    for _ in range(rank):
        pick = int(np.argmax((rest * rest).sum(axis=1)))
        picks.append(pick)
        axis = rest[pick] / np.linalg.norm(rest[pick])
        rest -= np.outer(rest @ axis, axis)
        rest[picks] = 0
    share = np.linalg.solve(rows[picks].T, rows.T).T  # each row as a sum of picked ones
    for _ in range(MAX_SWAPS):
        incoming, outgoing = np.unravel_index(np.abs(share).argmax(), share.shape)
        if not abs(share[incoming, outgoing]) > SWAP_GAIN:
            break
        step = share[incoming].copy()
        step[outgoing] -= 1
        share -= np.outer(share[:, outgoing] / share[incoming, outgoing], step)
        picks[outgoing] = int(incoming)
    return np.array(picks, np.int64)


def grow(rows: FloatArray, picks: IntArray, k: int) -> IntArray:
    """Positions [min(k, T)]: `picks`, and rows that each enlarge the volume of all the most.

    The volume of n >= r rows is sqrt(det(A^T A)), A [n, r] holding them. The earliest row on ties.

    Source: Mikhalev and Oseledets, "Rectangular maximum-volume submatrices" (2018).
    """
    chosen = list(map(int, picks))
    inverse = np.linalg.inv(rows[picks].T @ rows[picks])
    gains = np.einsum("tr,rs,ts->t", rows, inverse, rows)
    gains[picks] = -np.inf
    while len(chosen) < min(k, len(rows)):
        pick = int(np.argmax(gains))
        along = inverse @ rows[pick]
        scale = 1 + rows[pick] @ along
        inverse -= np.outer(along, along) / scale
        gains -= (rows @ along) ** 2 / scale
        gains[pick] = -np.inf
        chosen.append(pick)
    return np.array(chosen, np.int64)


def maxinfo(features: Features, k: int, rank: int = 8) -> IntArray:
    """Sorted positions [min(k, T)] of the frames of maximum volume among features [T, d].

    The volume is measured in the features' first min(rank, k) left singular vectors. As many frames
    as these are picked by `max_volume`, further ones by `grow`.

    The released notebook stops when no frame's gain exceeds a tolerance, so that the number of
    frames depends on the video; here the budget says when to stop.

    Source: arXiv 2502.03183.
    """
    rows = leading_directions(features, min(rank, k))
    return np.sort(grow(rows, max_volume(rows), k))


@sampler_options
class MaxInfo:
    """Maximum volume of the features as they are, without scaling; the query does not matter."""

    rank: CountFromOne = 8
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick by volume.

        Raises:
            UserError: a feature is NaN or infinite.
        """
        features, _ = checked_features(query, candidates)
        return Selection(candidates.indices[maxinfo(features, k, self.rank)])
