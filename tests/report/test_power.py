"""The questions that a difference needs: by the textbook, and by simulation."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.power import NormalIndPower

from tests.report.support import record
from tspo_bench.report.paired import paired_difference
from tspo_bench.report.power import power_of
from tspo_bench.types import Record


def answers(
    rng: np.random.Generator, num_videos: int, per_video: int, gain: float
) -> tuple[list[Record], list[Record]]:
    """Two samplers: the first is right more often by `gain`, in some videos more than in others."""
    level = np.repeat(rng.uniform(0.2, 0.7, num_videos), per_video)
    shift = np.repeat(rng.choice([-0.1, 0.1], num_videos), per_video)
    draws = rng.random((2, len(level)))
    right = draws[0] < level + gain + shift, draws[1] < level
    ours, theirs = (
        [record(n, bool(ok), video=f"v{n // per_video}") for n, ok in enumerate(some)]
        for some in right
    )
    return ours, theirs


def test_without_clusters_it_is_the_textbooks() -> None:
    """A one-sample z-test: statsmodels' with all of the sample in one group."""
    rng = np.random.default_rng(0)
    ours, theirs = answers(rng, 400, 1, 0.05)
    found = power_of(paired_difference(ours, theirs))
    assert found is not None
    values = [int(a.correct) - int(b.correct) for a, b in zip(ours, theirs, strict=True)]
    effect = 0.01 / np.std(values, ddof=1)
    expected = NormalIndPower(ddof=0).solve_power(
        effect, power=0.8, alpha=0.05, ratio=0, alternative="two-sided"
    )
    assert found.needed == pytest.approx(expected, rel=1e-3)
    assert found.discordant == np.mean(np.abs(values))
    assert found.design_effect == pytest.approx(1)


def test_what_is_needed_and_what_is_detectable_say_the_same() -> None:
    ours, theirs = answers(np.random.default_rng(1), 100, 5, 0.05)
    found = power_of(paired_difference(ours, theirs))
    assert found is not None
    assert found.needed is not None
    assert found.detectable is not None
    assert found.needed == pytest.approx(500 * (found.detectable / 0.01) ** 2, rel=1e-3)


def test_questions_that_repeat_each_other_need_as_many_times_more() -> None:
    once = answers(np.random.default_rng(2), 80, 1, 0.1)
    five = [
        [
            dataclasses.replace(one, question_id=f"{one.question_id}-{copy}")
            for one in some
            for copy in range(5)
        ]
        for some in once
    ]
    single, copied = power_of(paired_difference(*once)), power_of(paired_difference(*five))
    assert single is not None
    assert copied is not None
    # Each standard error has its own correction for few clusters.
    assert copied.design_effect == pytest.approx(5 * (399 / 400) * (80 / 79))
    assert copied.needed == pytest.approx(5 * (single.needed or 0), rel=1e-3)


def test_undefined_without_a_standard_error() -> None:
    same = [record(n) for n in range(10)]
    found = power_of(paired_difference(same, same))
    assert found is not None
    assert (found.needed, found.detectable, found.discordant) == (None, None, 0)
    assert power_of(paired_difference(same, [record(99)])) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gain", "per_video", "draws", "seed"), [(0.1, 1, 150, 3), (0.1, 4, 150, 3), (0.01, 4, 60, 4)]
)
def test_the_questions_needed_are_enough_four_times_in_five(
    gain: float, per_video: int, draws: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pilot = power_of(paired_difference(*answers(rng, 1500, per_video, gain)))
    assert pilot is not None
    assert pilot.needed is not None
    num_videos = round(pilot.needed * (0.01 / gain) ** 2 / per_video)
    found = [
        paired_difference(*answers(rng, num_videos, per_video, gain)).p_value for _ in range(draws)
    ]
    share = sum(p < 0.05 for p in found if p is not None) / draws
    low, high = scipy.stats.binom.ppf((0.001, 0.999), draws, 0.8) / draws
    assert low <= share <= high
