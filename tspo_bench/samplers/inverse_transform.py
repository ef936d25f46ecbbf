"""Inverse transform sampling: the frames that lie at given shares of a distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.types import IntArray


def inverse_transform(weights: ArrayLike, shares: ArrayLike) -> IntArray:
    """Sorted distinct positions where the cumulative sum of weights first reaches each share.

    A frame that holds several shares is given once, so there may be fewer frames than shares.

    Args:
        weights: [T], none negative, not all 0.
        shares: of the weights' sum, each above 0 and below 1.
    """
    values = np.asarray(weights, np.float64)
    cumulative = (values / values.sum()).cumsum()
    return np.unique(np.searchsorted(cumulative, shares)).astype(np.int64)
