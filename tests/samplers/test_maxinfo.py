"""MaxInfo's volumes against all subsets and against determinants computed one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.samplers.cases import plain_candidates
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.maxinfo import SWAP_GAIN, grow, leading_directions, max_volume, maxinfo
from tspo_bench.types import Query


def volume(rows: np.ndarray) -> float:
    return float(np.sqrt(np.linalg.det(rows.T @ rows)))


def matrices(count: int, length: int, width: int) -> list[np.ndarray]:
    """Random rows, some of them nearly equal."""
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        rows = rng.normal(size=(length, width)) * rng.exponential(1, (length, 1))
        rows[length // 2 :: 3] = rows[0] + rng.normal(size=rows[length // 2 :: 3].shape) * 0.01
        found.append(rows)
    return found


def test_directions_are_those_of_the_singular_value_decomposition() -> None:
    for length, width in ((40, 12), (9, 30), (20, 20)):
        features = matrices(1, length, width)[0].astype(np.float32)
        left = np.linalg.svd(features.astype(float), full_matrices=False)[0][:, :5]
        ours = leading_directions(features, 5)
        assert np.abs(ours @ ours.T - left @ left.T).max() < 1e-6  # signs are free


def test_features_of_few_dimensions_have_few_directions() -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(50, 3)) @ rng.normal(size=(3, 20))).astype(np.float32)
    assert leading_directions(features.astype(np.float64), 8).shape == (50, 3)
    assert leading_directions(np.zeros((5, 4), np.float32), 8).shape == (5, 0)


def test_square_volume_is_near_the_largest_of_all_subsets() -> None:
    ratios = []
    for rows in matrices(60, 12, 3):
        picks = max_volume(rows)
        assert len(set(picks.tolist())) == 3
        share = rows @ np.linalg.inv(rows[picks])
        assert np.abs(share).max() <= SWAP_GAIN + 1e-9  # no swap enlarges it by more
        best = max(abs(np.linalg.det(rows[list(c)])) for c in itertools.combinations(range(12), 3))
        ratios.append(abs(np.linalg.det(rows[picks])) / best)
    assert min(ratios) > 0.5
    assert np.mean(ratios) > 0.95


def test_swaps_enlarge_what_the_greedy_start_leaves() -> None:
    # The longest row first, yet the two others span most: [1, 1] is in the way.
    rows = np.array([[1.0, 1.0], [1.2, 0.0], [0.0, 1.2], [0.1, 0.1]])
    assert sorted(max_volume(rows).tolist()) == [1, 2]


def test_each_further_row_is_the_one_that_enlarges_the_volume_most() -> None:
    for rows in matrices(60, 30, 4):
        start = max_volume(rows)
        ours = grow(rows, start, 11).tolist()
        naive = start.tolist()
        while len(naive) < 11:
            rest = [i for i in range(30) if i not in naive]
            naive.append(max(rest, key=lambda i: volume(rows[[*naive, i]])))
        assert volume(rows[ours]) == pytest.approx(volume(rows[naive]), rel=1e-9)
        assert ours == naive


def test_rectangular_volume_is_near_the_largest_of_all_subsets() -> None:
    ratios = []
    for features in matrices(25, 11, 6):
        rows = leading_directions(features, 3)
        ours = maxinfo(features, 5, rank=3)
        best = max(volume(rows[list(c)]) for c in itertools.combinations(range(11), 5))
        ratios.append(volume(rows[ours]) / best)
    assert min(ratios) > 0.75
    assert np.mean(ratios) > 0.95


def test_rotations_and_the_scale_of_all_features_do_not_matter() -> None:
    for seed, features in enumerate(matrices(40, 60, 16)):
        picks = maxinfo(features, 12).tolist()
        rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(16, 16)))[0]
        assert maxinfo(features @ rotation, 12).tolist() == picks
        assert maxinfo(features * 30, 12).tolist() == picks
        assert maxinfo(features[::-1], 12).tolist() == sorted(59 - i for i in picks)


def test_repeated_frames_are_picked_last() -> None:
    rng = np.random.default_rng(2)
    scenes = rng.normal(size=(6, 32)).astype(np.float32)
    features = np.repeat(scenes, 20, axis=0)
    assert sorted(maxinfo(features, 6) // 20) == list(range(6))


def test_the_question_does_not_matter() -> None:
    features = matrices(1, 50, 8)[0].astype(np.float32)
    sampler = load_sampler("maxinfo")
    picks = {
        tuple(
            sampler.select(
                Query("q", "v", text, (), np.full((1, 8), value, np.float32)),
                plain_candidates(50, 25, features),
                10,
            ).indices.tolist()
        )
        for text, value in (("What?", 1), ("Who?", -3))
    }
    assert len(picks) == 1
