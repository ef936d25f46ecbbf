"""Makes the next item in a thread while the present one is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetch(source: Iterable[T]) -> Iterator[T]:
    """The same items, each begun when the one before it is taken: one at most waits.

    What the source raises is raised here, in its turn.
    """
    items, end = iter(source), object()
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as pool:
        coming = pool.submit(next, items, end)
        while (ready := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield ready  # type: ignore[misc]
