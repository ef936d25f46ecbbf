"""One training question as a step uses it, and the source of such questions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tspo_bench.types import Features, Frames, IntArray, Prompt


@dataclass(frozen=True)
class Episode(ABC):
    """A question with its T candidates, from which each rollout draws `k` frames.

    `features` [T, d] and `text_features` [1, d] are the encoder's, not normalised. `prompt`,
    `letters` ("ABCD") and `answer` are what the MLLM is asked, and is to say; `options` are the
    options' texts, by which a reply that repeats one is read (without them, letters alone are).
    `needle_of` [T] numbers the needle that a candidate lies in, -1 outside of all; None where
    nothing is known of needles (a `general` item). `frame_rate` and `num_frames` are the shown
    video's.
    """

    id: str
    features: Features
    text_features: Features
    prompt: Prompt
    letters: str
    answer: str
    k: int
    needle_of: IntArray | None
    frame_rate: float
    num_frames: int
    options: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def needles(self) -> NDArray[np.bool_] | None:
        """Which candidates lie inside any needle [T]."""
        return None if self.needle_of is None else self.needle_of >= 0

    @abstractmethod
    def fetch(self, positions: IntArray, short_side: int | None) -> Frames:
        """The candidates at sorted positions [n], decoded; `short_side` as in `VideoReader.fetch`.

        Raises:
            VideoError: a frame cannot be decoded.
        """


@dataclass(frozen=True)
class Skipped:
    """A line of the source that cannot be used: its place, what is wrong, and the kind of that."""

    where: str
    reason: str
    kind: str = "not a usable question"

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class TrainingData(Protocol):
    """Episodes by number. `skipped` are the lines of the source that cannot be used."""

    skipped: tuple[Skipped, ...]

    def __len__(self) -> int:
        """Number of questions."""
        ...

    def episode(self, index: int, epoch: int) -> Episode:
        """The episode of a question in an epoch: equal arguments give equal episodes.

        Raises:
            VideoError: the video cannot be read.
        """
        ...
