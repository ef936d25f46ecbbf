"""FOCUS against the code its authors released, and what it asks for."""

from __future__ import annotations

import itertools
import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samplers.cases import plain_candidates
from tests.samplers.peers import NUM_SERIES, required_source, run_released_focus, score_series
from tspo_bench.errors import UserError
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.focus import Found, Settings, bounds, cut, fill, focus
from tspo_bench.types import Candidates, Query

REFERENCE = Path(__file__).parents[1] / "data" / "samplers" / "search_reference.json"
QUERY = Query("q1", "v.mp4", "What is it?")


class Scores:
    """Scores on demand; `asked` holds the positions of each call."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, np.float64)
        self.asked: list[list[int]] = []

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        self.asked.append(positions.tolist())
        return self.values[positions]


def flat(lists: list[list[int]]) -> list[int]:
    return [*itertools.chain.from_iterable(lists)]


def search(
    values: Any, k: int, rate: float, seed: int, given: Settings | None = None
) -> tuple[list[int], list[list[int]]]:
    scores = Scores(values)
    found = focus(scores, len(values), rate, k, random.Random(seed), given or Settings())
    assert found.positions.tolist() == flat(scores.asked)
    assert found.scores.tolist() == scores.values[found.positions].tolist()
    return found.picks.tolist(), scores.asked


def lazy(values: Any, stride: int = 25) -> tuple[Candidates, Scores]:
    scores = Scores(values)
    return replace(plain_candidates(len(values), stride), score=scores), scores


def test_equals_what_the_released_code_gave() -> None:
    rows = json.loads(REFERENCE.read_text())
    assert len(rows) > 200
    for row in rows:
        picks, asked = search(score_series(row["seed"]), row["k"], row["rate"], row["seed"])
        assert picks == row["focus"], row["seed"]
        assert [len(positions) for positions in asked] == row["num_asked"]
    assert any(len(row["focus"]) < row["k"] for row in rows)


@pytest.mark.parametrize(
    ("k", "rate", "ours", "theirs"),
    [
        (64, 1.0, {}, {}),
        (8, 1.0, {}, {}),
        (16, 30.0, {}, {}),
        (
            32,
            4.0,
            {"clip_seconds": 4.0, "fine_seconds": 0.5, "extra": 4, "zoom": 0.6, "top": 0.7},
            {
                "coarse_every_sec": 4.0,
                "fine_every_sec": 0.5,
                "extra_samples_per_region": 4,
                "zoom_ratio": 0.6,
                "top_ratio": 0.7,
            },
        ),
        (
            9,
            1.0,
            {"temperature": 1.0, "extra": 0},
            {"temperature": 1.0, "extra_samples_per_region": 0},
        ),
    ],
)
def test_equals_the_released_code_run_beside_it(
    k: int, rate: float, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    source = required_source("NUS-HPC-AI-Lab/FOCUS", "focus.py")
    compared = 0
    for seed in range(NUM_SERIES):
        scores = score_series(seed)
        if len(scores) > k:
            released = run_released_focus(source, scores, k, rate, seed, **theirs)
            assert search(scores, k, rate, seed, Settings(**ours)) == released, seed
            compared += 1
    assert compared > 200


def test_bounds_equal_the_formula() -> None:
    rng = np.random.default_rng(0)
    for clips, samples in [(1, 2), (8, 3), (225, 3)]:
        scores = rng.uniform(0, 1, (clips, samples))
        log_total = math.log(clips * samples)
        for row, bound in zip(scores, bounds(scores), strict=True):
            mean = sum(row) / samples
            variance = sum((x - mean) ** 2 for x in row) / samples
            radius = math.sqrt(2 * log_total * variance / samples) + 3 * log_total / samples
            assert bound == pytest.approx(mean + radius)
    assert bounds(np.array([[0.5]])) == [0.5]  # nothing known of the spread, log(1) = 0


@given(length=st.integers(1, 5000), part=st.floats(0.1, 700))
@settings(max_examples=100, deadline=None)
def test_clips_are_equal_and_cover_all_but_a_remainder(length: int, part: float) -> None:
    clips = cut(length, part)
    assert clips.ravel().tolist() == list(range(clips.size))
    assert clips.shape[1] >= min(length, int(part))
    assert 0 <= length - clips.size < len(clips)


def test_asks_twice_and_for_few_at_native_rate() -> None:
    rng = np.random.default_rng(0)
    for rate, share in [(1, 0.45), (30, 0.02)]:  # of all candidates; the paper: 1.6% of frames
        values = rng.uniform(0.2, 0.3, 600 * rate)
        frames = np.arange(600 * rate)
        candidates = Candidates(
            frames, frames / rate, len(frames), float(rate), score=(scores := Scores(values))
        )
        selection = load_sampler("focus").select(QUERY, candidates, 32)
        assert len(scores.asked) == 2
        asked = flat(scores.asked)
        assert len(set(asked)) == len(asked) < share * len(values)
        assert selection.notes == {"num_scored": len(asked), "num_candidates": len(values)}
        assert selection.scores is None
        assert len(selection.indices) == 32


def test_finds_the_part_that_matches() -> None:
    values = np.full(1600, 0.2) + np.random.default_rng(0).normal(0, 0.01, 1600)
    values[800:832] += 0.3
    candidates, scores = lazy(values)
    picks = load_sampler("focus").select(QUERY, candidates, 16).indices // 25
    inside = ((picks >= 800) & (picks < 832)).sum()
    assert inside >= 4  # 0.3 would be there by chance
    assert np.isin(np.argsort(-values)[:3], flat(scores.asked)).all()


def test_all_candidates_need_no_score() -> None:
    candidates, scores = lazy(np.zeros(9))
    for k in (9, 10, 64):
        selection = load_sampler("focus").select(QUERY, candidates, k)
        assert (selection.indices == candidates.indices).all()
        assert selection.notes == {"num_scored": 0, "num_candidates": 9}
    assert scores.asked == []


@given(
    length=st.integers(2, 60),
    picked=st.sets(st.integers(0, 59), max_size=8),
    scored=st.sets(st.integers(0, 59), min_size=1, max_size=30),
    k=st.integers(8, 59),
)
@settings(max_examples=100, deadline=None)
def test_fills_with_the_best_then_evenly(
    length: int, picked: set[int], scored: set[int], k: int
) -> None:
    k = min(k, length - 1)
    picks = sorted(p for p in picked if p < length)[:k]
    positions = [p for p in scored if p < length]
    score = {p: float(p * 7 % 5) for p in positions}
    found = Found(
        np.array(picks, np.int64),
        np.array(positions, np.int64),
        np.array([score[p] for p in positions]),
    )
    naive = [
        *picks,
        *sorted((p for p in positions if p not in picks), key=lambda p: (-score[p], p)),
    ]
    naive = naive[:k]
    left = [p for p in range(length) if p not in naive]
    missing = k - len(naive)
    naive += [left[int((i + 0.5) * len(left) / missing)] for i in range(missing)]
    assert fill(found, length, k).tolist() == sorted(naive)


def test_a_search_that_falls_short_is_filled() -> None:
    candidates, _ = lazy(np.random.default_rng(0).uniform(0.2, 0.3, 400))
    selection = load_sampler("focus").select(QUERY, candidates, 380)
    assert len(selection.indices) == 380
    assert selection.num_filled > 100


def test_draws_depend_on_seed_and_question_only() -> None:
    candidates, _ = lazy(np.random.default_rng(0).uniform(0.2, 0.3, 400))

    def picks(seed: int, question: str) -> list[int]:
        sampler = load_sampler("focus", seed=seed)
        return sampler.select(Query(question, "v", "?"), candidates, 8).indices.tolist()

    assert picks(0, "a") == picks(0, "a")
    assert picks(0, "a") != picks(1, "a")
    assert picks(0, "a") != picks(0, "b")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_not_finite_is_an_error(value: float) -> None:
    middles = np.arange(100) % 12 == 5  # of the clips
    candidates, _ = lazy(np.where(middles, value, 0.2))
    with pytest.raises(UserError, match=r"video 'v.mp4', question 'q1': the score of frame 125 is"):
        load_sampler("focus").select(QUERY, candidates, 8)


def test_missing_scores_are_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="question 'q1': the needed scores were not given"):
        load_sampler("focus").select(QUERY, plain_candidates(99), 8)
