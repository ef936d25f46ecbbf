"""Episodes made up of random features, for tests of the trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tspo_bench import MLLM
from tspo_bench.training.episode import Episode, Skipped
from tspo_bench.types import Answer, Frames, IntArray, Prompt, Request

WIDTH, CANDIDATES = 16, 40


@dataclass(frozen=True)
class MadeUp(Episode):
    """The candidates are frames of one grey value each: their own number."""

    def fetch(self, positions: IntArray, short_side: int | None) -> Frames:
        shade = positions.astype(np.uint8)[:, None, None, None]
        pixels = np.broadcast_to(shade, (len(positions), 2, 2, 3))
        return Frames(positions, positions.astype(np.float64), pixels)


class Openings:
    """Questions about the opening: the first tenth of the candidates is the needle."""

    skipped: tuple[Skipped, ...] = ()

    def __init__(self, number: int = 24, k: int = 4) -> None:
        self._number, self._k = number, k

    def __len__(self) -> int:
        return self._number

    def episode(self, index: int, epoch: int) -> MadeUp:
        rng = np.random.default_rng(index)
        return MadeUp(
            id=f"opening-{index}",
            features=rng.standard_normal((CANDIDATES, WIDTH), dtype=np.float32),
            text_features=rng.standard_normal((1, WIDTH), dtype=np.float32),
            prompt=Prompt("What is the scene at the beginning?"),
            letters="ABCD",
            answer="ABCD"[index % 4],
            k=self._k,
            needle_of=np.where(np.arange(CANDIDATES) < CANDIDATES // 10, 0, -1),
            frame_rate=1.0,
            num_frames=CANDIDATES,
        )


class Darkest(MLLM):
    """Answers A if it sees a frame of the first tenth, else nothing that can be read."""

    name = id = "darkest"
    short_side = None

    def __init__(self) -> None:
        self.calls: list[int] = []

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        self.calls.append(len(requests))
        seen = [request.frames.pixels.min() < CANDIDATES // 10 for request in requests]
        return [Answer("A" if found else "?") for found in seen]
