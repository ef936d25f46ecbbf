"""An encoder that reads the numbers drawn into test videos: no model, so processes start fast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.support import read_number
from tspo_bench.types import Features, Pixels


class NumberReader:
    """An encoder whose feature is the number drawn into the frame; counts what it is given."""

    short_side = 96
    width = 2

    def __init__(self, name: str = "numbers/1") -> None:
        self.id = name
        self.batches: list[int] = []

    def encode_frames(self, pixels: Pixels) -> Features:
        self.batches.append(len(pixels))
        return np.array([[read_number(frame), 1] for frame in pixels], np.float32)

    def encode_text(self, texts: Sequence[str]) -> Features:
        return np.ones((len(texts), 2), np.float32)
