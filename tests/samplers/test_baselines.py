"""Uniform's variants, random, top-k and bin-max against independent versions of each."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from tests.samplers.cases import QUERY, plain_candidates, scored_candidates
from tests.samplers.peers import NUM_SERIES, peer_functions, required_source, score_series
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.bin_max import bin_max
from tspo_bench.samplers.scores import top_k
from tspo_bench.samplers.uniform import VARIANTS
from tspo_bench.types import Candidates, Query


@pytest.mark.parametrize(
    ("variant", "num_frames", "k", "expected"),
    [
        ("both-ends", 10, 4, [0, 3, 6, 9]),
        ("both-ends", 11, 4, [0, 3, 6, 10]),  # 3.33, 6.67 truncated
        ("both-ends", 300, 1, [0]),
        ("left-edge", 10, 4, [0, 2, 4, 6]),
        ("left-edge", 99, 10, [0, 9, 18, 27, 36, 45, 54, 63, 72, 81]),
        ("left-edge", 10, 1, [0]),
        ("bin-centres", 9, 4, [1, 3, 5, 7]),
        ("bin-centres", 11, 4, [1, 3, 6, 9]),  # 1 + round(0, 2.5, 5, 7.5), halves to even
        ("bin-centres", 101, 1, [50]),
    ],
)
def test_uniform_by_hand(variant: str, num_frames: int, k: int, expected: list[int]) -> None:
    assert VARIANTS[variant](num_frames, k).tolist() == expected


def test_uniform_default_is_the_rule_of_the_papers_baseline() -> None:
    sampler = load_sampler("uniform")
    for num_frames, k in itertools.product([64, 65, 100, 899, 54_321], [8, 16, 32, 64]):
        candidates = plain_candidates(3)
        candidates = type(candidates)(candidates.indices, candidates.seconds, num_frames, 25.0)
        rule = np.linspace(0, num_frames - 1, k, dtype=int)  # the line in LLaVA-NeXT and lmms-eval
        assert sampler.select(QUERY, candidates, k).indices.tolist() == rule.tolist()


@pytest.mark.parametrize("spec", ["uniform", "uniform[variant=left-edge]"])
def test_uniform_of_a_short_video_may_be_its_candidates(spec: str) -> None:
    """`load_video` of the paper's fork: `len(frame_idx) > max_frames_num` takes linspace."""
    plain = load_sampler(spec)
    short = load_sampler(f"{spec.removesuffix(']')}{',' if ']' in spec else '['}short=candidates]")
    for seconds in (1, 63, 64, 65, 300):
        candidates = plain_candidates(seconds)
        picks = short.select(QUERY, candidates, 64).indices
        if seconds <= 64:
            assert picks.tolist() == candidates.indices.tolist()
        else:
            assert picks.tolist() == plain.select(QUERY, candidates, 64).indices.tolist()
    assert len(short.select(QUERY, plain_candidates(5), 0).indices) == 0


@pytest.mark.parametrize(
    ("num_frames", "rate", "k", "expected"),
    [  # what qwen-vl-utils' `smart_nframes` and lmms-eval's linspace give, found by running them
        (300, 30.0, 8, [0, 31, 79, 126, 157, 205, 252, 299]),
        (900, 29.97, 8, [0, 122, 244, 381, 503, 640, 762, 899]),
        (3000, 25.0, 4, [0, 991, 1995, 2999]),
        (100_000, 25.0, 5, [0, 24902, 49934, 74967, 99999]),
        (200, 25.0, 64, [0, 13, 27, 40, 53, 66, 80, 93, 106, 119, 133, 146, 159, 172, 186, 199]),
        (60, 30.0, 64, list(range(60))),
    ],
)
def test_uniform_as_qwen_reads(num_frames: int, rate: float, k: int, expected: list[int]) -> None:
    candidates = Candidates(np.array([0]), np.array([0.0]), num_frames, rate)
    picks = load_sampler("uniform[variant=qwen]").select(QUERY, candidates, k).indices
    assert picks.tolist() == expected


