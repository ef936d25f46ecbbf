"""AKS against the code its authors released, and what the sampler adds to it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.samplers.cases import QUERY, scored_candidates
from tests.samplers.peers import (
    AKS_SETTINGS,
    NUM_SERIES,
    peer_functions,
    required_source,
    run_released_aks,
    score_series,
)
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.aks import aks
from tspo_bench.samplers.fill import fill_by_score

REFERENCE = Path(__file__).parents[1] / "data" / "samplers" / "aks_reference.json"


def test_equals_what_the_released_code_gave() -> None:
    rows = json.loads(REFERENCE.read_text())
    assert len(rows) == NUM_SERIES
    for row in rows:
        ours = aks(score_series(row["seed"]), row["k"], row["t1"], depth=row["depth"])
        assert ours.tolist() == row["indices"], row["seed"]
    short = [len(row["indices"]) < row["k"] for row in rows]
    assert any(short)
    assert not all(short)
    assert any(not row["indices"] for row in rows)  # the released code may give none at all


@pytest.mark.parametrize(("k", "t1", "depth"), AKS_SETTINGS)
def test_equals_the_released_code_run_beside_it(
    k: int, t1: float, depth: int, tmp_path: Path
) -> None:
    source = required_source("ncTimTang/AKS", "frame_select.py")
    series = [score_series(seed) for seed in range(NUM_SERIES)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # means of empty halves, 0 / 0
        released = run_released_aks(source, series, tmp_path, k=k, t1=t1, depth=depth)
    assert [aks(row, k, t1, depth=depth).tolist() for row in series] == released


def test_equals_the_copy_in_the_tspo_repository() -> None:
    source = required_source("Hui-design/TSPO", "model/utils.py")
    import heapq

    names = ["meanstd", "AKS_sampling"]
    peer = peer_functions(source, names, np=np, heapq=heapq, print=lambda *_: None)
    for seed in range(0, NUM_SERIES, 5):
        scores = np.array(score_series(seed))
        if len(scores) > 1 and np.ptp(scores) > 0:
            assert aks(scores, 16).tolist() == list(map(int, peer["AKS_sampling"](scores, 16)))


@pytest.mark.parametrize(
    ("scores", "k", "expected"),
    [
        ([0, 0, 0, 1, 0, 0, 0, 0], 1, [3]),  # one peak stands out: no halving
        ([0, 0, 0, 0, 0, 0, 0, 0], 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        ([5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5], 8, [0, 2, 4, 6, 8, 10, 12, 14]),
        ([5, 5, 5, 5, 5, 5, 5, 5, 5], 4, []),  # 4 // 2^3 = 0 in every segment
        ([3, 1, 2], 5, [0, 1, 2]),
        ([7], 1, []),  # halved to nothing, as released; the sampler fills it
    ],
)
def test_by_hand(scores: list[float], k: int, expected: list[int]) -> None:
    assert aks(scores, k).tolist() == expected


def test_std_threshold_forces_halving() -> None:
    scores = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert aks(scores, 1, t2=-100.0).tolist() == [3]
    assert aks(scores, 1, t2=10.0).tolist() == []


def test_sampler_fills_up_to_the_budget_with_the_best_of_the_rest() -> None:
    scores = np.tile([0.3, 0.1, 0.2], 10)
    candidates = scored_candidates(scores)
    for k in (1, 5, 7, 13, 29, 30, 40):
        published = aks(candidates.features[:, 0], k)
        filled = load_sampler("aks").select(QUERY, candidates, k)
        bare = load_sampler("aks[fill=none]").select(QUERY, candidates, k)
        assert bare.indices.tolist() == candidates.indices[published].tolist()
        assert bare.num_filled == 0
        assert len(filled.indices) == min(k, 30)
        assert filled.num_filled == len(filled.indices) - len(published)
        rest = [i for i in range(30) if i not in published]
        best = sorted(rest, key=lambda i: (-filled.scores[i], i))[: filled.num_filled]
        assert filled.indices.tolist() == candidates.indices[sorted([*published, *best])].tolist()


def test_fill_takes_the_earliest_on_ties() -> None:
    picked = np.array([2])
    assert fill_by_score(picked, [1, 3, 0, 3, 3], 3).tolist() == [1, 2, 3]
    assert fill_by_score(picked, [1, 1, 0, 1, 1], 9).tolist() == [0, 1, 2, 3, 4]
    assert fill_by_score(np.array([], int), [], 3).tolist() == []
