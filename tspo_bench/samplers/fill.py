"""Rules that samplers share: fill up a selection that is too small, spread picks evenly."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.samplers.options import Fill
from tspo_bench.samplers.scores import argsort_desc
from tspo_bench.types import JSON, Candidates, Features, IntArray, Selection


def fill_by_score(picked: IntArray, scores: ArrayLike, k: int) -> IntArray:
    """Sorted positions: `picked` and the highest-scored others, up to min(k, T) of them.

    Published algorithms that may give fewer than k frames are filled by this rule, so that every
    sampler is compared at the same budget. The earliest comes first on ties.

    Args:
        picked: distinct positions in `scores`, at most k.
        scores: [T].
        k: the frame budget.
    """
    order = argsort_desc(scores)
    rest = order[~np.isin(order, picked)]
    return np.sort(np.concatenate([picked, rest[: max(0, k - len(picked))]])).astype(np.int64)


def filled(
    candidates: Candidates,
    picked: IntArray,
    scores: Features,
    k: int,
    fill: Fill = "score",
    notes: Mapping[str, JSON] | None = None,
) -> Selection:
    """A selection of the candidates at `picked`, filled up by `fill_by_score` if `fill` says so."""
    positions = fill_by_score(picked, scores, k) if fill == "score" else picked
    num_filled = len(positions) - len(picked)
    return Selection(candidates.indices[positions], scores, num_filled, dict(notes or {}))


def spread(length: int, count: int) -> IntArray:
    """`count` distinct positions in 0 .. length - 1: the middles of `count` equal parts.

    `count` is at most `length`.
    """
    return (2 * np.arange(count, dtype=np.int64) + 1) * length // (2 * max(1, count))
