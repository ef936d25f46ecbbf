"""Pictograms: enough of them, named in one word, drawn, and no two alike."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

import numpy as np
import pytest

from tspo_bench.haystack.scenes import COMPANION_SIZES
from tspo_bench.haystack.world import (
    CATEGORIES,
    CATEGORY_OF,
    HELD_OUT,
    OBJECTS,
    PICTOGRAMS,
    WORLD,
    draw_pictogram,
)


def test_there_are_160_pictograms_in_10_categories():
    assert len(PICTOGRAMS) >= 160
    assert len(CATEGORIES) >= 10
    assert min(len(names) for names in WORLD.values()) >= 4  # a question has four of one category


def test_names_are_unique_single_words():
    names = [*PICTOGRAMS, *CATEGORIES]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert [name for name in names if not re.fullmatch("[a-z]+", name)] == []


def test_no_character_has_two_names():
    characters = [char for names in WORLD.values() for char in names.values()]
    assert len(set(characters)) == len(characters) == len(PICTOGRAMS)


def test_categories_are_those_of_the_world():
    assert all(name in WORLD[CATEGORY_OF[name]] for name in PICTOGRAMS)


def test_a_fifth_of_each_category_is_held_out():
    assert set(PICTOGRAMS) >= HELD_OUT
    assert list(OBJECTS["known"]) == list(WORLD)
    for category, names in WORLD.items():
        held_out = [name for name in names if name in HELD_OUT]
        assert len(held_out) in (len(names) // 5, len(names) // 5 + 1)
        assert list(OBJECTS["known"][category]) == [n for n in names if n not in HELD_OUT]
        assert len(OBJECTS["known"][category]) >= 4


def test_what_is_held_out_stays_so():
    """Pinned: agents that were trained without these would otherwise have seen some of them."""
    names = ",".join(sorted(HELD_OUT))
    assert hashlib.sha256(names.encode()).hexdigest()[:16] == "4b26a3dc4a17e45d"


@pytest.mark.parametrize("size", [COMPANION_SIZES[0], 76])
def test_drawings_are_rgba_squares_with_ink_that_fills_them(size: int):
    for name in PICTOGRAMS:
        drawn = draw_pictogram(name, size)
        assert drawn.shape == (size, size, 4), name
        rows, columns = np.nonzero(drawn[..., 3] > 127)
        assert len(rows) > 0.05 * size**2, f"{name} is nearly empty"
        # Cropped to its ink: the longer side reaches from edge to edge, but for a thin tip.
        assert max(np.ptp(rows), np.ptp(columns)) >= 0.9 * size, name


def test_no_two_drawings_are_alike():
    """Even at a companion's size, on grey, two pictograms differ by 30 of 255 (root mean square).

    The nearest pair, shark and skateboard, is at 36; a font that draws its "unknown" box for some
    characters would have pairs at 0.
    """
    size = COMPANION_SIZES[0]
    drawn = np.stack([draw_pictogram(name, size) for name in PICTOGRAMS]).astype(np.float32)
    alpha = drawn[..., 3:] / 255
    seen = (alpha * drawn[..., :3] + (1 - alpha) * 128).reshape(len(PICTOGRAMS), -1)
    squares = (seen**2).sum(1)
    distances = squares[:, None] + squares[None] - 2 * seen @ seen.T
    np.fill_diagonal(distances, np.inf)
    rms = np.sqrt(distances / seen.shape[1])
    first, second = np.unravel_index(rms.argmin(), rms.shape)
    assert rms.min() > 30, f"{PICTOGRAMS[first]} looks like {PICTOGRAMS[second]}"


def test_drawings_are_shared_and_read_only():
    drawn = draw_pictogram("dog", 40)
    assert draw_pictogram("dog", 40) is drawn
    with pytest.raises(ValueError, match="read-only"):
        drawn[0, 0, 0] = 1
