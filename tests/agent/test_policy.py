"""Draws against the exact probabilities of the Plackett-Luce distribution."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tspo_bench.agent.policy import (
    draw,
    entropy,
    independent_log_probs,
    plackett_luce_log_probs,
)


def _noise(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _probability(logits: torch.Tensor, order: list[int] | tuple[int, ...]) -> Fraction:
    """Of drawing exactly this order: one frame after the other, among those left.

    In fractions, since what is left after a heavy frame is drawn cancels in floating point.
    """
    weights = [Fraction(weight) for weight in logits.double().exp().tolist()]
    left, product = sum(weights), Fraction(1)
    for place in order:
        product *= weights[place] / left
        left -= weights[place]
    return product


@pytest.mark.parametrize(("size", "k"), [(4, 1), (4, 2), (5, 3), (3, 3)])
def test_draws_come_with_the_exact_probabilities(size: int, k: int) -> None:
    logits = torch.randn(size, generator=_noise(size), dtype=torch.float64)
    number = 40_000
    seen = Counter(tuple(row) for row in draw(logits, k, number, _noise(1)).tolist())
    orders = list(itertools.permutations(range(size), k))
    expected = [float(number * _probability(logits, order)) for order in orders]
    found = [seen[order] for order in orders]
    assert sum(found) == number
    assert stats.chisquare(found, expected).pvalue > 1e-4


@given(st.integers(0, 1000), st.integers(1, 7), st.integers(0, 5))
def test_plackett_luce_is_the_product_of_the_steps(seed: int, k: int, more: int) -> None:
    logits = 3 * torch.randn(k + more, generator=_noise(seed), dtype=torch.float64)
    drawn = draw(logits, k, 3, _noise(seed))
    sums = plackett_luce_log_probs(logits, drawn).sum(1)
    for row, total in zip(drawn.tolist(), sums.tolist(), strict=True):
        assert math.exp(total) == pytest.approx(float(_probability(logits, row)), rel=1e-9)


@given(st.integers(0, 1000), st.integers(1, 20), st.integers(0, 20))
def test_a_draw_is_of_distinct_candidates_and_follows_its_seed(
    seed: int, k: int, more: int
) -> None:
    logits = 50 * torch.randn(k + more, generator=_noise(seed))
    drawn = draw(logits, k, 8, _noise(seed))
    assert drawn.shape == (8, k)
    assert all(len(set(row)) == k for row in drawn.tolist())
    assert torch.equal(drawn, draw(logits, k, 8, _noise(seed)))


def test_independent_log_probs_are_those_of_the_softmax() -> None:
    logits = torch.randn(6, generator=_noise(0))
    drawn = torch.tensor([[0, 3], [5, 2]])
    expected = logits.softmax(0)[drawn].log()
    assert torch.allclose(independent_log_probs(logits, drawn), expected)


def test_entropy_of_known_policies() -> None:
    assert entropy(torch.zeros(8)).item() == pytest.approx(math.log(8))
    assert entropy(torch.tensor([1000.0, 0.0, 0.0])).item() == pytest.approx(0.0)
    padded = torch.tensor([0.0, 0.0, -torch.inf])
    assert entropy(padded).item() == pytest.approx(math.log(2))
    logits = torch.randn(9, generator=_noise(4), dtype=torch.float64)
    expected = stats.entropy(logits.softmax(0).numpy())
    assert entropy(logits).item() == pytest.approx(expected)


def test_more_frames_than_candidates_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="cannot draw 4 of 3"):
        draw(torch.zeros(3), 4, 2, _noise(0))
