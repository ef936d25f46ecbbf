"""Paired differences and the sign-flip test, of single cells and of means over seeds."""

import itertools
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from tests.report.support import record
from tspo_bench.report.paired import (
    holm,
    mcnemar_p_value,
    paired_difference,
    sign_flip_p_value,
)
from tspo_bench.types import Record, Status


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_sign_flip_is_the_full_enumeration(sums: list[int]) -> None:
    seen = abs(sum(sums))
    totals = [
        abs(sum(sign * value for sign, value in zip(signs, sums, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(sums))
    ]
    expected = sum(total >= seen for total in totals) / len(totals)
    assert sign_flip_p_value(np.array(sums)) == pytest.approx(expected, abs=1e-12)


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


def test_pairs_are_the_questions_that_both_were_asked_and_are_known() -> None:
    first = [record(n) for n in range(8)]
    second = [
        record(0, False),
        record(1, False, status="unparsed"),
        record(2, False, status="decode_error"),
        record(3, False, gold=None),
        record(9),
        record(4),
    ]
    assert paired_difference(first, second).num_questions == 4
    assert paired_difference(second, first).difference == pytest.approx(-0.75)
    assert paired_difference(first, second, both_answered=True).num_questions == 2
    assert paired_difference(second, first, both_answered=True).difference == pytest.approx(-0.5)


def answered(letters: str) -> list[Record]:
    """A question a video: right (+), wrong (-) or unparsed (?)."""
    statuses = {"+": "ok", "-": "ok", "?": "unparsed"}
    return [
        record(n, letter == "+", video=f"v{n}", status=statuses[letter])
        for n, letter in enumerate(letters)
    ]


def test_what_was_unparsed_with_one_sampler_is_compared_too() -> None:
    """50.0 against 16.7% over 30 questions is +33.3 over 30, not another figure over 19."""
    first = answered("+" * 5 + "-" * 5 + "+" * 10 + "-" * 10)
    second = answered("+" * 5 + "?" * 11 + "-" * 14)
    found = paired_difference(first, second)
    assert (found.num_questions, found.difference) == (30, pytest.approx(1 / 3))
    assert (found.num_better, found.num_worse) == (10, 0)
    assert found.mcnemar_p == pytest.approx(mcnemar([[5, 10], [0, 15]], exact=True).pvalue)
    assert found.p_value == pytest.approx(found.mcnemar_p)
    dropped = paired_difference(first, second, both_answered=True)
    assert (dropped.num_questions, dropped.num_better) == (19, 4)


STATUSES: tuple[Status, ...] = get_args(Status)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 10**6))
def test_it_is_a_naive_comparison_of_all_that_was_asked(ours: int, theirs: int, draw: int) -> None:
    """Looked up question by question, wrong unless right, however a record failed."""
    rng = np.random.default_rng(draw)
    videos = rng.integers(0, 6, 12).tolist()

    def some(seeds: int) -> list[Record]:
        drawn = [
            (n, STATUSES[rng.integers(len(STATUSES))]) for _ in range(seeds) for n in range(12)
        ]
        return [
            record(n, s == "ok" and bool(rng.random() < 0.6), status=s, video=f"v{videos[n]}.mp4")
            for n, s in drawn
        ]

    first, second = some(ours), some(theirs)
    found = paired_difference(first, second)
    tables = [
        np.array([[one.correct for one in rows if one.question_id == f"q{n}"] for n in range(12)]).T
        for rows in (first, second)
    ]
    differences = tables[0].mean(0) - tables[1].mean(0)
    assert found.num_questions == 12
    assert found.difference == pytest.approx(differences.mean())
    assert found.difference == pytest.approx(tables[0].mean() - tables[1].mean())
    assert found.p_value == pytest.approx(float(naive_p_value(*tables, videos)), abs=1e-12)
    assert found.num_better == (differences > 1e-9).sum()
    assert found.num_worse == (differences < -1e-9).sum()
    if found.ci95 is not None:
        fit = sm.OLS(differences, np.ones(12)).fit(
            cov_type="cluster", cov_kwds={"groups": np.array(videos)}, use_t=True
        )
        assert found.ci95 == pytest.approx(tuple(fit.conf_int()[0].clip(-1, 1)))


def test_no_interval_without_a_spread_and_no_figure_without_a_question() -> None:
    some = [record(n, n % 3 == 0) for n in range(10)]
    right, wrong = ([record(n, is_right) for n in range(20)] for is_right in (True, False))
    for first, second, expected in (
        (some, some, (0.0, None, 1.0)),
        (right, wrong, (1.0, None, 2 / 2**10)),
        ([record(0)], [record(1)], (None, None, None)),
    ):
        found = paired_difference(first, second)
        assert (found.difference, found.ci95, found.p_value) == expected


def seeded(table: np.ndarray, videos: list[int]) -> list[Record]:
    """The records of answers [seeds, questions], one seed after the other."""
    return [
        record(number, bool(right), video=f"v{videos[number]}.mp4")
        for answers in table
        for number, right in enumerate(answers)
    ]


def naive_p_value(first: np.ndarray, second: np.ndarray, videos: list[int]) -> Fraction:
    """Every sign of every video's summed difference of means over seeds, in fractions."""
    sums: dict[int, Fraction] = {}
    for number, video in enumerate(videos):
        ours, theirs = (
            Fraction(int(table[:, number].sum()), len(table)) for table in (first, second)
        )
        sums[video] = sums.get(video, Fraction(0)) + ours - theirs
    values, seen = list(sums.values()), abs(sum(sums.values()))
    signs = list(itertools.product((-1, 1), repeat=len(values)))
    totals = [abs(sum(s * v for s, v in zip(sign, values, strict=True))) for sign in signs]
    return Fraction(sum(total >= seen for total in totals), len(signs))


