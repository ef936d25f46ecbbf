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

from tests.report.support import record
from tspo_bench.report.stats import (
    accuracy_interval,
    clustered_standard_error,
    paired_difference,
    sign_flip_p_value,
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


def test_lengths_that_differ_are_refused() -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize("num_clusters", [10, 20, 50, 100, 400])
@pytest.mark.parametrize("p", [0.2, 0.35, 0.5, 0.65, 0.8])
@pytest.mark.parametrize("correlation", [0.01, 0.1, 0.3, 0.6])
def test_coverage_at_length(num_clusters: int, p: float, correlation: float) -> None:
    """Few videos: rather too wide where questions are nearly independent (t, and n as the cap)."""
    lowest, highest = (0.93, 0.97) if num_clusters >= 50 else (0.90, 0.99)
    assert lowest <= coverage(num_clusters, p, correlation, draws=4000, seed=2) <= highest


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_sign_flip_is_the_full_enumeration(sums: list[int]) -> None:
    seen = abs(sum(sums))
    totals = [
        abs(sum(sign * value for sign, value in zip(signs, sums, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(sums))
    ]
    expected = sum(total >= seen for total in totals) / len(totals)
    assert sign_flip_p_value(np.array(sums)) == pytest.approx(expected, abs=1e-12)


def test_sign_flip_is_scipys_permutation_test() -> None:
    rng = np.random.default_rng(3)
    sums = rng.integers(-3, 5, 300)
    by_draws = scipy.stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=50_000, rng=rng
    ).pvalue
    assert sign_flip_p_value(sums) == pytest.approx(by_draws, abs=0.01)


def test_sign_flip_on_a_whole_benchmark_stays_a_probability() -> None:
    assert 0 <= sign_flip_p_value(np.full(2000, 3)) < 1e-100
    assert sign_flip_p_value(np.zeros(2000, np.int64)) == 1.0
    assert sign_flip_p_value(np.tile([1, -1], 1000)) == pytest.approx(1.0)


def test_paired_difference_by_hand() -> None:
    first = [record(0), record(1), record(2), record(3, False), record(4), record(5)]
    second = [record(0), record(1, False), record(2, False), record(3, False), record(4), record(5)]
    found = paired_difference(first, second)
    assert (found.num_questions, found.num_videos) == (6, 3)
    assert found.difference == pytest.approx(2 / 6)
    assert found.p_value == 0.5  # two of three videos differ, both one way: 2 of 4 assignments
    differences, videos = [0, 1, 1, 0, 0, 0], [0, 0, 1, 1, 2, 2]
    fit = sm.OLS(differences, np.ones(6)).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(videos)}, use_t=True
    )
    low, high = fit.conf_int()[0]
    assert found.ci95 == pytest.approx((low, min(1.0, high)))


def test_pairs_are_the_questions_that_are_ok_and_known_in_both() -> None:
    first = [record(n) for n in range(8)]
    second = [
        record(0, False),
        record(1, False, status="unparsed"),
        record(2, False, status="decode_error"),
        record(3, False, gold=None),
        record(9),
        record(4),
    ]
    assert paired_difference(first, second).num_questions == 2
    assert paired_difference(second, first).difference == pytest.approx(-0.5)


def test_paired_interval_is_statsmodels() -> None:
    rng = np.random.default_rng(5)
    first = [record(n, bool(rng.random() < 0.6)) for n in range(200)]
    second = [record(n, bool(rng.random() < 0.5)) for n in range(200)]
    differences = [int(a.correct) - int(b.correct) for a, b in zip(first, second, strict=True)]
    fit = sm.OLS(differences, np.ones(200)).fit(
        cov_type="cluster", cov_kwds={"groups": np.arange(200) // 2}, use_t=True
    )
    found = paired_difference(first, second)
    assert found.ci95 == pytest.approx(tuple(fit.conf_int()[0]))
    assert found.difference == pytest.approx(np.mean(differences))


def test_equal_cells_do_not_differ_but_claim_no_certainty() -> None:
    same = [record(n, n % 3 == 0) for n in range(10)]
    found = paired_difference(same, same)
    assert (found.difference, found.ci95, found.p_value) == (0.0, None, 1.0)


def test_the_same_difference_everywhere_claims_no_certainty() -> None:
    found = paired_difference([record(n) for n in range(20)], [record(n, False) for n in range(20)])
    assert (found.difference, found.ci95, found.p_value) == (1.0, None, 2 / 2**10)


def test_nothing_to_compare() -> None:
    found = paired_difference([record(0)], [record(1)])
    assert (found.difference, found.ci95, found.p_value, found.num_questions) == (
        None,
        None,
        None,
        0,
    )
