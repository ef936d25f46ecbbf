"""The rules of sizes, candidates and keyframes, without a file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.video.base import scaled_size
from tspo_bench.video.timeline import _starts


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        ((1280, 720), 224, (398, 224)),
        ((720, 1280), 224, (224, 398)),
        ((1280, 720), None, (1280, 720)),
        ((160, 96), 224, (160, 96)),
        ((224, 224), 224, (224, 224)),
    ],
)
def test_scaled_size(
    size: tuple[int, int], short_side: int | None, expected: tuple[int, int]
) -> None:
    assert scaled_size(*size, short_side) == expected


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(1, 600))
def test_scaled_size_keeps_the_aspect_and_never_enlarges(
    width: int, height: int, short_side: int
) -> None:
    new_width, new_height = scaled_size(width, height, short_side)
    assert min(new_width, new_height) == min(short_side, width, height)
    assert new_width <= width
    assert new_height <= height
    factor = min(new_width, new_height) / min(width, height)
    assert abs(new_width - width * factor) <= 0.5
    assert abs(new_height - height * factor) <= 0.5


@given(st.data())
def test_starts_are_the_last_keyframe_decoded_and_shown_before(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    pts = np.array(data.draw(st.permutations(range(count))))
    pts[[0, int(np.argmin(pts))]] = pts[[int(np.argmin(pts)), 0]]  # the first packet comes first
    is_key = [True, *data.draw(st.lists(st.booleans(), min_size=count - 1, max_size=count - 1))]
    keys = np.flatnonzero(is_key)
    positions = np.argsort(pts)
    naive = [max(k for k in keys if k <= p and pts[k] <= pts[p]) for p in positions]
    assert _starts(pts, positions, keys).tolist() == naive
