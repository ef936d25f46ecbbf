"""Decoded frames kept between rollouts, so that a video is not decoded again for each question."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np

from tspo_bench.types import Frames, IntArray, Pixels
from tspo_bench.video import open_video

Key = tuple[Path, int, int | None]  # video, frame number, short side


class FrameCache:
    """Frames of videos, the least recently used forgotten first.

    Args:
        max_bytes: of pixels kept, at most.
    """

    def __init__(self, max_bytes: int = 2**31) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, tuple[Pixels, float]] = OrderedDict()

    def fetch(self, video: Path, indices: IntArray, short_side: int | None) -> Frames:
        """The frames of `video` with these numbers [n], in this order; see `VideoReader.fetch`.

        Raises:
            VideoError: a frame cannot be decoded.
        """
        keys = [(video, int(index), short_side) for index in indices]
        missing = [key for key in keys if key not in self._kept]
        if missing:
            with open_video(video) as reader:
                fetched = reader.fetch(sorted(index for _, index, _ in missing), short_side)
            for index, second, pixels in zip(
                fetched.indices.tolist(), fetched.seconds.tolist(), fetched.pixels, strict=True
            ):
                self._kept[video, index, short_side] = (pixels.copy(), second)
                self._bytes += pixels.nbytes
        rows = [self._kept[key] for key in keys]
        for key in keys:
            self._kept.move_to_end(key)
        while self._bytes > self._max_bytes:
            _, (pixels, _) = self._kept.popitem(last=False)
            self._bytes -= pixels.nbytes
        seconds = np.array([second for _, second in rows])
        return Frames(indices, seconds, np.stack([pixels for pixels, _ in rows]))
