"""Surprise against the Taylor series written out, and where it looks on made-up videos."""

from __future__ import annotations

import numpy as np
import pytest

from tests.samplers.cases import plain_candidates
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.surprise import peaks, surprises
from tspo_bench.types import Query


def naive_surprises(frames: np.ndarray) -> list[float]:
    """One by one: the expansion about the frame before; still before the start."""
    found = []
    for t in range(len(frames)):
        one, two, three = (frames[max(0, t - lag)] for lag in (1, 2, 3))
        velocity, before = one - two, two - three
        expected = one + velocity + (velocity - before) / 2
        found.append(float(np.sqrt(((frames[t] - expected) ** 2).sum())))
    return found


def naive_peaks(scores: np.ndarray, radius: int) -> list[int]:
    found = []
    for t, score in enumerate(scores):
        before = scores[max(0, t - radius) : t]
        after = scores[t + 1 : t + 1 + radius]
        if (before < score).all() and (after <= score).all():
            found.append(t)
    return found


def test_equals_the_series_written_out() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        frames = rng.normal(size=(int(rng.integers(1, 60)), 6)).astype(np.float32)
        assert surprises(frames) == pytest.approx(np.array(naive_surprises(frames)), abs=1e-5)


@pytest.mark.parametrize("radius", [0, 1, 2, 7])
def test_peaks_equal_the_naive_version(radius: int) -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        scores = rng.integers(0, 6, int(rng.integers(1, 50))).astype(np.float32)  # many ties
        assert peaks(scores, radius).tolist() == naive_peaks(scores, radius)


def test_even_motion_is_not_surprising() -> None:
    still = np.ones((20, 3), np.float32)
    assert surprises(still).tolist() == [0] * 20
    path = np.arange(20, dtype=np.float32)[:, None] * np.array([[1, -2, 0.5]], np.float32)
    assert surprises(path)[4:] == pytest.approx(np.zeros(16), abs=1e-5)
    curve = path**2  # foretold but for a constant: differences look backwards
    assert np.ptp(surprises(curve)[4:]) < 1e-2


def test_finds_the_cuts_and_the_flash() -> None:
    rng = np.random.default_rng(0)
    scene = rng.normal(size=(4, 32))
    features = scene[np.arange(120) // 30] + rng.normal(size=(120, 32)) * 0.01
    features[75] = rng.normal(size=32)  # one strange frame
    query = Query("q", "v", "?", (), np.ones((1, 32), np.float32))
    candidates = plain_candidates(120, 25, features.astype(np.float32))
    picks = load_sampler("surprise").select(query, candidates, 4).indices // 25
    for moment, pick in zip([30, 60, 75, 90], picks, strict=True):
        assert moment <= pick <= moment + 2
    more = load_sampler("surprise").select(query, candidates, 90)
    assert len(more.indices) == 90
    assert more.num_filled >= 90 - 120 // 3
