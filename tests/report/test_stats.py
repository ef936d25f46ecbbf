"""Statistics against their definitions, statsmodels, scipy and simulation."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from tspo_bench.report.stats import (
    accuracy_interval,
    averaged_interval,
    clustered_standard_error,
)


def clustered_answers(
    rng: np.random.Generator, num_clusters: int, p: float, correlation: float
) -> tuple[np.ndarray, list[int]]:
    """Answers whose videos differ in difficulty (beta), with 1 to 9 questions a video."""
    sizes = rng.integers(1, 10, num_clusters)
    spread = (1 - correlation) / correlation
    levels = rng.beta(p * spread, (1 - p) * spread, num_clusters)
    correct = rng.random(sizes.sum()) < np.repeat(levels, sizes)
    return correct.astype(float), np.repeat(np.arange(num_clusters), sizes).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_standard_error_is_the_double_sum_and_statsmodels(seed: int) -> None:
    x, clusters = clustered_answers(np.random.default_rng(seed), 7 + 9 * seed, 0.6, 0.3)
    found = clustered_standard_error(x, clusters)
    residuals, num_clusters = x - x.mean(), len(set(clusters))
    double_sum = sum(
        residuals[i] * residuals[j]
        for i, j in itertools.product(range(len(x)), repeat=2)
        if clusters[i] == clusters[j]
    )
    by_definition = math.sqrt(num_clusters / (num_clusters - 1) * double_sum) / len(x)
    fit = sm.OLS(x, np.ones(len(x))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(clusters), "use_correction": True}
    )
    assert found == pytest.approx(by_definition, rel=1e-12)
    assert found == pytest.approx(fit.bse[0], rel=1e-9)


def test_one_question_a_video_is_the_textbook_standard_error() -> None:
    x = np.random.default_rng(0).random(40)
    expected = scipy.stats.sem(x)
    assert clustered_standard_error(x, list(range(40))) == pytest.approx(expected)


def test_undefined_with_fewer_than_two_videos() -> None:
    assert clustered_standard_error([], []) is None
    assert clustered_standard_error([1, 0, 1], ["a"] * 3) is None
    assert accuracy_interval([], []) is None
    assert accuracy_interval([1, 0, 1], ["a"] * 3) is None


def test_lengths_that_differ_are_rejected() -> None:
    with pytest.raises(ValueError, match="3 values and 2 clusters"):
        clustered_standard_error([1, 0, 1], ["a", "b"])


def test_interval_of_independent_questions_is_wilsons() -> None:
    """With many videos of one question each, nothing is left of t and of the clusters."""
    correct = np.arange(20_000) < 13_000
    low, high = accuracy_interval(correct, list(range(20_000))) or (0, 0)
    wilson = proportion_confint(13_000, 20_000, method="wilson")
    assert (low, high) == pytest.approx(wilson, abs=2e-6)


@pytest.mark.parametrize("right", [0, 1])
def test_interval_of_none_or_all_right_counts_videos(right: int) -> None:
    """30 videos of 10 questions: Wilson's interval for 30, by its closed form t^2 / (n + t^2)."""
    low, high = accuracy_interval([right] * 300, [number // 10 for number in range(300)]) or (9, 9)
    t = scipy.stats.t.ppf(0.975, 29)
    width = t**2 / (30 + t**2)
    assert (low, high) == pytest.approx((1 - width, 1) if right else (0, width))


def test_questions_that_repeat_each_other_count_once() -> None:
    """Ten copies of each video's question give the interval of the single questions, nearly."""
    single = [number % 3 == 0 for number in range(60)]
    once = accuracy_interval(single, list(range(60)))
    tenfold = accuracy_interval(np.repeat(single, 10), np.repeat(range(60), 10).tolist())
    assert once is not None
    assert tenfold == pytest.approx(once, abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40))
def test_interval_holds_the_accuracy_and_stays_within_0_and_1(answers: list) -> None:
    correct, clusters = [a for a, _ in answers], [c for _, c in answers]
    interval = accuracy_interval(correct, clusters)
    if len(set(clusters)) < 2:
        assert interval is None
    else:
        low, high = interval or (math.nan, math.nan)
        assert 0 <= low <= sum(correct) / len(correct) <= high <= 1
        assert high - low > 0.05


def coverage(num_clusters: int, p: float, correlation: float, draws: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(draws):
        low, high = accuracy_interval(*clustered_answers(rng, num_clusters, p, correlation)) or (
            1,
            0,
        )
        hits += low <= p <= high
    return hits / draws


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("correlation", [0.05, 0.3])
def test_coverage(p: float, correlation: float) -> None:
    assert 0.93 <= coverage(100, p, correlation, draws=2000, seed=1) <= 0.97


def answers_of_seeds(
    rng: np.random.Generator, num_clusters: int, num_seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Answers [n, seeds] to questions of different difficulty, and their videos [n]."""
    sizes = rng.integers(1, 10, num_clusters)
    levels = np.repeat(rng.beta(3, 2, num_clusters), sizes) + rng.uniform(-0.2, 0.2, sizes.sum())
    correct = rng.random((sizes.sum(), num_seeds)) < levels.clip(0, 1)[:, None]
    return correct.astype(float), np.repeat(np.arange(num_clusters), sizes)


@pytest.mark.parametrize("num_seeds", [1, 3, 4])
def test_seeds_are_no_further_questions(num_seeds: int) -> None:
    """The standard error over all answers is that of the questions' means over seeds."""
    correct, videos = answers_of_seeds(np.random.default_rng(num_seeds), 20, num_seeds)
    of_means = clustered_standard_error(correct.mean(1), videos.tolist())
    of_answers = clustered_standard_error(correct.ravel(), np.repeat(videos, num_seeds).tolist())
    assert of_answers == pytest.approx(of_means, rel=1e-12)
    copied = np.repeat(correct[:, 0], num_seeds)  # seeds that all say the same
    once = accuracy_interval(correct[:, 0], videos.tolist())
    assert accuracy_interval(copied, np.repeat(videos, num_seeds).tolist()) == pytest.approx(once)


def test_coverage_with_seeds() -> None:
    rng = np.random.default_rng(4)
    large, _ = answers_of_seeds(rng, 200_000, 1)
    hits = 0
    for _ in range(1000):
        correct, videos = answers_of_seeds(rng, 60, 3)
        low, high = accuracy_interval(correct.ravel(), np.repeat(videos, 3).tolist()) or (1, 0)
        hits += low <= large.mean() <= high
    assert 0.93 <= hits / 1000 <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("num_clusters", [10, 20, 50, 100, 400])
@pytest.mark.parametrize("p", [0.2, 0.35, 0.5, 0.65, 0.8])
@pytest.mark.parametrize("correlation", [0.01, 0.1, 0.3, 0.6])
def test_coverage_at_length(num_clusters: int, p: float, correlation: float) -> None:
    """Few videos: rather too wide where questions are nearly independent (t, and n as the cap)."""
    lowest, highest = (0.93, 0.97) if num_clusters >= 50 else (0.90, 0.99)
    assert lowest <= coverage(num_clusters, p, correlation, draws=4000, seed=2) <= highest


def test_an_average_of_independent_means_is_welchs() -> None:
    """Half of a sum is half of the difference to what is turned round."""
    rng = np.random.default_rng(4)
    first, second = rng.normal(0.1, 1.0, 30), rng.normal(0.3, 3.0, 12)
    errors = [clustered_standard_error(x, range(len(x))) or 0 for x in (first, second)]
    found = averaged_interval([first.mean(), second.mean()], errors, [29, 11])
    welch = scipy.stats.ttest_ind(first, -second, equal_var=False).confidence_interval(0.95)
    assert found == pytest.approx((welch.low / 2, welch.high / 2))
    assert averaged_interval([0.1, 0.2], [0.0, 0.0], [9, 9]) is None
