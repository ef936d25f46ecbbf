"""The cluster bootstrap: its coverage, and the same figure by a naive one."""

import numpy as np
import pytest

from tests.report.test_stats import clustered_answers
from tspo_bench.report.bootstrap import bootstrap_interval
from tspo_bench.report.stats import accuracy_interval
from tspo_bench.types import FloatArray


def mean(sums: FloatArray) -> FloatArray:
    return sums[:, 0] / sums[:, 1]


def sums_of(x: np.ndarray, clusters: list[int]) -> FloatArray:
    return np.stack([np.bincount(clusters, x), np.bincount(clusters)], axis=1)


def coverage(num_clusters: int, p: float, correlation: float, times: int) -> float:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(times):
        sums = sums_of(*clustered_answers(rng, num_clusters, p, correlation))
        low, high = bootstrap_interval(sums, mean, draws=1000) or (1, 0)
        hits += low <= p <= high
    return hits / times


@pytest.mark.slow
def test_coverage() -> None:
    assert 0.925 <= coverage(100, 0.5, 0.2, times=400) <= 0.975


@pytest.mark.slow
@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("correlation", [0.05, 0.3])
def test_coverage_at_length(p: float, correlation: float) -> None:
    assert 0.93 <= coverage(100, p, correlation, times=2000) <= 0.97


def test_it_agrees_with_the_formula_and_a_naive_bootstrap() -> None:
    x, clusters = clustered_answers(np.random.default_rng(6), 300, 0.6, 0.2)
    found = bootstrap_interval(sums_of(x, clusters), mean)
    assert found == pytest.approx(accuracy_interval(x, clusters), abs=0.005)
    rng, videos = np.random.default_rng(7), np.array(clusters)
    members = [x[videos == video] for video in range(300)]
    drawn = [
        np.concatenate([members[v] for v in rng.integers(0, 300, 300)]).mean() for _ in range(1000)
    ]
    assert found == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.008)


def test_the_same_seed_gives_the_same_interval_in_any_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sums = sums_of(*clustered_answers(np.random.default_rng(8), 50, 0.4, 0.2))
    once = bootstrap_interval(sums, mean)
    monkeypatch.setattr("tspo_bench.report.bootstrap._BATCH", 1000)
    assert bootstrap_interval(sums, mean) == once


def test_undefined_with_one_video_and_where_draws_are_undefined() -> None:
    assert bootstrap_interval(np.ones((1, 2)), mean) is None
    rare = np.zeros((30, 2))
    rare[0] = 1, 1  # of a third of the draws nothing is known
    with np.errstate(invalid="ignore"):
        assert bootstrap_interval(rare, mean) is None
