"""Window attention against dense attention with an explicit mask."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tspo_bench.agent.window import window_attention


def seen_by(t: int, window: int, length: int) -> list[int]:
    """The frames that frame t sees."""
    first = t - window // 2
    return [s for s in range(first, first + window) if 0 <= s < length]


def dense(query: Tensor, key: Tensor, value: Tensor, window: int, bias: Tensor | None) -> Tensor:
    """[H, T, e], from scores of all pairs."""
    _, length, width = query.shape
    scores = query @ key.transpose(-1, -2) / width**0.5
    mask = torch.full((length, length), -torch.inf, dtype=query.dtype)
    for t in range(length):
        mask[t, seen_by(t, window, length)] = 0
    if bias is not None:
        row, column = torch.meshgrid(torch.arange(length), torch.arange(length), indexing="ij")
        scores = scores + bias[:, row, (column - row + window // 2).clamp(0, window - 1)]
    return (scores + mask).softmax(-1) @ value


def drawn(seed: int, *shape: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(3)]


@given(
    length=st.integers(1, 70),
    window=st.integers(1, 80),
    seed=st.integers(0, 99),
    biased=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_equals_dense_attention(length: int, window: int, seed: int, biased: bool) -> None:
    q, k, v = drawn(seed, 2, 3, length, 5)
    bias = drawn(seed + 1, 2, 3, length, window)[0] if biased else None
    found = window_attention(q, k, v, window, bias)
    for row in range(2):
        own = None if bias is None else bias[row]
        assert torch.allclose(found[row], dense(q[row], k[row], v[row], window, own), atol=1e-12)


@pytest.mark.parametrize("shape", [(7,), (3, 1, 7), (2, 1, 1, 7), (2, 3, 1, 7), (40, 7)])
def test_bias_broadcasts(shape: tuple[int, ...]) -> None:
    q, k, v = drawn(0, 2, 3, 40, 4)
    bias = drawn(1, *shape)[0]
    whole = bias.expand(2, 3, 40, 7)
    assert torch.equal(window_attention(q, k, v, 7, bias), window_attention(q, k, v, 7, whole))


def test_gradients_equal_those_of_dense_attention() -> None:
    tensors = [x.requires_grad_() for x in drawn(0, 1, 2, 45, 3)]
    bias = drawn(1, 2, 45, 12)[0].requires_grad_()
    weight = drawn(2, 2, 45, 3)[0]
    wanted = torch.autograd.grad(
        (dense(*(x[0] for x in tensors), 12, bias) * weight).sum(), [*tensors, bias]
    )
    found = torch.autograd.grad(
        (window_attention(*tensors, 12, bias[None])[0] * weight).sum(), [*tensors, bias]
    )
    for ours, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("window", [1, 2, 12, 13, 64])
def test_what_a_frame_sees_is_all_that_moves_it(window: int) -> None:
    """The window's edges, by the gradient of each output with respect to every value."""
    length = 40
    q, k, v = drawn(3, 1, 1, length, 1)
    v.requires_grad_()
    out = window_attention(q, k, v, window)
    for t in range(length):
        (gradient,) = torch.autograd.grad(out[0, 0, t, 0], v, retain_graph=True)
        assert gradient[0, 0, :, 0].nonzero()[:, 0].tolist() == seen_by(t, window, length)
        assert float(gradient.sum()) == pytest.approx(1)


def test_a_window_of_one_gives_the_values() -> None:
    q, k, v = drawn(0, 2, 2, 33, 4)
    assert torch.allclose(window_attention(q, k, v, 1), v, atol=1e-15)


@given(lengths=st.lists(st.integers(1, 70), min_size=1, max_size=3), window=st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_padding_changes_nothing_even_nan(lengths: list[int], window: int) -> None:
    total = max(lengths) + 5
    q, k, v = drawn(1, len(lengths), 2, total, 4)
    alone = [
        window_attention(*(x[i : i + 1, :, :n] for x in (q, k, v)), window)[0]
        for i, n in enumerate(lengths)
    ]
    for i, n in enumerate(lengths):
        for x in (q, k, v):
            x[i, :, n:] = torch.nan
    together = window_attention(q, k, v, window, lengths=torch.tensor(lengths))
    for i, n in enumerate(lengths):
        assert torch.allclose(together[i, :, :n], alone[i], atol=1e-12)


def test_gradients_are_finite_beside_padding() -> None:
    tensors = [x.requires_grad_() for x in drawn(0, 2, 2, 60, 4)]
    out = window_attention(*tensors, 5, lengths=torch.tensor([60, 3]))
    out.sum().backward()
    for x in tensors:
        assert x.grad is not None
        assert x.grad.isfinite().all()


def test_far_frames_do_not_matter_and_order_within_the_window_does_not() -> None:
    """Without a bias attention knows no order: two frames that a frame sees may change places."""
    q, k, v = drawn(0, 1, 1, 50, 4)
    out = window_attention(q, k, v, 9)
    order = torch.arange(50)
    order[[20, 24]] = order[[24, 20]]  # frame 22 sees 18 to 26
    swapped = window_attention(q, k[:, :, order], v[:, :, order], 9)
    assert torch.allclose(swapped[0, 0, 22], out[0, 0, 22], atol=1e-14)
    assert torch.equal(swapped[0, 0, 30:], out[0, 0, 30:])  # they see 26 and later
    assert not torch.allclose(swapped[0, 0, 17], out[0, 0, 17])  # sees 20 but not 24