def test_random_depends_on_seed_and_question_only() -> None:
    candidates = plain_candidates(200)

    def picks(seed: int, question: str, k: int = 8) -> list[int]:
        query = Query(question, "v", "?")
        return load_sampler("random", seed=seed).select(query, candidates, k).indices.tolist()

    assert picks(0, "a") == picks(0, "a")
    assert picks(0, "a") != picks(1, "a")
    assert picks(0, "a") != picks(0, "b")
    assert set(picks(0, "a", 8)) < set(picks(0, "a", 16))
    assert picks(0, "q1") == [175, 325, 350, 1000, 2450, 3800, 4075, 4275]  # in every version
    assert load_sampler("random[seed=1]", seed=0).seed == 1


def test_random_draws_every_frame_and_subset_equally_often() -> None:
    candidates, sampler = plain_candidates(6), load_sampler("random")
    subsets = Counter(
        tuple(sampler.select(Query(f"q{i}", "v", "?"), candidates, 2).indices.tolist())
        for i in range(6000)
    )
    assert len(subsets) == 15
    chi_square = sum((count - 400) ** 2 / 400 for count in subsets.values())
    assert chi_square < 36.1  # the 99.9% quantile at 14 degrees of freedom


def test_top_k_equals_sorting_by_score_then_time() -> None:
    for seed in range(NUM_SERIES):
        scores = score_series(seed)
        for k in (1, 8, 64):
            naive = sorted(sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:k])
            assert top_k(scores, k).tolist() == naive


def test_clip_topk_picks_frames_of_the_video() -> None:
    scores = [0.1, 0.9, 0.2, 0.8, 0.9]
    selection = load_sampler("clip-topk").select(QUERY, scored_candidates(scores), 3)
    assert selection.indices.tolist() == [25, 75, 100]
    assert selection.scores == pytest.approx(scores, abs=1e-6)
    assert selection.num_filled == 0


def naive_bin_max(scores: list[float], k: int) -> list[int]:
    """Every frame to its nearest anchor, one by one."""
    length = len(scores)
    if k >= length:
        return list(range(length))
    anchors = [round(i * ((length - 1) / (k - 1))) for i in range(k)] if k > 1 else [0]
    cells: dict[int, list[int]] = {anchor: [] for anchor in anchors}
    for frame in range(length):
        cells[min(anchors, key=lambda anchor: abs(frame - anchor))].append(frame)
    return [max(cell, key=lambda frame: scores[frame]) for cell in cells.values()]


def test_bin_max_equals_the_naive_version() -> None:
    for seed in range(NUM_SERIES):
        scores = score_series(seed)
        for k in (1, 2, 5, 8, 64, 200):
            assert bin_max(scores, k).tolist() == naive_bin_max(scores, k), (seed, k)


@pytest.mark.parametrize(
    ("scores", "k", "expected"),
    [
        ([1, 0, 0, 0, 0, 0, 0, 2, 0], 3, [0, 3, 7]),  # anchors 0 4 8; frames 2 and 6 join 0 and 4
        ([0, 0, 1, 0, 0], 2, [2, 3]),  # anchors 0 4; frame 2 is as near to both
        ([0, 5, 1], 1, [1]),
        ([4], 3, [0]),
    ],
)
def test_bin_max_by_hand(scores: list[float], k: int, expected: list[int]) -> None:
    assert bin_max(scores, k).tolist() == expected


@pytest.mark.parametrize("method", ["bin-max", "topk"])
def test_equals_the_released_code_of_tspo(method: str) -> None:
    utils = required_source("Hui-design/TSPO", "model/utils.py")
    agent = required_source("Hui-design/TSPO", "model/temporal_agent.py")
    import torch

    names = ["generate_uniform_integers", "group_features_by_cluster"]
    space = peer_functions(utils, names, torch=torch)
    space = peer_functions(agent, ["inference_ts"], **space, print=lambda *_: None)
    ours = bin_max if method == "bin-max" else top_k
    for seed in range(0, NUM_SERIES, 11):
        scores = np.array(score_series(seed), np.float32)
        if len(np.unique(scores)) < len(scores) and method == "topk":
            continue  # torch.topk promises no order on ties; ours takes the earliest
        for k in (2, 8, 64):
            released, _ = space["inference_ts"](None, torch.from_numpy(scores), method, k)
            assert ours(scores, k).tolist() == released.tolist(), (seed, k)
