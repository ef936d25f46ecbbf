"""BOLT against the code its authors released, and a version written from its description."""

from __future__ import annotations

import bisect
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samplers.cases import QUERY, scored_candidates
from tests.samplers.peers import NUM_SERIES, peer_functions, required_source, score_series
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.bolt import bolt
from tspo_bench.samplers.scores import inverse_transform


@pytest.mark.parametrize(("k", "power"), [(64, 3), (32, 2.5), (16, 3), (8, 2.5), (2, 3), (7, 1)])
def test_equals_the_released_code_run_beside_it(k: int, power: float) -> None:
    source = required_source("sming256/BOLT", "select_frames.py")
    released = peer_functions(source, ["inverse_transform_sampling"], np=np)
    for seed in range(NUM_SERIES):
        scores = np.array(score_series(seed))
        if np.ptp(scores) > 0:  # undefined for constant scores
            theirs = released["inverse_transform_sampling"](scores, k, power)
            assert bolt(scores, k, power).tolist() == sorted(set(theirs.tolist())), seed


def naive_bolt(scores: list[float], k: int, power: float) -> set[int]:
    """The first frame whose running total reaches each share."""
    low, high = min(scores), max(scores)
    weights = [((x - low) / (high - low)) ** power for x in scores]
    totals = [total / sum(weights) for total in itertools.accumulate(weights)]
    shares = [1 / k + i * (1 - 2 / k) / (k - 1) for i in range(k)] if k > 1 else [0.5]
    return {bisect.bisect_left(totals, share) for share in shares}


@pytest.mark.parametrize(("k", "power"), [(1, 3.0), (2, 3.0), (8, 3.0), (64, 2.5), (9, 0.5)])
def test_equals_the_naive_version(k: int, power: float) -> None:
    rng = np.random.default_rng(k)
    for _ in range(200):
        scores = rng.normal(0.25, 0.02, rng.integers(2, 300)).tolist()
        assert set(bolt(scores, k, power).tolist()) == naive_bolt(scores, k, power)


@pytest.mark.parametrize(
    ("scores", "k", "expected"),
    [
        ([0, 1, 1, 1, 1], 4, [1, 2, 3]),  # shares 1/4, 5/12, 7/12, 3/4: frame 2 holds two
        ([0, 1, 0, 0], 3, [1]),
        ([0, 1, 0, 2], 1, [3]),  # 8 of 9 parts at power 3
        ([5] * 8, 4, [1, 3, 4, 5]),  # constant: shares 2, 10/3, 14/3 and 6 of 8
        ([7], 1, [0]),
        ([7], 5, [0]),
    ],
)
def test_by_hand(scores: list[float], k: int, expected: list[int]) -> None:
    assert bolt(scores, k).tolist() == expected


@given(
    scores=st.lists(st.integers(-50, 50), min_size=1, max_size=80),
    exponent=st.integers(-5, 5),
    shift=st.integers(-100, 100),
    k=st.integers(1, 40),
)
@settings(max_examples=100, deadline=None)
def test_scale_and_offset_of_the_scores_do_not_matter(
    scores: list[int], exponent: int, shift: int, k: int
) -> None:
    changed = np.array(scores) * 2.0**exponent + shift  # exact in float64
    assert bolt(changed, k).tolist() == bolt(scores, k).tolist()


def test_a_higher_power_gathers_the_frames_at_the_peak() -> None:
    frames = np.arange(200)
    scores = np.exp(-(((frames - 60) / 30.0) ** 2))
    spans = [np.ptp(bolt(scores, 16, power)) for power in (1, 3, 9)]
    assert spans[0] > spans[1] > spans[2]


def test_fill() -> None:
    scores = np.where(np.arange(40) == 7, 0.9, np.linspace(0.1, 0.2, 40))
    candidates = scored_candidates(scores)
    published = bolt(load_sampler("clip-topk").select(QUERY, candidates, 8).scores, 8)
    assert len(published) < 8
    filled = load_sampler("bolt").select(QUERY, candidates, 8)
    bare = load_sampler("bolt[fill=none]").select(QUERY, candidates, 8)
    assert bare.indices.tolist() == candidates.indices[published].tolist()
    assert (bare.num_filled, filled.num_filled) == (0, 8 - len(published))
    added = np.setdiff1d(filled.indices, bare.indices) // 25
    left = np.setdiff1d(np.arange(40), published)
    assert added.tolist() == sorted(left[np.argsort(-scores[left])][: 8 - len(published)])


def test_inverse_transform_reaches_every_share() -> None:
    assert inverse_transform([1, 0, 3], [0.25, 0.26, 0.99]).tolist() == [0, 2]
    assert inverse_transform([0, 0, 2, 0], [0.001, 0.999]).tolist() == [2]
    rng = np.random.default_rng(0)
    for length in (1, 10, 3600):
        shares = (np.arange(800) + 0.5) / 800
        assert inverse_transform(rng.random(length) + 1e-9, shares).max() < length
