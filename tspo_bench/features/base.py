"""The contract of an encoder of frames and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tspo_bench.types import Features, Pixels


class FrameEncoder(Protocol):
    """Turns frames and texts into vectors of one space.

    `id` identifies the weights and the preprocessing (it is part of the feature store's key),
    `short_side` is the length in pixels to which a frame's shorter side is scaled while decoding,
    `width` the features' length d.
    """

    id: str
    short_side: int
    width: int

    def encode_frames(self, pixels: Pixels) -> Features:
        """Projected image features [n, d], not normalised, of RGB frames [n, h, w, 3]."""
        ...

    def encode_text(self, texts: Sequence[str]) -> Features:
        """Projected text features [m, d], not normalised; texts are truncated at the limit."""
        ...
