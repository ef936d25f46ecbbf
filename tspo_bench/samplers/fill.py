"""Rules that samplers share: fill up a selection that is too small, spread picks evenly."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.errors import UserError
from tspo_bench.samplers.scores import argsort_desc
from tspo_bench.types import IntArray

Fill = Literal["score", "none"]
Short = Literal["candidates", "uniform"]


def check_fill(sampler: str, fill: str) -> None:
    """Check the value of a sampler's option `fill`.

    Raises:
        UserError: it is not one of the rules.
    """
    if fill not in get_args(Fill):
        raise UserError(f"sampler {sampler!r}: fill={fill!r}; use {' or '.join(get_args(Fill))}")


def check_short(sampler: str, short: str) -> None:
    """Check the value of a sampler's option `short`: what is shown of a video of few candidates.

    Raises:
        UserError: it is neither "candidates" nor "uniform".
    """
    if short not in get_args(Short):
        raise UserError(f"sampler {sampler!r}: short={short!r}; use {' or '.join(get_args(Short))}")


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


def spread(length: int, count: int) -> IntArray:
    """`count` distinct positions in 0 .. length - 1: the middles of `count` equal parts.

    `count` is at most `length`.
    """
    return (2 * np.arange(count, dtype=np.int64) + 1) * length // (2 * max(1, count))
