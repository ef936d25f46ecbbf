"""Makes the next training batch in a thread while the present one is learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(source: Iterator[T]) -> Iterator[T]:
    """The same items of an endless source, each begun when the one before it is taken."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, source)
        while True:
            ready = coming.result()
            coming = pool.submit(next, source)
            yield ready
