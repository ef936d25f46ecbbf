"""MMR and facility location against naive versions, written from their descriptions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.samplers.cases import drawn_case, plain_candidates
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.facility_location import facility_location
from tspo_bench.samplers.mmr import extend, mmr
from tspo_bench.types import Query

NUM_CASES = 200


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Frames [T, d] of length 1 in a few scenes, relevance [T] in 0 .. 1, a budget."""
    rng = np.random.default_rng(seed)
    length, width = int(rng.integers(1, 60)), int(rng.integers(2, 20))
    scenes = rng.normal(size=(5, width))[np.sort(rng.integers(0, 5, length))]
    frames = scenes + rng.normal(size=(length, width)) * rng.uniform(0.05, 1)
    frames /= np.linalg.norm(frames, axis=1, keepdims=True)
    return frames, rng.uniform(0, 1, length), int(rng.integers(1, 20))


def naive_mmr(frames: np.ndarray, relevance: np.ndarray, k: int, trade_off: float) -> list[int]:
    picked: list[int] = []
    while len(picked) < min(k, len(frames)):

        def value(frame: int) -> float:
            nearest = max((float(frames[frame] @ frames[other]) for other in picked), default=0.0)
            return trade_off * relevance[frame] - (1 - trade_off) * nearest

        picked.append(max((i for i in range(len(frames)) if i not in picked), key=value))
    return sorted(picked)


def naive_facility(
    similarity: np.ndarray, relevance: np.ndarray, k: int, trade_off: float
) -> list[int]:
    k = min(k, len(similarity))
    picked: list[int] = []
    while len(picked) < k:

        def value(frame: int) -> float:
            chosen = [*picked, frame]
            coverage = similarity[:, chosen].max(axis=1).mean()
            return trade_off * relevance[chosen].sum() / k + (1 - trade_off) * coverage

        picked.append(max((i for i in range(len(similarity)) if i not in picked), key=value))
    return sorted(picked)


@pytest.mark.parametrize("trade_off", [0.0, 0.3, 0.7, 1.0])
def test_mmr_equals_the_naive_version(trade_off: float) -> None:
    for seed in range(NUM_CASES // 4):
        frames, relevance, k = drawn(seed)
        ours = mmr(frames.astype(np.float32), relevance.astype(np.float32), k, trade_off)
        assert ours.tolist() == naive_mmr(frames, relevance, k, trade_off), seed


def test_what_is_picked_is_kept_and_its_like_avoided() -> None:
    frames = np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8]], np.float32)
    relevance = np.array([0.9, 0.6, 0.1, 0.5])
    start, everything = np.array([0]), np.arange(4)
    assert extend(start, everything, frames, relevance, 2, 0.5).tolist() == [0, 2, 3]
    assert extend(start, everything, frames, relevance, 2, 1.0).tolist() == [0, 1, 3]
    assert extend(start, everything, frames, relevance, 9, 0.5).tolist()[:1] == [0]
    assert extend(start, start, frames, relevance, 3, 0.5).tolist() == [0]


@pytest.mark.parametrize("trade_off", [0.1, 0.3, 0.7, 1.0])
def test_facility_location_equals_plain_greedy(trade_off: float) -> None:
    for seed in range(NUM_CASES // 4):
        frames, relevance, k = drawn(seed)
        similarity = np.maximum(frames @ frames.T, 0)
        ours = facility_location(similarity, relevance, k, trade_off)
        assert ours.tolist() == naive_facility(similarity, relevance, k, trade_off), seed


def test_coverage_alone_equals_plain_greedy_but_for_ties() -> None:
    # Two frames that cover none but each other gain the same: rounding decides between them.
    for seed in range(NUM_CASES // 4):
        frames, relevance, k = drawn(seed)
        similarity = np.maximum(frames @ frames.T, 0)
        ours = facility_location(similarity, relevance, k, 0.0)
        naive = naive_facility(similarity, relevance, k, 0.0)
        covered = [similarity[:, picks].max(axis=1).mean() for picks in (ours, naive)]
        assert covered[0] == pytest.approx(covered[1], rel=1e-3)


def test_facility_location_is_near_the_best_of_all_sets() -> None:
    for seed in range(30):
        frames, relevance, _ = drawn(seed)
        similarity, relevance = np.maximum(frames @ frames.T, 0)[:10, :10], relevance[:10]
        if len(similarity) < 4:
            continue

        def worth(chosen: list[int], similarity=similarity, relevance=relevance) -> float:
            coverage = similarity[:, chosen].max(axis=1).mean()
            return 0.5 * relevance[chosen].mean() + 0.5 * coverage

        best = max(worth(list(c)) for c in itertools.combinations(range(len(similarity)), 3))
        ours = worth(facility_location(similarity, relevance, 3, 0.5).tolist())
        assert (1 - 1 / np.e) * best <= ours <= best + 1e-12


def test_by_hand() -> None:
    frames = np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8]], np.float32)
    relevance = np.array([1, 0.9, 0.2, 0.8], np.float32)
    assert mmr(frames, relevance, 2, 0.5).tolist() == [0, 2]  # 0.1 - 0 beats 0.4 - 0.3 and -0.05
    assert mmr(frames, relevance, 2, 1.0).tolist() == [0, 1]
    similarity = frames @ frames.T
    # The fourth covers all best (0.6 + 0.6 + 0.8 + 1), then one of the first two adds 0.8.
    assert facility_location(similarity, relevance, 1, 0.0).tolist() == [3]
    assert facility_location(similarity, relevance, 2, 0.0).tolist() == [0, 3]


def test_ties_go_to_the_earliest() -> None:
    same = np.tile(np.array([[0.6, 0.8]], np.float32), (9, 1))
    flat = np.zeros(9, np.float32)
    assert mmr(same, flat, 3).tolist() == [0, 1, 2]
    assert facility_location(same @ same.T, flat, 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["mmr", "facility-location", "mdp3", "surprise"])
def test_lengths_of_features_and_a_rotation_of_all_do_not_matter(name: str) -> None:
    for seed in range(10):
        query, candidates = drawn_case(seed, 80, 24)
        rng = np.random.default_rng(seed)
        scaled = candidates.features * rng.uniform(0.5, 20, (80, 1)).astype(np.float32)
        rotation = np.linalg.qr(rng.normal(size=(24, 24)))[0].astype(np.float32)
        picks = load_sampler(name).select(query, candidates, 9).indices.tolist()
        for features, text in (
            (scaled, query.text_features * 7),
            (candidates.features @ rotation, query.text_features @ rotation),
        ):
            turned = Query("q", "v", "?", (), text)
            other = plain_candidates(80, 25, features)
            assert load_sampler(name).select(turned, other, 9).indices.tolist() == picks, seed


def test_relevance_alone_gives_the_most_similar_frames() -> None:
    query, candidates = drawn_case(5, 80, 24)
    best = load_sampler("clip-topk").select(query, candidates, 7)
    for name in ("mmr[trade_off=1]", "facility-location[trade_off=1]"):
        picked = load_sampler(name).select(query, candidates, 7)
        assert picked.indices.tolist() == best.indices.tolist()
        assert picked.scores == pytest.approx(best.scores, abs=1e-6)
