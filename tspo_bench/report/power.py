"""How many questions a difference of accuracies needs, from the answers that are there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tspo_bench.report.paired import PairedDifference
from tspo_bench.report.stats import CONFIDENCE

POWER = 0.8
ONE_POINT = 0.01
_ROUNDING = 1e-12  # a standard error no larger than this is 0


@dataclass(frozen=True)
class Power:
    """The differences that a paired comparison can detect.

    Attributes:
        num_questions: compared.
        num_videos: they are about.
        discordant: the share of questions on which the two rows differ.
        design_effect: the variance of the mean difference in ratio to that of as many questions of
            different videos: above 1 where the questions of a video go together.
        needed: questions for a difference of `difference`.
        detectable: the difference that the questions at hand are enough for.
        difference: what is to be found, as a share of 1.
    """

    num_questions: int
    num_videos: int
    discordant: float
    design_effect: float | None
    needed: int | None
    detectable: float | None
    difference: float = ONE_POINT


def power_of(paired: PairedDifference, difference: float = ONE_POINT) -> Power | None:
    """The power of a paired comparison, at 5% (two-sided) and 80%.

    The questions needed are n' = (z_0.975 + z_0.8)^2 n SE^2 / difference^2, where SE is the
    clustered standard error of the n differences at hand (the formula of a mean's test, as in
    Miller 2024, arXiv 2411.00640, section 5, with the variance taken from the data): n SE^2 is the
    variance of one question's difference times the design effect. It supposes further videos like
    these, with as many questions each.

    Returns:
        None where no question is compared; `needed` and `detectable` are None where no error is
        known, or it is 0, as then nothing tells how far chance would reach.
    """
    n = paired.num_questions
    if n == 0 or paired.difference is None:
        return None
    share = (paired.num_better + paired.num_worse) / n
    error = paired.standard_error
    if error is None or error <= _ROUNDING:
        return Power(n, paired.num_videos, share, None, None, None, difference)
    return Power(
        num_questions=n,
        num_videos=paired.num_videos,
        discordant=share,
        design_effect=_design_effect(paired, error),
        needed=math.ceil(n * (_reach() * error / difference) ** 2),
        detectable=_reach() * error,
        difference=difference,
    )


def _design_effect(paired: PairedDifference, error: float) -> float | None:
    plain = paired.plain_standard_error
    return (error / plain) ** 2 if plain else None


def _reach() -> float:
    """How many standard errors a difference must be for the power to be 80%: 2.80."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + CONFIDENCE / 2) + ndtri(POWER))
