"""Frames inside the annotated evidence: the ceiling of what sampling can reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.samplers.fill import spread
from tspo_bench.samplers.options import sampler_options
from tspo_bench.types import Candidates, IntArray, Need, Query, Selection

Seconds = tuple[float, float]


def span_frames(span: Seconds, candidates: Candidates) -> IntArray:
    """Sorted frame numbers that stand for a span of evidence, at least one.

    These are its candidates, start <= t < end (at the end the next scene may have begun); for a
    moment (start = end) the nearest candidate, the earlier on ties; for a span between two
    candidates the video's frame nearest to its middle.
    """
    start, end = span
    if start == end:
        return candidates.indices[[np.argmin(np.abs(candidates.seconds - start))]]
    inside = candidates.indices[(start <= candidates.seconds) & (candidates.seconds < end)]
    if len(inside):
        return inside
    middle = _frame_at((start + end) / 2, candidates)
    return np.array([min(max(middle, 0), candidates.num_frames - 1)], np.int64)


def _frame_at(second: float, candidates: Candidates) -> int:
    """The number of the frame at a time: between two candidates as if their frames were even."""
    seconds, indices = candidates.seconds, candidates.indices
    after = int(np.searchsorted(seconds, second, side="right"))
    if not 0 < after < len(seconds):
        last = max(after - 1, 0)
        beyond = (second - seconds[last]) * candidates.frame_rate
        return round(float(indices[last] + beyond))
    return round(float(np.interp(second, seconds, indices)))


def evidence_frames(evidence: Sequence[Seconds], candidates: Candidates) -> list[IntArray]:
    """The frames of each span, disjoint and in time order.

    A frame in two spans belongs to the one with fewer frames; a span left with none is dropped, for
    its frames stand in others.
    """
    spans = [span_frames(span, candidates) for span in sorted(set(evidence))]
    pools: list[IntArray] = []
    taken = np.empty(0, np.int64)
    for frames in sorted(spans, key=len):
        own = np.setdiff1d(frames, taken)
        if len(own):
            pools.append(own)
            taken = np.union1d(taken, own)
    return sorted(pools, key=lambda pool: int(pool[0]))


def share_out(sizes: Sequence[int], k: int) -> list[int]:
    """How many of k picks each pool gets: one each in turn, at most its size.

    Where a round has fewer picks than pools, they go to pools spread evenly in time.
    """
    shares = [0] * len(sizes)
    while k > 0:
        open_pools = [pool for pool, size in enumerate(sizes) if shares[pool] < size]
        if not open_pools:
            break
        count = min(k, len(open_pools))
        for position in spread(len(open_pools), count):
            shares[open_pools[position]] += 1
        k -= count
    return shares


@sampler_options
class Oracle:
    """min(k, T) frames, of the evidence as far as it goes.

    Every span gets a frame before one gets its second, evenly within a span. Where the evidence has
    fewer frames than the budget, all of them are taken and the rest is filled evenly from the
    candidates outside, so that the MLLM's budget is that of any other sampler; `num_filled` and the
    note `evidence_frames` say how many are which.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"probe", "evidence"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick frames inside the evidence.

        Raises:
            UserError: the question has no evidence.
        """
        if not query.evidence:
            raise UserError(
                f"sampler 'oracle': question {query.question_id!r} has no annotated evidence; "
                "use another sampler, or a task whose questions have it"
            )
        budget = min(k, len(candidates))
        pools = evidence_frames(query.evidence, candidates)
        shares = share_out([len(pool) for pool in pools], budget)
        picks = np.concatenate(
            [pool[spread(len(pool), share)] for pool, share in zip(pools, shares, strict=True)]
        )
        outside = np.setdiff1d(candidates.indices, np.concatenate(pools))
        filled = outside[spread(len(outside), budget - len(picks))]
        return Selection(
            np.sort(np.concatenate([picks, filled])),
            num_filled=len(filled),
            notes={"evidence_frames": len(picks)},
        )
