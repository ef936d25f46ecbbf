"""MDP3: diverse frames that match the question, shared out over segments of the video."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tspo_bench.samplers.base import FeatureSampler
from tspo_bench.samplers.options import Count, Fill, Positive, sampler_options
from tspo_bench.types import Features, FloatArray, IntArray

NARROWINGS = 4  # widths 2, 1, 1/2, 1/4, 1/8
SELF = NARROWINGS + 1.0  # the kernel of a frame with itself
RESIDUAL_FLOOR = 1e-8  # what is left of SELF when a frame adds nothing to those picked


def kernel(left: FloatArray, right: FloatArray) -> FloatArray:
    """Sum of Gaussian kernels [n, m] of rows [n, d] and [m, d].

    Each is exp(-distance^2 / (2 width)), for widths 2, 1, 1/2, 1/4, 1/8.
    """
    lengths = (left * left).sum(axis=1)[:, None] + (right * right).sum(axis=1)
    term: FloatArray = np.exp((2 * left @ right.T - lengths).clip(max=0) / 4)
    total = term.copy()
    for _ in range(NARROWINGS):
        term *= term  # half the width is the square
        total += term
    return total


class Greedy(NamedTuple):
    """The picks of one segment, for each of C frames picked last before it.

    `scores` [C, n + 1] are the objectives of its best 0 .. n frames, -inf where they do not
    differ; `order` [C, n] holds them as picked.
    """

    scores: FloatArray
    order: IntArray


def pick_greedily(
    similarity: FloatArray, cross: FloatArray, quality: FloatArray, base: FloatArray, n: int
) -> Greedy:
    """Greedily maximise log det + quality of up to n of the segment's m frames.

    The log-determinants come from a Cholesky factor that grows by a row a pick, as in Chen et al.
    (2018), for all conditions at once.

    Args:
        similarity: the kernel among the segment's frames, [m, m].
        cross: the kernel with the frame picked last, [C, m]; 0 where there is none.
        quality: [m].
        base: the objective of the frame picked last alone, [C].
        n: how many to pick.
    """
    conditions = np.arange(len(cross))
    factor = np.zeros((len(cross), n + 1, len(similarity)))
    factor[:, 0] = cross / np.sqrt(SELF)
    left = SELF - factor[:, 0] ** 2
    scores = np.zeros((len(cross), n + 1))
    order = np.zeros((len(cross), n), np.int64)
    total = base.copy()
    for step in range(n):
        gains = np.full_like(left, -np.inf)
        np.log(left, out=gains, where=left > RESIDUAL_FLOOR)
        gains += quality
        pick = order[:, step] = gains.argmax(axis=1)
        total = total + gains[conditions, pick]
        scores[:, step + 1] = total
        known = factor[:, : step + 1]
        row = similarity[pick] - np.einsum("cs,csm->cm", known[conditions, :, pick], known)
        row /= np.sqrt(left[conditions, pick].clip(min=RESIDUAL_FLOOR))[:, None]
        factor[:, step + 1] = row
        left -= row**2
        left[conditions, pick] = 0
    return Greedy(scores, order)


def mdp3(
    frames: Features, text: Features, k: int, trade_off: float = 0.2, segment: int = 32
) -> IntArray:
    """Sorted positions, at most k, that MDP3 picks; fewer where frames repeat each other.

    The objective of a set of frames is log det of their kernel + 2 / `trade_off` x the sum of the
    logs of their kernels with the question. The video is cut into segments of `segment` frames.
    Dynamic programming over segments and numbers of frames finds how many each gives: within a
    segment frames are picked greedily, together with the frame picked last before it; a segment
    that gives none scores 0.

    Gives the frames of the released code, which counts the frame picked last in the objective of
    the next segment once more. A last segment may be short (the released code needs equal ones),
    and frames that repeat one picked are never picked (there the order depends on rounding). The
    released code makes the whole video one segment by default; 32 is what its comments assume.

    Args:
        frames: [T, d], of length 1.
        text: [d], of length 1.
        k: the frame budget.
        trade_off: lambda in the paper; less means more relevance.
        segment: frames a segment; 0 for one of the whole video, which takes memory T x T.

    Source: arXiv 2501.02885, github.com/AIDC-AI/Ovis, `plugin/mdp3.py`.
    """
    rows = np.asarray(frames, np.float64)
    quality = 2 / trade_off * np.log(kernel(rows, np.asarray(text, np.float64)[None]))[:, 0]
    segment = segment or len(rows)
    scores = np.full(k + 1, -np.inf)  # of the best sets of 0 .. k frames so far
    scores[0] = 0
    last = np.full(k + 1, -1)  # their last frames
    steps: list[tuple[int, IntArray, IntArray, IntArray]] = []
    for start in range(0, len(rows), segment):
        part = slice(start, min(start + segment, len(rows)))
        conditions, which = np.unique(last, return_inverse=True)
        none = conditions < 0
        cross = np.where(none[:, None], 0, kernel(rows[conditions], rows[part]))
        base = np.where(none, 0, quality[conditions] + np.log(SELF))
        size = part.stop - start
        greedy = pick_greedily(
            kernel(rows[part], rows[part]), cross, quality[part], base, min(k, size)
        )
        scores, taken = _share_out(scores, greedy.scores[which])
        steps.append((start, taken, which, greedy.order))
        furthest = start + np.maximum.accumulate(greedy.order, axis=1)
        before = np.arange(k + 1) - taken
        last = np.where(taken > 0, furthest[which[before], taken - 1], last[before])
    return _trace_back(steps, int(np.flatnonzero(scores > -np.inf).max()))


def _share_out(scores: FloatArray, offers: FloatArray) -> tuple[FloatArray, IntArray]:
    """Best objectives [k + 1] with one more segment, and how many frames it gives in each.

    Args:
        scores: the best without it, [k + 1].
        offers: what it offers after each of these, [k + 1, n + 1].
    """
    best = np.full_like(scores, -np.inf)
    taken = np.zeros(len(scores), np.int64)
    for count in range(offers.shape[1] - 1, -1, -1):  # on ties the most
        total = scores[: len(scores) - count] + offers[: len(scores) - count, count]
        better = np.flatnonzero(total > best[count:]) + count
        best[better], taken[better] = total[better - count], count
    return best, taken


def _trace_back(steps: list[tuple[int, IntArray, IntArray, IntArray]], num: int) -> IntArray:
    picks: list[IntArray] = []
    for start, taken, which, order in reversed(steps):
        count = int(taken[num])
        num -= count
        picks.append(start + order[which[num], :count])
    return np.sort(np.concatenate(picks)) if picks else np.empty(0, np.int64)


@sampler_options
class MDP3(FeatureSampler):
    """A Markov chain of determinantal point processes, conditioned on the question.

    Frames that repeat each other are not picked; `fill` adds those most similar to the question.
    """

    trade_off: Positive = 0.2
    segment: Count = 32
    fill: Fill = "score"

    def pick(self, frames: Features, text: Features, scores: Features, k: int) -> IntArray:
        """See `mdp3`."""
        if len(frames) <= k:
            return np.arange(len(frames), dtype=np.int64)
        return mdp3(frames, text, k, self.trade_off, self.segment)
