"""The paper's agent against a naive one in float64, and what must not change its scores."""

from __future__ import annotations

import resource

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from tests.agent.published import naive_scores, selector_weights
from tspo_bench.agent.paper_agent import PaperAgent
from tspo_bench.errors import UserError

WIDTH = 32


def agent(width: int = WIDTH, window: int = 12) -> PaperAgent:
    made = PaperAgent(width, window=window)
    made.load_weights(selector_weights(width), "here")
    return made.eval()


def features(length: int, width: int = WIDTH, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Frames [T, d] and a question [1, d], of norms about 10 as CLIP's."""
    rng = np.random.default_rng(seed)
    both = rng.normal(size=(length + 1, width)) * 10 / width**0.5
    return both[1:].astype(np.float32), both[:1].astype(np.float32)


def difference(width: int, length: int, window: int) -> float:
    frames, query = features(length, width)
    scores = agent(width, window).score(frames, query)
    assert scores.dtype == np.float32
    assert scores.shape == (length,)
    naive = naive_scores(selector_weights(width), frames, query, window)
    assert np.ptp(naive) > 0.05 or length == 1  # scores differ
    return float(np.abs(scores - naive).max())


@pytest.mark.parametrize("window", [2, 8, 12, 13])
@pytest.mark.parametrize("length", [1, 5, 12, 13, 100])
def test_scores_equal_the_naive_agents(length: int, window: int) -> None:
    assert difference(WIDTH, length, window) < 1e-5


@pytest.mark.parametrize("window", [2, 12])
@pytest.mark.parametrize("length", [1, 13, 100])
def test_scores_equal_the_naive_agents_at_the_width_of_clip_large(length: int, window: int) -> None:
    assert difference(768, length, window) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("window", [2, 8, 12, 13])
def test_scores_of_an_hour_equal_the_naive_agents(window: int) -> None:
    assert difference(WIDTH, 4000, window) < 1e-5
    if window == 12:
        assert difference(768, 4000, window) < 1e-5


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=4),
    padding=st.integers(0, 40),
    window=st.integers(1, 15),
)
@settings(max_examples=25, deadline=None)
def test_padding_changes_no_score(lengths: list[int], padding: int, window: int) -> None:
    scorer = agent(window=window)
    rows = [features(length, seed=seed) for seed, length in enumerate(lengths)]
    batch = torch.full((len(rows), max(lengths) + padding, WIDTH), torch.nan)
    for row, (frames, _) in zip(batch, rows, strict=True):
        row[: len(frames)] = torch.from_numpy(frames)
    queries = torch.from_numpy(np.concatenate([query for _, query in rows]))
    scores = scorer(batch, queries, torch.tensor(lengths)).detach()
    for row, (frames, query) in zip(scores, rows, strict=True):
        assert torch.equal(row[len(frames) :], torch.full((len(row) - len(frames),), -torch.inf))
        alone = scorer.score(frames, query)
        np.testing.assert_allclose(row[: len(frames)].numpy(), alone, rtol=0, atol=2e-6)


def test_padding_gives_no_gradient() -> None:
    scorer = agent()
    frames, query = features(20)
    batch = torch.full((1, 30, WIDTH), torch.nan)
    batch[0, :20] = torch.from_numpy(frames)
    weights = torch.linspace(-1, 1, 20)
    (scorer(batch, torch.from_numpy(query), torch.tensor([20]))[0, :20] * weights).sum().backward()
    padded = {name: p.grad.clone() for name, p in scorer.named_parameters() if p.requires_grad}
    scorer.zero_grad()
    (scorer(batch[:, :20], torch.from_numpy(query))[0] * weights).sum().backward()
    for name, parameter in scorer.named_parameters():
        if "ffn_o" in name:
            assert parameter.grad is None  # no score depends on it
        else:
            assert torch.allclose(padded[name], parameter.grad, atol=1e-5), name
            assert parameter.grad.abs().max() > 0 or "Self_k.bias" in name  # softmax cancels it


def test_frames_out_of_the_window_do_not_matter() -> None:
    frames, query = features(60)
    before = agent().score(frames, query)
    frames[40] *= -1
    after = agent().score(frames, query)
    changed = np.flatnonzero(np.abs(after - before) > 1e-6)
    assert changed.min() == 35  # sees 29 to 40
    assert changed.max() == 46  # sees 40 to 51


def test_scale_of_the_question_does_not_matter_that_of_the_frames_does() -> None:
    frames, query = features(30)
    scores = agent().score(frames, query)
    np.testing.assert_allclose(agent().score(frames, query * 3), scores, atol=1e-5)
    assert np.abs(agent().score(frames * 3, query) - scores).max() > 0.01


def test_half_precision_features_are_scored_in_float32() -> None:
    frames, query = (torch.from_numpy(x) for x in features(30))
    halves = frames.bfloat16(), query.bfloat16()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        scores = agent()(halves[0][None], halves[1])
    assert scores.dtype == torch.float32
    expected = agent().score(*(x.float().numpy() for x in halves))
    np.testing.assert_allclose(scores[0].numpy(), expected, atol=1e-6)


def test_scoring_leaves_the_agent_in_training() -> None:
    scorer = agent().train()
    scorer.score(*features(3))
    assert scorer.training


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"width": 0}, r"width must be >= 1 \(got 0\)"),
        ({"width": 32, "tau": 0}, "tau must be > 0"),
        ({"width": 32, "tau": -0.5}, "tau must be > 0"),
        ({"width": 32, "tau": float("nan")}, "tau must be"),
        ({"width": 32, "window": 0}, "window must be >= 1"),
        ({"width": 32, "window": 2.5}, "window must be a whole number"),
        ({"width": 32, "heads": 0}, "heads must be >= 1"),
        ({"width": 30}, "heads=8 do not divide width=30"),
    ],
)
def test_arguments_out_of_range(arguments: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        PaperAgent(**arguments)


def test_features_of_another_width() -> None:
    scorer = PaperAgent(WIDTH, encoder="clip-large")
    frames, query = features(4)
    with pytest.raises(UserError, match=r"width 32 \(trained with encoder 'clip-large'\).* the fr"):
        scorer.score(frames[:, :24], query)
    with pytest.raises(UserError, match="those of the question have width 24"):
        scorer.score(frames, query[:, :24])


@pytest.mark.slow
def test_a_day_at_one_frame_a_second_costs_as_many_frames_more() -> None:
    """T = 86400 against T = 10800: operations and memory grow by about 8, not by 64."""
    scorer = PaperAgent(64).eval()
    operations, bytes_more = [], []
    for length in (10800, 86400):
        frames, query = features(length, 64)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with FlopCounterMode(display=False) as counter:
            scorer.score(frames, query)
        operations.append(counter.get_total_flops())
        bytes_more.append((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
    assert operations[1] == pytest.approx(8 * operations[0], rel=0.01)
    assert bytes_more[1] < 86400 * 64 * 4 * 30  # thirty copies of the features
