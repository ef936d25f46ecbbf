"""The times of benchmarks/samplers.py, and how it counts scores on demand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.samplers import TIMED, T, made_up_video, measure, timed_samplers
from tspo_bench.samplers import load_sampler, registry
from tspo_bench.samplers.scores import relevance
from tspo_bench.types import Candidates, Need, Query, Selection


def test_times_every_sampler_that_works_on_scores_or_features(tmp_path: Path) -> None:
    timed = timed_samplers(tmp_path)
    assert {"clip-topk", "aks", "mmr", "mdp3", "maxinfo", "tspo", "tspo-q"} <= set(timed)
    assert not {"file", "blind", "oracle", "scenes"} & set(timed)
    for name in set(registry.cards()) - set(timed) - {"file"}:
        assert not load_sampler(name).needs or load_sampler(name).needs - TIMED


def test_counts_the_frames_that_are_scored_on_demand() -> None:
    query, candidates = made_up_video()
    assert len(candidates) == T

    class Asks:
        needs: frozenset[Need] = frozenset({"lazy_scores"})

        def select(self, query: Query, given: Candidates, k: int) -> Selection:
            assert given.features is None
            first = given.score(np.arange(100))
            assert first.tolist() == relevance(query, candidates)[:100].tolist()
            given.score(np.arange(50, 150))  # half of them again
            return Selection(given.indices[:k])

    assert measure(Asks(), query, candidates)["scored_on_demand"] == 150
    figures = measure(load_sampler("clip-topk"), query, candidates)
    assert figures["scored_on_demand"] is None
    assert 0 < figures["lowest_ms"] <= figures["median_ms"]
