"""The contract of a multimodal LLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tspo_bench.types import Answer, Failed, Request


class MLLM(Protocol):
    """Answers questions about frames.

    `name` is the model as tables show it; `id` identifies the weights and settings (it is part of a
    cell's settings). Frames are decoded with their shorter side scaled down to `short_side` pixels
    (never up); None leaves them as they are.

    A class may also have `visual_tokens(num_frames, height, width) -> int`, what such frames
    cost it (for `--visual-tokens`; with an argument `interleaved` where words between the frames
    make them cost something else), and class methods: `check(**options)` finds out what its
    constructor would complain about without loading weights, `reach(**options)` whether a server
    takes questions now; it is called where some are left to ask. A third,
    `check_asking(mode, reply_start, **options)`, may reject an answering mode or a protocol's words
    that a reply cannot begin with.
    """

    name: str
    id: str
    short_side: int | None

    def answer(self, requests: Sequence[Request]) -> Sequence[Answer | Failed]:
        """Answer each request, in order. A batch gives the answers that single calls give.

        `Failed` in an answer's place says why there is none. An exception counts against the whole
        batch: evaluation then puts its requests one by one.
        """
        ...
