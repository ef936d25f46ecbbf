"""How many questions a difference of accuracies needs, from the answers that are there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tspo_bench.report.paired import PairedDifference
from tspo_bench.report.stats import CONFIDENCE, ROUNDING

POWER = 0.8
ONE_POINT = 0.01


@dataclass(frozen=True)
class Power:
    """The differences that a paired comparison can detect.

    Attributes:
        discordant: the share of questions on which the two rows differ.
        design_effect: the variance of the mean difference in ratio to that of as many questions of
            different videos: above 1 where the questions of a video go together.
        needed: questions for a difference of one point.
        detectable: the difference that the questions at hand suffice for, as a share of 1.
    """

    discordant: float
    design_effect: float | None = None
    needed: int | None = None
    detectable: float | None = None


def power_of(paired: PairedDifference) -> Power | None:
    """The power of a paired comparison, at 5% (two-sided) and 80%.

    The questions needed are n' = (z_0.975 + z_0.8)^2 n SE^2 / 0.01^2, where SE is the clustered
    standard error of the n differences at hand (the formula of a mean's test, as in Miller 2024,
    arXiv 2411.00640, section 5, with the variance taken from the data): n SE^2 is the variance of
    one question's difference times the design effect. It supposes further videos like these, with
    as many questions each.

    Returns:
        None where no question is compared; only `discordant` where the error is 0 or unknown.
    """
    from scipy.special import ndtri

    n = paired.num_questions
    if n == 0:
        return None
    discordant = (paired.num_better + paired.num_worse) / n
    error, plain = paired.standard_error, paired.plain_standard_error
    if error is None or error <= ROUNDING:
        return Power(discordant)
    # How many standard errors a difference must be for the power to be 80%: 2.80.
    detectable = float(ndtri(0.5 + CONFIDENCE / 2) + ndtri(POWER)) * error
    effect = (error / plain) ** 2 if plain else None
    return Power(discordant, effect, math.ceil(n * (detectable / ONE_POINT) ** 2), detectable)
