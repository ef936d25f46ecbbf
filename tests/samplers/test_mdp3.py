"""MDP3 against the code its authors released, and against determinants computed one by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.samplers.cases import plain_candidates
from tests.samplers.peers import peer_functions, required_source
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.mdp3 import kernel, mdp3
from tspo_bench.types import Query


def drawn(seed: int, length: int, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Frames [T, d] and a question [d] of length 1: scenes with noise, wide and narrow."""
    rng = np.random.default_rng(seed)
    scenes = rng.normal(size=(4, width))[np.sort(rng.integers(0, 4, length))]
    frames = scenes + rng.normal(size=(length, width)) * rng.uniform(0.1, 1)
    text = frames[rng.integers(length)] + rng.normal(size=width)
    return frames / np.linalg.norm(frames, axis=1, keepdims=True), text / np.linalg.norm(text)


def naive_kernel(left: np.ndarray, right: np.ndarray) -> float:
    distance = float(((left - right) ** 2).sum())
    return sum(np.exp(-distance / (2 * width)) for width in (0.125, 0.25, 0.5, 1, 2))


class Naive:
    """The description, step by step: kernels one by one, every determinant from scratch."""

    def __init__(self, frames: np.ndarray, text: np.ndarray, trade_off: float) -> None:
        self.similarity = np.array([[naive_kernel(a, b) for b in frames] for a in frames])
        self.relevance = np.array([naive_kernel(text, frame) for frame in frames])
        self.trade_off = trade_off

    def objective(self, chosen: list[int]) -> float:
        logdet = np.linalg.slogdet(self.similarity[np.ix_(chosen, chosen)])[1]
        return float(2 / self.trade_off * np.log(self.relevance[chosen]).sum() + logdet)

    def pick(self, k: int, segment: int) -> list[int]:
        best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
        for start in range(0, len(self.similarity), segment):
            part = range(start, min(start + segment, len(self.similarity)))
            found = {0: best[0]}
            for num, (score, picks) in sorted(best.items()):
                chosen: list[int] = []
                for count in range(min(k - num, len(part)) + 1):
                    total = score + (self.objective(picks[-1:] + chosen) if count else 0.0)
                    if num + count not in found or total > found[num + count][0]:
                        found[num + count] = (total, picks + sorted(chosen))
                    rest = [i for i in part if i not in chosen]
                    if rest:
                        given = picks[-1:] + chosen
                        chosen.append(max(rest, key=lambda i: self.objective([*given, i])))
            best = found
        return best[k][1]


def test_kernel_equals_the_sum_of_gaussians() -> None:
    frames, _ = drawn(1, 12)
    expected = [[naive_kernel(a, b) for b in frames[:5]] for a in frames]
    assert kernel(frames, frames[:5]) == pytest.approx(np.array(expected), rel=1e-12)


@pytest.mark.parametrize("segment", [5, 8, 0])
def test_equals_the_naive_version(segment: int) -> None:
    for seed in range(30):
        length = 10 + seed % 9
        frames, text = drawn(seed, length)
        trade_off = (0.2, 1.0, 5.0)[seed % 3]
        naive = Naive(frames, text, trade_off).pick(5, segment or length)
        assert mdp3(frames, text, 5, trade_off, segment).tolist() == naive, seed


def test_greedy_is_near_the_best_of_all_sets() -> None:
    same = 0
    for seed in range(30):
        frames, text = drawn(seed, 11)
        naive = Naive(frames, text, 0.2)
        best = max(naive.objective(list(c)) for c in itertools.combinations(range(11), 4))
        ours = naive.objective(mdp3(frames, text, 4, 0.2, 0).tolist())
        assert ours <= best + 1e-9
        assert ours >= best - 1.0  # of an objective whose terms sum to 10 and more
        same += ours > best - 1e-9
    assert same >= 20


def released(source: str, frames: np.ndarray, text: np.ndarray, **settings: Any) -> list[int]:
    """The picks of the released code."""
    import torch

    names = ["MDP3", "MultiGaussianKernel"]
    space = peer_functions(source, names, torch=torch, nn=torch.nn, INF=0x7FFFFFFF)
    peer = object.__new__(space["MDP3"])  # without its encoder
    peer.kernel = space["MultiGaussianKernel"](alphas=[2**i for i in range(-3, 2)])
    peer.condition_size = 1
    for name, value in settings.items():
        setattr(peer, name, value)
    return list(peer._select_frames_fast(torch.from_numpy(frames), torch.from_numpy(text)[None]))


@pytest.mark.parametrize(
    ("length", "k", "segment", "num_series"),
    [(12, 3, 4, 100), (12, 3, 6, 50), (12, 3, -1, 50), (40, 6, 20, 20), (64, 8, 32, 12)],
)
def test_equals_the_released_code(length: int, k: int, segment: int, num_series: int) -> None:
    source = required_source("AIDC-AI/Ovis", "plugin/mdp3.py")
    for seed in range(num_series):
        frames, text = drawn(seed, length)  # its segments must be equal
        lamda = (0.2, 1.0, 4.0)[seed % 3]
        theirs = released(source, frames, text, n_selection=k, lamda=lamda, segment_size=segment)
        assert mdp3(frames, text, k, lamda, max(segment, 0)).tolist() == theirs, seed


def test_repeated_frames_are_filled_by_score() -> None:
    rng = np.random.default_rng(3)
    features = np.repeat(rng.normal(size=(3, 16)), 30, axis=0).astype(np.float32)
    query = Query("q", "v", "?", (), features[45:46])
    selection = load_sampler("mdp3").select(query, plain_candidates(90, 25, features), 8)
    assert len(selection.indices) == 8
    assert selection.num_filled == 5  # three scenes differ
    published = load_sampler("mdp3[fill=none]").select(query, plain_candidates(90, 25, features), 8)
    assert len(published.indices) == 3
    assert sorted(set((published.indices // 25 // 30).tolist())) == [0, 1, 2]
    scene = selection.indices // 25 // 30
    assert (scene == 1).sum() == 6  # the question's own


def test_less_trade_off_is_more_relevance() -> None:
    means = []
    for trade_off in (0.05, 1.0, 50.0):
        picked = []
        for seed in range(20):
            frames, text = drawn(seed, 60)
            picked.append((frames @ text)[mdp3(frames, text, 8, trade_off, 20)].mean())
        means.append(np.mean(picked))
    assert means[0] > means[1] > means[2]
