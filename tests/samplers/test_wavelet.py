"""WFS-SB against the code its authors released, and a version written from its description."""

from __future__ import annotations

import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pywt
from scipy.signal import find_peaks

from tests.samplers.cases import QUERY, plain_candidates, scored_candidates
from tests.samplers.peers import (
    NUM_SERIES,
    frame_directions,
    required_source,
    run_released_wfs,
    score_series,
)
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.wavelet import (
    Settings,
    boundaries,
    coarse_changes,
    important,
    share_out,
    wfs_sb,
)
from tspo_bench.types import Query

REFERENCE = Path(__file__).parents[1] / "data" / "samplers" / "search_reference.json"


def picks_of(seed: int, k: int, given: Settings | None = None) -> list[int]:
    scores = np.array(score_series(seed))
    return wfs_sb(scores, frame_directions(seed, len(scores)), k, given or Settings()).tolist()


def test_equals_what_the_released_code_gave() -> None:
    rows = [row for row in json.loads(REFERENCE.read_text()) if "wfs" in row]
    assert len(rows) > 200
    for row in rows:
        assert picks_of(row["seed"], row["k"]) == row["wfs"], row["seed"]


@pytest.mark.parametrize(
    ("k", "ours", "theirs"),
    [
        (16, {}, {}),
        (
            8,
            {"wavelet": "haar", "height": 0.1, "prominence": 0.2, "trade_off": 0.9},
            {
                "wavelet": "haar",
                "height_factor": 0.1,
                "prominence_factor": 0.2,
                "lambda_param": 0.9,
            },
        ),
        (
            24,
            {"duration": 0.1, "mean": 1.0, "variance": 0.5, "strictness": 0.3, "temperature": 0.1},
            {
                "w_duration": 0.1,
                "w_mean": 1.0,
                "w_var": 0.5,
                "strictness_factor": 0.3,
                "temperature": 0.1,
            },
        ),
    ],
)
def test_equals_the_released_code_run_beside_it(
    k: int, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    source = required_source("MAC-AutoML/WFS-SB", "wfs/core.py")
    compared = 0
    for seed in range(NUM_SERIES):
        scores = score_series(seed)
        if len(scores) <= k or not np.ptp(scores):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # series shorter than the wavelet
            frames = frame_directions(seed, len(scores))
            released = run_released_wfs(source, scores, frames, k, **theirs)
        assert picks_of(seed, k, Settings(**ours)) == released, seed
        compared += 1
    assert compared > 200


def naive_clips(scores: np.ndarray) -> list[range]:
    length = len(scores)
    levels = min(int(np.log2(length) - 3), pywt.dwt_max_level(length, "db4"))
    bands = pywt.wavedec(scores, "db4", "symmetric", level=levels)
    coarsest = [band if i == 1 else np.zeros_like(band) for i, band in enumerate(bands)]
    size = np.abs(pywt.waverec(coarsest, "db4", "symmetric")[:length])
    peaks, _ = find_peaks(
        size,
        height=size.mean() + 0.5 * size.std(),
        distance=max(5, length // 50),
        prominence=0.05 * (size.max() - size.min()),
    )
    edges = [0, *peaks.tolist(), length]
    return [range(*pair) for pair in itertools.pairwise(edges)]


def naive_wfs(scores: np.ndarray, frames: np.ndarray, k: int) -> list[int]:
    """Clip by clip and frame by frame, from the description."""
    clips = naive_clips(scores)
    importance = []
    for clip in clips:
        values = [scores[i] for i in clip]
        spread = np.var(values) / (np.var(scores) + 1e-8)
        importance.append(
            0.4 * len(clip) / len(scores) + 0.2 * np.mean(values) + 0.3 * max(values) + 0.1 * spread
        )
    least = max(0.05, np.mean(importance) - 1.2 * np.std(importance))
    kept = [i for i, value in enumerate(importance) if value >= least or len(clips) <= 3]
    weights = [np.exp(importance[i]) for i in kept]
    exact = [weight / sum(weights) * k for weight in weights]
    shares = [int(x) for x in exact]
    for i in sorted(range(len(kept)), key=lambda i: shares[i] - exact[i])[: k - sum(shares)]:
        shares[i] += 1

    def best(options: list[int], picks: list[int]) -> int:
        def worth(i: int) -> float:
            nearest = max(float(frames[i] @ frames[j]) for j in picks)
            return 0.5 * (2 * scores[i] - 1) - 0.5 * nearest

        return max(options, key=worth)

    picks: list[int] = []
    for i, share in zip(kept, shares, strict=True):
        within = [max(clips[i], key=lambda frame: scores[frame])][:share]
        while len(within) < min(share, len(clips[i])):
            within.append(best([j for j in clips[i] if j not in within], within))
        picks += within
    while len(picks) < k:
        picks.append(best([j for j in range(len(scores)) if j not in picks], picks))
    return sorted(picks)


@pytest.mark.parametrize(("length", "k"), [(40, 8), (100, 16), (257, 24)])
def test_equals_the_naive_version(length: int, k: int) -> None:
    for seed in range(5):
        scores = np.random.default_rng(seed).uniform(0, 1, length)
        frames = frame_directions(seed, length)
        assert wfs_sb(scores, frames, k, Settings()).tolist() == naive_wfs(scores, frames, k)


@pytest.mark.parametrize("wavelet", ["db4", "haar", "sym8"])
def test_coarse_changes_are_one_band_of_the_transform(wavelet: str) -> None:
    for length in [2, 3, 7, 13, 14, 33, 64, 101, 3600]:
        scores = np.random.default_rng(length).normal(size=length)
        longest = pywt.dwt_max_level(length, wavelet)
        levels = max(1, min(int(np.floor(np.log2(length) - 3)), longest))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # series shorter than the wavelet
            bands = pywt.wavedec(scores, wavelet, "symmetric", level=levels)
        bands = [band if i == 1 else np.zeros_like(band) for i, band in enumerate(bands)]
        expected = pywt.waverec(bands, wavelet, "symmetric")[:length]
        np.testing.assert_allclose(coarse_changes(scores, wavelet, 3), expected, atol=1e-12)


def test_boundaries_lie_where_the_scores_step() -> None:
    for step in (200, 300, 417):
        scores = np.random.default_rng(step).normal(0.2, 0.01, 600)
        scores[step:] += 0.6
        found = boundaries(scores, Settings())
        assert np.abs(found - step).min() <= 32  # half the coarse scale's step
        assert np.abs(found - step).max() <= 128
        assert (np.diff(found) >= 12).all()  # 2% of 600
    assert len(boundaries(np.full(600, 0.1), Settings())) == 0


def test_without_boundaries_half_is_even_and_half_the_best() -> None:
    scores = np.full(12, 0.5)
    assert wfs_sb(scores, frame_directions(0, 12), 5, Settings()).tolist() == [0, 1, 2, 3, 11]
    candidates = scored_candidates([0.1, 0.3])  # too short for a peak
    assert load_sampler("wfs-sb").select(QUERY, candidates, 1).indices.tolist() == [25]


def test_importance_and_shares_by_hand() -> None:
    assert important(np.array([0.5, 0.5, 0.5, 0.1]), 1.2).tolist() == [0, 1, 2]
    assert important(np.array([0.5, 0.5, 0.1]), 1.2).tolist() == [0, 1, 2]  # three stay three
    assert important(np.array([0.01] * 5), 1.2).tolist() == [0, 1, 2, 3, 4]  # else none were left
    assert share_out(np.log([1, 1, 2]), 8, 1.0).tolist() == [2, 2, 4]
    assert share_out(np.log([1, 1, 2]), 6, 1.0).tolist() == [2, 1, 3]  # remainders tie: the first
    assert share_out(np.log([1, 1, 2]), 6, 1e9).tolist() == [2, 2, 2]


def test_sampler_scores_by_cosine_and_ignores_the_features_length() -> None:
    rng = np.random.default_rng(0)
    features, text = rng.normal(size=(2, 300, 16)).astype(np.float32)
    query = Query("q", "v", "?", (), text[:1])
    selection = load_sampler("wfs-sb").select(query, plain_candidates(300, 25, features), 16)
    longer = features * 2.0 ** rng.integers(-3, 4, (300, 1))
    again = load_sampler("wfs-sb").select(
        query, plain_candidates(300, 25, longer.astype(np.float32)), 16
    )
    assert again.indices.tolist() == selection.indices.tolist()
    cosines = load_sampler("clip-topk").select(query, plain_candidates(300, 25, features), 1).scores
    assert selection.scores == pytest.approx(cosines, abs=1e-6)
    assert selection.num_filled == 0