def test_seeds_that_all_say_the_same_are_as_one() -> None:
    rng = np.random.default_rng(6)
    videos = (np.arange(80) // 4).tolist()
    first, second = rng.random((1, 80)) < 0.6, rng.random((1, 80)) < 0.5
    once = paired_difference(seeded(first, videos), seeded(second, videos))
    tripled = paired_difference(seeded(np.repeat(first, 3, 0), videos), seeded(second, videos))
    assert tripled == once


def test_a_question_counts_if_every_seed_was_asked() -> None:
    first = [record(n, seed > 0) for seed in range(3) for n in range(6)]
    first[0] = record(0, False, status="model_error")
    del first[-1]  # the last seed was not asked about q5 yet
    second = [record(n, False) for n in range(6)]
    found = paired_difference(first, second)
    assert (found.num_questions, found.num_videos) == (5, 3)
    assert found.difference == pytest.approx(2 / 3)
    assert paired_difference(first, second, both_answered=True).num_questions == 4


@pytest.mark.slow
@pytest.mark.parametrize(("low", "high"), [(0.05, 0.2), (0.4, 0.6), (0.0, 1.0)])
def test_false_alarms_are_as_rare_as_they_claim(low: float, high: float) -> None:
    """Three seeds against one, no better on any question; also where nearly all answers are wrong.

    A difference is skewed there: a single answer moves it by 1, one of three by a third.
    """
    rng = np.random.default_rng(7)
    alarms, draws = 0, 400
    videos = (np.arange(160) // 4).tolist()
    for _ in range(draws):
        levels = np.repeat(rng.uniform(low, high, 40), 4)
        first, second = rng.random((3, 160)) < levels, rng.random((1, 160)) < levels
        found = paired_difference(seeded(first, videos), seeded(second, videos))
        assert found.p_value is not None
        alarms += found.p_value < 0.05
    lowest, highest = scipy.stats.binom.ppf((0.001, 0.999), draws, 0.05)
    assert lowest <= alarms <= highest


p_values = st.lists(st.none() | st.floats(0, 1), max_size=12)


@pytest.mark.slow
@settings(max_examples=25)
@given(p_values)
def test_holm_is_statsmodels(ps: list[float | None]) -> None:
    found = holm(ps)
    assert [p is None for p in found] == [p is None for p in ps]
    known = [p for p in ps if p is not None]
    if known:
        expected = multipletests(known, method="holm")[1]
        assert [p for p in found if p is not None] == pytest.approx(list(expected), abs=1e-12)


def test_holm_by_hand() -> None:
    assert holm([0.04, None, 0.01, 0.03]) == pytest.approx([0.06, None, 0.03, 0.06])


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_statsmodels_and_the_sign_flip_test(better: int, worse: int) -> None:
    table = [[7, better], [worse, 9]]
    expected = 1.0 if better == worse == 0 else mcnemar(table, exact=True).pvalue
    assert mcnemar_p_value(better, worse) == pytest.approx(expected, abs=1e-12)
    differences = np.array([1] * better + [-1] * worse + [0] * 16)
    assert sign_flip_p_value(differences) == pytest.approx(expected, abs=1e-12)


def test_mcnemar_is_there_where_each_video_has_one_question() -> None:
    single = [record(n, n < 8, video=f"v{n}") for n in range(10)]
    other = [record(n, n > 3, video=f"v{n}") for n in range(10)]
    found = paired_difference(single, other)
    assert (found.num_better, found.num_worse) == (4, 2)
    assert found.mcnemar_p == pytest.approx(mcnemar([[4, 4], [2, 0]], exact=True).pvalue)
    assert found.mcnemar_p == pytest.approx(found.p_value)
    two_a_video = paired_difference(
        [record(n, n < 8) for n in range(10)], [record(n, n > 3) for n in range(10)]
    )
    assert two_a_video.mcnemar_p is None
    assert (two_a_video.num_better, two_a_video.num_worse) == (4, 2)
    assert paired_difference([*single, *single], other).mcnemar_p is None  # two seeds


@pytest.mark.slow
@pytest.mark.parametrize("per_video", [1, 4])
def test_no_false_positive_among_many_samplers_more_often_than_said(per_video: int) -> None:
    """Four samplers that are no better than uniform: one is called better in at most 5%."""
    rng = np.random.default_rng(11)
    alarms, draws, n = 0, 300, 80
    videos = (np.arange(n) // per_video).tolist()
    for _ in range(draws):
        levels = np.repeat(rng.uniform(0, 1, n // per_video), per_video)
        (uniform, *samplers) = (seeded(rng.random((1, n)) < levels, videos) for _ in range(5))
        adjusted = holm([paired_difference(one, uniform).p_value for one in samplers])
        alarms += min(p for p in adjusted if p is not None) < 0.05
    assert alarms <= scipy.stats.binom.ppf(0.999, draws, 0.05)


def test_standard_error_is_statsmodels_and_plain_without_clusters() -> None:
    rng = np.random.default_rng(12)
    first = [record(n, bool(rng.random() < 0.6)) for n in range(60)]
    second = [record(n, bool(rng.random() < 0.5)) for n in range(60)]
    found = paired_difference(first, second)
    differences = np.array(
        [int(a.correct) - int(b.correct) for a, b in zip(first, second, strict=True)]
    )
    fit = sm.OLS(differences, np.ones(60)).fit(
        cov_type="cluster", cov_kwds={"groups": np.arange(60) // 2}
    )
    assert found.standard_error == pytest.approx(fit.bse[0])
    assert found.plain_standard_error == pytest.approx(scipy.stats.sem(differences))
