"""Samplers that show what is had without training: smoothed cosine, a rule on words, no steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.smoothed_cosine import smoothed
from tspo_bench.samplers.untrained import Untrained
from tspo_bench.samplers.word_rule import WordRule
from tspo_bench.types import Candidates, Query

T = 100
TEXT = np.eye(4, dtype=np.float32)[:1]


def video(anchor: int) -> Candidates:
    """Candidates at 1 fps of which those within 2 of `anchor` resemble the question."""
    features = np.tile(np.array([0.1, 1, 0, 0], np.float32), (T, 1))
    features[anchor - 2 : anchor + 3] = [1, 0.2, 0, 0]
    seconds = np.arange(T, dtype=np.float64)
    return Candidates(np.arange(T) * 8, seconds, T * 8, 8.0, features)


def picked(text: str, anchor: int = 50, k: int = 8) -> list[int]:
    query = Query("q", "v.mp4", text, text_features=TEXT)
    found = WordRule().select(query, video(anchor), k)
    assert len(found) == k
    return (found.indices // 8).tolist()


@given(scores=st.lists(st.floats(-1, 1), min_size=1, max_size=40), half=st.integers(0, 12))
def test_smoothing_is_the_mean_of_the_neighbours_that_exist(scores: list[float], half: int):
    found = smoothed(np.array(scores, np.float32), 2 * half + 1)
    values = np.array(scores, np.float32).astype(np.float64)
    naive = [values[max(0, t - half) : t + half + 1].mean() for t in range(len(values))]
    assert found == pytest.approx(naive, abs=1e-5)


@pytest.mark.parametrize("window", [0, -1, 4])
def test_an_even_window_is_rejected(window: int):
    with pytest.raises(Exception, match="use an odd number"):
        load_sampler(f"smoothed-cosine[window={window}]")


def test_the_rule_looks_where_the_words_point():
    assert np.mean(picked("Which tool appears right after the dog?")) == pytest.approx(52.5, abs=1)
    assert np.mean(picked("Which tool appears right before the dog?")) == pytest.approx(47.5, abs=1)
    two = picked("Before you answer, look again: which tool appears two scenes after the dog?")
    assert {59, 60, 61} <= set(two)
    assert max(picked("Which tool appears near the beginning of the video?")) <= 20
    assert min(picked("Which tool appears near the end of the video?")) >= 79
    assert np.ptp(picked("Which tool appears first of all?")) > 60
    assert set(picked("Which tool is shown beside the dog?", k=5)) == {48, 49, 50, 51, 52}


def test_an_untrained_agent_smooths_and_fits_any_encoder():
    query = Query("q", "v.mp4", "x", text_features=TEXT)
    sampler = Untrained()
    found = sampler.select(query, video(50), 5)
    assert {48, 50, 52} <= set((found.indices // 8).tolist())
    again = Untrained().select(query, video(50), 5)
    assert found.indices.tolist() == again.indices.tolist()
    wide = Candidates(np.arange(9), np.arange(9.0), 9, 1.0, np.ones((9, 16), np.float32))
    other = Query("q", "v.mp4", "x", text_features=np.ones((1, 16), np.float32))
    assert len(sampler.select(other, wide, 3)) == 3
    assert len(Untrained(kind="tspo").select(other, wide, 3)) == 3
