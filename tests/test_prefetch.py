"""The next item is made while the present one is used, and no more than that."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from tspo_bench.prefetch import prefetch


def test_the_same_items_in_their_order() -> None:
    assert list(prefetch(range(5))) == [0, 1, 2, 3, 4]
    assert list(prefetch(())) == []
    assert list(itertools.islice(prefetch(itertools.count()), 3)) == [0, 1, 2]


def test_one_item_is_made_ahead() -> None:
    made, made_two = [], threading.Event()

    def source() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            if number == 1:
                made_two.set()
            yield number

    items = prefetch(source())
    assert next(items) == 0
    assert made_two.wait(timeout=60)  # nobody asked for it yet
    items.close()  # type: ignore[attr-defined]
    assert made == [0, 1]


def test_what_the_source_raises_comes_in_its_turn() -> None:
    def source() -> Iterator[int]:
        yield 0
        raise ValueError("broken")

    items = prefetch(source())
    assert next(items) == 0
    with pytest.raises(ValueError, match="broken"):
        next(items)
