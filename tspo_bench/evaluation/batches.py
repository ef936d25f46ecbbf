"""Batches of questions of similar length, under a token budget."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from tspo_bench.errors import CRASHES
from tspo_bench.evaluation.chunks import Prepared
from tspo_bench.mllms.base import MLLM

T = TypeVar("T")
SPREAD = 1.25  # the longest of a bucket takes less than so many times the tokens of its shortest
WAIT = 2  # with CHUNK_BYTES this bounds the memory of waiting frames
CHARACTERS = 4  # a token of a prompt, roughly
_UNKNOWN = 10**12  # tokens: more than any budget


class Batches(Generic[T]):
    """Items that wait for others of similar length, in buckets.

    An item waits for fewer than WAIT x `most` later ones, and no later one is given before it then:
    nothing is held back for long. Without `max_tokens` all share a bucket and keep their order.

    Args:
        most: items a batch, at most.
        max_tokens: of a batch padded to its longest item, at most, unless it has one item only.
        tokens: an item's length, 0 or more.
    """

    def __init__(
        self, most: int, max_tokens: int | None = None, tokens: Callable[[T], int] = lambda _: 0
    ) -> None:
        self._most, self._max_tokens, self._tokens = most, max_tokens, tokens
        self._arrived = 0
        self._buckets: dict[int, deque[tuple[int, int, T]]] = {}  # arrival, tokens, item

    def add(self, items: Iterable[T]) -> None:
        """Let items wait."""
        for item in items:
            length = 0 if self._max_tokens is None else self._tokens(item)
            bucket = math.floor(math.log(max(1, length), SPREAD))
            self._buckets.setdefault(bucket, deque()).append((self._arrived, length, item))
            self._arrived += 1

    def ready(self, last: bool = False) -> Iterator[list[T]]:
        """The batches that are full or have waited, the oldest first; with `last`, all batches."""
        return iter(lambda: self._next(last), [])  # which holds no batch that was taken

    def _next(self, last: bool) -> list[T]:
        for key, bucket in sorted(self._buckets.items(), key=lambda pair: pair[1][0][0]):
            size, is_full = self._fill(bucket)
            if is_full or last or self._arrived - bucket[0][0] >= WAIT * self._most:
                batch = [bucket.popleft()[2] for _ in range(size)]
                if not bucket:
                    del self._buckets[key]
                return batch
        return []

    def _fill(self, bucket: deque[tuple[int, int, T]]) -> tuple[int, bool]:
        """How many of a bucket's first items make a batch, and whether no other one would fit."""
        size = longest = 0
        for _, length, _ in bucket:
            longest = max(longest, length)
            if size == self._most or (size and self._exceeds(size + 1, longest)):
                return size, True
            size += 1
        return size, size == self._most or self._exceeds(size + 1, longest)

    def _exceeds(self, size: int, longest: int) -> bool:
        return self._max_tokens is not None and size * longest > self._max_tokens


def token_counter(model: MLLM) -> Callable[[Prepared], int]:
    """Estimates a question's tokens: the visual ones as the model counts them, and the words."""

    def count(prepared: Prepared) -> int:
        request, shown = prepared.shared, len(prepared.record.frames)
        if request is None:
            return 0
        prompt = request.prompt
        words = sum(map(len, (prompt.text, *prompt.before))) // CHARACTERS
        height, width = request.frames.pixels.shape[1:3]
        options = {"interleaved": True} if prompt.before else {}  # custom classes may lack it
        try:
            return words + (model.visual_tokens(shown, height, width, **options) if shown else 0)
        except CRASHES:  # the question is asked alone, and fails alone
            return _UNKNOWN

    return count
