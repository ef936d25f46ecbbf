"""Two rows on the same questions: their difference, its tests, and tests made together.

As in `stats`, the video is the unit, and what is undefined is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tspo_bench.report.stats import (
    Interval,
    cluster_sums,
    clustered_standard_error,
    mean_interval,
)
from tspo_bench.types import IntArray, Record


@dataclass(frozen=True)
class PairedDifference:
    """Accuracy of one row minus that of another, over the questions that both were asked.

    `difference` and `p_value` are None without a common question; `ci95` is None with fewer than
    two videos, and where the difference is the same in every video (no answer differs, say), which
    leaves the spread unknown. `standard_error` is the clustered one, None with
    fewer than two videos; `plain_standard_error` that of as many questions of different videos.
    `num_better` and `num_worse` count the questions that one row answered
    right more often, with all its seeds, than the other. `mcnemar_p` is there where each video has
    one question, and each row one seed.
    """

    difference: float | None
    ci95: Interval | None
    p_value: float | None
    num_questions: int
    num_videos: int
    standard_error: float | None = None
    plain_standard_error: float | None = None
    num_better: int = 0
    num_worse: int = 0
    mcnemar_p: float | None = None


def paired_difference(
    first: Sequence[Record], second: Sequence[Record], *, both_answered: bool = False
) -> PairedDifference:
    """Compare two rows question by question, clustered by video.

    Each may hold several records of a question, one a seed: the question's value is their mean.
    Questions count that both rows were asked with every seed and whose right answer is known.
    Unparsed and failed answers count as wrong, as in an accuracy: where both rows were asked the
    same, the difference is that of the two accuracies. The interval is the mean difference plus and
    minus Student's t (G - 1 degrees of freedom) times the clustered standard error, cut at -1 and
    1.

    Args:
        first, second: the records of each row.
        both_answered: leave out the questions that are unparsed or failed with any seed of either
            row. Which questions are compared then depends on the answers.
    """
    (ours, our_seeds), (theirs, their_seeds) = (
        _times_right(records, both_answered) for records in (first, second)
    )
    common = [question for question in ours if question in theirs]
    if not common:
        return PairedDifference(None, None, None, 0, 0)
    video_of = {record.question_id: record.video for record in first}
    videos = [video_of[question] for question in common]
    # In whole numbers, so that the test stays exact: multiples of 1 / whole.
    whole = math.lcm(our_seeds, their_seeds)
    parts = np.array(
        [ours[q] * (whole // our_seeds) - theirs[q] * (whole // their_seeds) for q in common]
    )
    differences = parts / whole
    sums = cluster_sums(parts.astype(np.float64), videos)
    better, worse = int((parts > 0).sum()), int((parts < 0).sum())
    is_single = len(sums) == len(common) and our_seeds == their_seeds == 1
    return PairedDifference(
        difference=float(differences.mean()),
        ci95=mean_interval(differences, videos),
        p_value=sign_flip_p_value(sums.astype(np.int64)),
        num_questions=len(common),
        num_videos=len(sums),
        standard_error=clustered_standard_error(differences, videos),
        plain_standard_error=clustered_standard_error(differences, range(len(common))),
        num_better=better,
        num_worse=worse,
        mcnemar_p=mcnemar_p_value(better, worse) if is_single else None,
    )


def _times_right(records: Sequence[Record], only_ok: bool) -> tuple[dict[str, int], int]:
    """With how many seeds each comparable question was answered right, and how many there are."""
    asked: dict[str, list[Record]] = {}
    for record in records:
        asked.setdefault(record.question_id, []).append(record)
    num_seeds = max(map(len, asked.values()), default=1)
    right = {
        question: sum(record.correct for record in answers)
        for question, answers in asked.items()
        if len(answers) == num_seeds and all(_comparable(answer, only_ok) for answer in answers)
    }
    return right, num_seeds


def _comparable(record: Record, only_ok: bool) -> bool:
    return record.gold is not None and (record.status == "ok" or not only_ok)


def sign_flip_p_value(sums: IntArray) -> float:
    """Two-sided p-value of the sign-flip permutation test over videos, exact.

    Under the null hypothesis a video's summed difference [G] is as likely with either sign. The
    p-value is the share of all 2^G sign assignments whose total is at least as far from 0 as the
    one seen. As the sums are whole numbers, in some unit, the distribution of the
    total is found by convolving one video's two possibilities after the other: exact for any number
    of videos in polynomial time (as Pagano and Tritchler 1983, JASA 78, have it by another way),
    with no random draws.
    """
    sizes = np.abs(sums)
    reach = int(sizes.sum())
    distribution = np.ones(1)
    for size in sizes[sizes > 0]:
        flipped = np.zeros(len(distribution) + 2 * size)
        flipped[: len(distribution)] += distribution / 2
        flipped[2 * size :] += distribution / 2
        distribution = flipped
    totals = np.arange(-reach, reach + 1)
    extreme = np.abs(totals) >= abs(int(sums.sum()))
    return min(1.0, float(distribution[extreme].sum()))


def mcnemar_p_value(num_better: int, num_worse: int) -> float:
    """Two-sided p-value of McNemar's exact test (1947, Psychometrika 12), as a binomial one.

    Of the questions on which two rows differ, as many are expected either way. It takes questions
    as independent, so it holds only where each video has one; there it equals the sign-flip test.
    """
    from scipy.special import bdtr

    differing = num_better + num_worse
    return min(1.0, 2 * float(bdtr(min(num_better, num_worse), differing, 0.5)))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values of tests made together, by Holm's step-down rule.

    Holm (1979), Scandinavian J. Statistics 6: the i-th smallest of m is multiplied by m - i + 1,
    none is less than a smaller one's, and none more than 1. Rejecting where the adjusted p is below
    5% makes a false positive among all of them in at most 5% of families, even if
    they depend on each other.

    Args:
        p_values: [m]; one that is None is undefined, stays so, and is not a test of the family.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, place) in enumerate(known):
        least = max(least, min(1.0, p * (len(known) - rank)))
        adjusted[place] = least
    return adjusted
