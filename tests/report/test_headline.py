"""Headline figures against naive definitions and a bootstrap over videos."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.support import record
from tspo_bench.report.headline import headline, headline_interval
from tspo_bench.report.stats import accuracy_interval
from tspo_bench.types import Record

MICRO: Mapping[str, Any] = {"average": "micro", "over": None, "values": [], "unparsed": "wrong"}
MACRO = {**MICRO, "average": "macro", "over": "type"}
DROPPED = {**MICRO, "unparsed": "dropped"}


def of_type(number: int, kinds: str, correct: bool = True, **changes: Any) -> Record:
    return record(number, correct, groups={"type": kinds}, **changes)


SIZES_DIFFER = [
    *(of_type(number, "count", number < 1) for number in range(2)),
    *(of_type(number, "order", number < 8) for number in range(2, 10)),
]


def test_macro_is_the_mean_of_the_types_and_micro_that_of_the_questions() -> None:
    assert headline(SIZES_DIFFER, MACRO) == pytest.approx((1 / 2 + 6 / 8) / 2)
    assert headline(SIZES_DIFFER, MICRO) == pytest.approx(7 / 10)


def test_a_declared_type_without_a_question_is_0() -> None:
    declared = {**MACRO, "values": ["count", "order", "needle"]}
    assert headline(SIZES_DIFFER, declared) == pytest.approx((1 / 2 + 6 / 8) / 3)
    assert headline(SIZES_DIFFER, {**MACRO, "values": ["order"]}) == pytest.approx(6 / 8)
    assert headline([], declared) is None


def test_several_labels_count_in_each() -> None:
    records = [of_type(0, "a|b", True), of_type(1, "b", False), of_type(2, "a | b|b", True)]
    assert headline(records, MACRO) == pytest.approx((2 / 2 + 2 / 3) / 2)


def test_unparsed_leave_the_denominator_and_failures_do_not() -> None:
    records = [
        record(0),
        record(1, False),
        record(2, False, status="unparsed", letter=None),
        record(3, False, status="decode_error", letter=None),
    ]
    assert headline(records, MICRO) == 1 / 4
    assert headline(records, DROPPED) == 1 / 3
    assert headline(records[2:3], DROPPED) is None
    by_type = [of_type(0, "a"), of_type(1, "b", False, status="unparsed")]
    assert headline(by_type, {**MACRO, "unparsed": "dropped"}) == 1 / 2  # b was asked, none of it


def test_withheld_answers_are_in_no_figure() -> None:
    withheld = [record(number, False, gold=None) for number in range(4)]
    assert headline(withheld, MICRO) is None
    assert headline_interval(withheld, MICRO) is None
    assert headline([*withheld, record(9)], MICRO) == 1.0


def test_old_cells_without_a_scoring_are_micro() -> None:
    assert headline(SIZES_DIFFER, {}) == headline(SIZES_DIFFER, MICRO)


answers = st.lists(
    st.tuples(
        st.booleans(), st.sampled_from(["a", "b", "c", "a|b", ""]), st.sampled_from([0, 1, 2])
    ),
    max_size=30,
)


@settings(deadline=None)
@given(answers, st.sampled_from([[], ["a", "b"], ["a", "b", "c", "d"]]), st.booleans())
def test_macro_by_its_definition(
    rows: list[tuple[bool, str, int]], values: list[str], drops: bool
) -> None:
    statuses = ("ok", "unparsed", "model_error")
    records = [
        of_type(number, kinds, correct and status == 0, status=statuses[status])
        for number, (correct, kinds, status) in enumerate(rows)
    ]
    scoring = {**MACRO, "values": values, "unparsed": "dropped" if drops else "wrong"}
    wanted = values or sorted({kind for _, kinds, _ in rows for kind in kinds.split("|") if kind})
    shares, num_counted = [], 0
    for value in wanted:
        right = [
            correct and status == 0
            for correct, kinds, status in rows
            if value in kinds.split("|") and not (drops and status == 1)
        ]
        num_counted += len(right)
        shares.append(sum(right) / len(right) if right else 0.0)
    found = headline(records, scoring)
    if num_counted:
        assert found == pytest.approx(math.fsum(shares) / len(shares))
    else:
        assert found is None


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40),
    st.booleans(),
)
def test_one_type_has_the_interval_of_the_accuracy(rows: list, drops: bool) -> None:
    records = [
        of_type(number, "only", right, video=f"v{video}")
        for number, (right, video) in enumerate(rows)
    ]
    if drops:
        records += [of_type(99, "only", False, video="v99", status="unparsed")]
    expected = accuracy_interval([right for right, _ in rows], [video for _, video in rows])
    scoring = {**MACRO, "unparsed": "dropped" if drops else "wrong"}
    assert headline_interval(records, scoring) == (
        expected if expected is None else pytest.approx(expected, abs=1e-12)
    )


NUM_TYPES = 4


def benchmark(rng: np.random.Generator, num_videos: int) -> list[Record]:
    """Videos of their own difficulty with 1 to 5 questions, of types of their own difficulty.

    One type is rare, so that its few answers weigh much; some questions have two.
    """
    videos = np.repeat(np.arange(num_videos), rng.integers(1, 6, num_videos))
    kinds = rng.choice(NUM_TYPES, size=(len(videos), 2), p=(0.5, 0.3, 0.15, 0.05))
    kinds[rng.random(len(videos)) < 0.8, 1] = -1
    levels = rng.beta(4, 3, num_videos)[videos] + 0.15 * (kinds[:, 0] - 1)
    right = rng.random(len(videos)) < levels
    return [
        of_type(
            number, "|".join(str(kind) for kind in own if kind >= 0), bool(x), video=f"v{video}"
        )
        for number, (video, own, x) in enumerate(zip(videos, kinds, right, strict=True))
    ]


def bootstrap_error(records: Sequence[Record], rng: np.random.Generator, draws: int) -> float:
    """The standard deviation of the macro figure over resampled videos."""
    place = {video: row for row, video in enumerate({item.video for item in records})}
    right, total = np.zeros((2, len(place), NUM_TYPES))
    for item in records:
        for kind in set(item.groups["type"].split("|")):
            total[place[item.video], int(kind)] += 1
            right[place[item.video], int(kind)] += item.correct
    drawn = rng.integers(len(place), size=(draws, len(place)))
    counts = np.stack([np.bincount(row, minlength=len(place)) for row in drawn])
    return float(np.std((counts @ right / (counts @ total)).mean(axis=1)))


@pytest.mark.parametrize("seed", range(3))
def test_macro_interval_has_the_width_of_a_bootstrap_over_videos(seed: int) -> None:
    rng = np.random.default_rng(seed)
    records = benchmark(rng, 400)
    low, high = headline_interval(records, MACRO) or (math.nan, math.nan)
    by_bootstrap = 1.96 * bootstrap_error(records, rng, 4000)
    assert (high - low) / 2 == pytest.approx(by_bootstrap, rel=0.08)
    micro = headline_interval(records, MICRO) or (math.nan, math.nan)
    assert high - low > 1.05 * (micro[1] - micro[0])  # because of the rare type


def test_macro_interval_covers() -> None:
    rng = np.random.default_rng(7)
    truth = headline(benchmark(rng, 6_000), MACRO)
    intervals = [headline_interval(benchmark(rng, 120), MACRO) for _ in range(200)]
    hits = sum(low <= truth <= high for low, high in filter(None, intervals))
    assert 0.92 <= hits / 200 <= 0.98


def test_a_lone_right_answer_of_a_type_does_not_make_the_figure_sure() -> None:
    """One question weighs half: worth 4 / (1 + 1 / 1000), that is 4 equal ones, not 1001."""
    records = [
        of_type(0, "rare", video="r"),
        *(
            of_type(number, "common", number % 2 == 0, video=f"v{number}")
            for number in range(1, 1001)
        ),
    ]
    low, high = headline_interval(records, MACRO) or (math.nan, math.nan)
    assert high - low > 0.5
    sure = [of_type(number, "ab"[number % 2], video=f"v{number}") for number in range(40)]
    assert headline_interval(sure, MACRO) == pytest.approx(
        accuracy_interval([True] * 40, list(range(40)))
    )
