"""Error bars for accuracies whose questions come in clusters: those of one video.

Questions about one video share its difficulty, so they say less than as many questions about
different videos. Everything here takes the video as the unit. What is undefined is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.types import FloatArray

Interval = tuple[float, float]

CONFIDENCE = 0.95
ROUNDING = 1e-12  # a standard error no larger than this is 0


def clustered_standard_error(values: ArrayLike, clusters: Sequence[Hashable]) -> float | None:
    """Standard error of the mean of `values` [n], clustered by `clusters` [n].

    With r_i = x_i - mean, the square is G / (G - 1) / n^2 times the sum of r_i r_j over all pairs
    of one cluster (i = j included), for G clusters: Liang and Zeger (1986), as in Miller (2024),
    "Adding Error Bars to Evals", arXiv 2411.00640, times the usual correction for few clusters.
    With one question a cluster it is s / sqrt(n).

    Returns:
        None with fewer than two clusters.
    """
    x = np.asarray(values, dtype=np.float64)
    if len(set(clusters)) < 2:
        return None
    sums = cluster_sums(x - x.mean(), clusters)
    return math.sqrt(len(sums) / (len(sums) - 1) * float(sums @ sums)) / len(x)


def accuracy_interval(correct: ArrayLike, clusters: Sequence[Hashable]) -> Interval | None:
    """95% confidence interval of an accuracy, clustered by video.

    Wilson's interval at the *effective* sample size p (1 - p) / SE^2, the number of independent
    answers that would have the same standard error (at most n), with the quantile of Student's t
    for G - 1 degrees of freedom: the modified Wilson interval for clustered samples, which Dean and
    Pagano (2015), J. Survey Statistics and Methodology 3(4), recommend over the normal one; the
    effective size is Korn and Graubard's (1998). It stays within 0 and 1 and has a width at p = 0
    and p = 1 too. There, and wherever else the standard error comes out as 0, the data say nothing
    about the correlation within a video, and each video is counted as one question: the interval is
    rather too wide than too narrow.

    A question that was asked with several seeds has an answer of each: they lie within the video's
    cluster, so the standard error is that of the questions' means over seeds.

    Args:
        correct: 0 or 1 (or false and true) for each answer, [n].
        clusters: the video of each answer, [n].

    Returns:
        (low, high), or None with fewer than two videos.
    """
    x = np.asarray(correct, dtype=np.float64)
    error = clustered_standard_error(x, clusters)
    if error is None:
        return None
    return _wilson(float(x.mean()), error, len(x), len(set(clusters)), len(set(clusters)))


def linear_interval(
    estimate: float, influence: FloatArray, weights: FloatArray, clusters: Sequence[Hashable]
) -> Interval | None:
    """95% confidence interval of a share that is a smooth function of weighted means.

    As `accuracy_interval`, with two changes: the standard error is that of the sum of `influence`,
    and the effective size is at most the number of equally weighted answers that the weights are
    worth, (sum w)^2 / sum w^2 (Kish 1965); a video counts as that many fewer, too, where the
    standard error is 0.

    Args:
        estimate: the share.
        influence: what each answer adds to the estimate's linearisation, [n]; they sum to 0.
        weights: each answer's weight in the estimate, [n].
        clusters: the video of each answer, [n].

    Returns:
        (low, high), or None with fewer than two videos.
    """
    error = clustered_standard_error(influence, clusters)
    if error is None:
        return None
    size = float(weights.sum()) ** 2 / float(weights @ weights)
    num_clusters = len(set(clusters))
    total_error = error * len(influence)
    return _wilson(estimate, total_error, size, num_clusters * size / len(weights), num_clusters)


def _wilson(
    p: float, error: float, most: float, size_without_error: float, num_clusters: int
) -> Interval:
    """Wilson's interval at the effective size of a standard error, at most `most` answers."""
    size = min(most, p * (1 - p) / error**2) if error > ROUNDING else size_without_error
    t = t_quantile(num_clusters - 1)
    centre = (p + t**2 / (2 * size)) / (1 + t**2 / size)
    half = t / (1 + t**2 / size) * math.sqrt(p * (1 - p) / size + t**2 / (4 * size**2))
    # At p = 0 and p = 1 the end is p itself, which rounding would miss.
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def mean_interval(
    values: ArrayLike, clusters: Sequence[Hashable], *, low: float = -1.0, high: float = 1.0
) -> Interval | None:
    """95% confidence interval of the mean of `values` [n], clustered by `clusters` [n].

    The mean plus and minus Student's t (G - 1 degrees of freedom) times the clustered standard
    error, cut at `low` and `high`.

    Returns:
        None with fewer than two clusters, and where the mean is the same in every cluster, which
        leaves the spread unknown.
    """
    x = np.asarray(values, dtype=np.float64)
    error = clustered_standard_error(x, clusters) if len(x) else None
    if error is None or error <= ROUNDING:
        return None
    mean, half = float(x.mean()), t_quantile(len(set(clusters)) - 1) * error
    return max(low, mean - half), min(high, mean + half)


def averaged_interval(
    means: Sequence[float], errors: Sequence[float], degrees: Sequence[int]
) -> Interval | None:
    """95% confidence interval of the plain average of independent means [b].

    The average plus and minus Student's t times its standard error, the root of the summed squares
    of the means' own, over b. Degrees of freedom are Welch and Satterthwaite's (Welch 1947,
    Biometrika 34).

    Args:
        means: of b benchmarks, say.
        errors: their standard errors [b].
        degrees: the degrees of freedom [b] of each error: its clusters minus one.

    Returns:
        None where all errors are 0, which leaves the spread unknown.
    """
    variances = np.square(np.asarray(errors, dtype=np.float64))
    total = float(variances.sum())
    if total <= ROUNDING**2:
        return None
    freedom = total**2 / float((variances**2 / np.asarray(degrees)).sum())
    average, half = sum(means) / len(means), t_quantile(freedom) * math.sqrt(total) / len(means)
    return average - half, average + half


def cluster_sums(values: FloatArray, clusters: Sequence[Hashable]) -> FloatArray:
    """The sum of each cluster's values, in order of appearance."""
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} values and {len(clusters)} clusters differ")
    numbers: dict[Hashable, int] = {}
    index = [numbers.setdefault(cluster, len(numbers)) for cluster in clusters]
    return np.asarray(np.bincount(index, weights=values), dtype=np.float64)


def t_quantile(degrees: float) -> float:
    """Two-sided 95% quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))
