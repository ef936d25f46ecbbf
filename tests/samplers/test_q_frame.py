"""Q-Frame's draw against the code its authors released, and against its chances."""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections import Counter
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samplers.cases import drawn_case, plain_candidates
from tests.samplers.peers import peer_functions, required_source
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.q_frame import products
from tspo_bench.samplers.random import draw
from tspo_bench.types import Candidates, Query

case = functools.partial(drawn_case, scale=1.5)  # products spread as CLIP's do: by some units
RELEASED = "lmms_eval/models/qwen2_vl_w_qframe.py"


def released_order(source: str, query: Query, candidates: Candidates) -> list[int]:
    """Candidates from first to last by the authors' function, with the lots that ours draws."""
    import torch

    generator = random.Random(f"0:{query.question_id}")
    lots = torch.tensor([generator.random() for _ in range(len(candidates))], dtype=torch.float64)
    features = torch.from_numpy(candidates.features).double()
    tools = SimpleNamespace(
        no_grad=nullcontext,
        cuda=SimpleNamespace(amp=SimpleNamespace(autocast=nullcontext)),
        stack=torch.stack,
        log=torch.log,
        rand=lambda _, device: lots,
    )
    encoder = SimpleNamespace(
        encode_image=lambda images: images,
        encode_text=lambda _: torch.from_numpy(query.text_features).double(),
    )
    released = peer_functions(
        source,
        ["TextImageMatching"],
        torch=tools,
        np=np,
        device="cpu",
        clip_model=encoder,
        clip_processor=lambda image: image,
        longclip=SimpleNamespace(tokenize=lambda _: torch.zeros(1)),
        Image=SimpleNamespace(fromarray=lambda image: image),
    )
    order = released["TextImageMatching"]("?", features, "longvideobench_val_v", 0.8)
    return order.tolist()


def test_equals_the_released_code_run_beside_it() -> None:
    source = required_source("xiaomi-research/q-frame", RELEASED)
    sampler = load_sampler("q-frame")
    for seed in range(250):
        query, candidates = case(seed, 1 + seed % 128)
        order = released_order(source, query, candidates)
        for k in (1, 8, 64):
            picks = sampler.select(query, candidates, k).indices
            assert (picks // 25).tolist() == sorted(order[:k])


def test_draws_by_softmax_of_those_that_are_left() -> None:
    generator, logits = random.Random(5), np.array([0.3, -1.0, 1.2, 0.0])
    drawn = Counter(tuple(draw(generator, logits, 2).tolist()) for _ in range(6000))
    weights = np.exp(logits) / np.exp(logits).sum()
    chi_square = 0.0
    for first, second in itertools.permutations(range(4), 2):
        expected = 6000 * weights[first] * weights[second] / (1 - weights[first])
        chi_square += (drawn[first, second] - expected) ** 2 / expected
    assert chi_square < 31.3  # the 99.9% quantile at 11 degrees of freedom


def test_draw_takes_the_extreme_lots() -> None:
    for lot in (0.0, math.nextafter(1, 0)):
        generator = SimpleNamespace(random=lambda lot=lot: lot)
        with np.errstate(all="raise"):
            assert draw(generator, [0, 5, 5], 2).tolist() == [1, 2]
    assert draw(random.Random(0), [], 2).tolist() == []


def test_frames_that_match_equally_are_drawn_as_random_draws_them() -> None:
    query, candidates = case(0, 50)
    equal = plain_candidates(50, 25, np.repeat(candidates.features[:1], 50, axis=0))
    for k in (1, 8, 49):
        ours, random_ones = (
            load_sampler(name, seed=4).select(query, equal, k).indices.tolist()
            for name in ("q-frame", "random")
        )
        assert ours == random_ones


@given(
    logits=st.lists(st.integers(-20, 20), min_size=1, max_size=50),
    shift=st.integers(-30, 30),
    count=st.integers(0, 60),
)
@settings(max_examples=100, deadline=None)
def test_a_shift_does_not_matter_and_a_smaller_draw_comes_first(
    logits: list[int], shift: int, count: int
) -> None:
    whole = draw(random.Random(1), logits, len(logits)).tolist()
    assert sorted(whole) == list(range(len(logits)))
    shifted = draw(random.Random(1), np.array(logits) + shift, count).tolist()
    assert shifted == whole[:count]


def test_temperature_and_seed() -> None:
    query, candidates = case(3, 300)
    best = load_sampler("clip-topk").select(query, candidates, 300).scores
    scores = products(candidates.features, query.text_features)
    top = np.sort(np.argsort(-scores)[:16])
    shared = []
    for temperature in (1e-6, 0.8, 1e6):
        sampler = load_sampler(f"q-frame[temperature={temperature}]")
        picks = sampler.select(query, candidates, 16).indices // 25
        shared.append(len(np.intersect1d(picks, top)))
    assert shared[0] == 16 > shared[1] > shared[2]
    assert not np.allclose(best, scores)  # products, not cosines
    samplers = [load_sampler("q-frame", seed=seed) for seed in range(5)]
    drawn = {tuple(each.select(query, candidates, 8).indices.tolist()) for each in samplers}
    assert len(drawn) == 5
    assert load_sampler("q-frame", seed=7).seed == 7


def test_scores_are_the_products() -> None:
    query, candidates = case(1, 20)
    selection = load_sampler("q-frame").select(query, candidates, 4)
    naive = [
        sum(float(a) * float(b) for a, b in zip(row, query.text_features[0], strict=True))
        for row in candidates.features
    ]
    assert selection.scores == pytest.approx(naive, rel=1e-5)
