"""Intervals of figures that have no simple formula: videos are resampled with replacement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tspo_bench.report.stats import CONFIDENCE, Interval
from tspo_bench.types import FloatArray

DRAWS = 4000
_BATCH = 1_000_000  # numbers drawn at once


def bootstrap_interval(
    sums: FloatArray,
    statistic: Callable[[FloatArray], FloatArray],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """95% confidence interval of a figure that depends on sums over questions, clustered by video.

    The cluster bootstrap's percentile interval (Davison and Hinkley 1997, section 3.8): as many
    videos as there are, drawn with replacement, and the figure of each draw. The quantiles are
    those of the normal distribution stretched to Student's t with G - 1 degrees of freedom and by
    sqrt(G / (G - 1)), as percentiles of few videos' draws are too narrow (Hesterberg 2015, The
    American Statistician 69(4), section 4.1.2).

    Args:
        sums: [G, m]: of each video, the m sums that the figure depends on.
        statistic: the figure [b] of the sums [b, m] of b draws; NaN where it is undefined.
        draws: how many.
        seed: of the draws.

    Returns:
        (low, high), or None with fewer than two videos, and where so many draws leave the figure
        undefined that an end of the interval could be among them.
    """
    from scipy.special import ndtr, stdtrit

    num_clusters = len(sums)
    if num_clusters < 2:
        return None
    rng = np.random.default_rng(seed)
    size = max(1, _BATCH // num_clusters)
    batches = [min(size, draws - start) for start in range(0, draws, size)]
    shares = np.full(num_clusters, 1 / num_clusters)
    found = [statistic(rng.multinomial(num_clusters, shares, batch) @ sums) for batch in batches]
    figures = np.concatenate(found)
    known = figures[~np.isnan(figures)]
    t = float(stdtrit(num_clusters - 1, 0.5 + CONFIDENCE / 2))
    tail = float(ndtr(-t * np.sqrt(num_clusters / (num_clusters - 1))))
    if len(figures) - len(known) > tail * len(figures):
        return None
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)
