"""Decoded frames kept between rollouts, so that a video is not decoded again for each question."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np

from tspo_bench.errors import VideoError
from tspo_bench.types import Frames, IntArray, Pixels
from tspo_bench.video import open_video
from tspo_bench.video.base import scaled_size

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

    def fetch(
        self, video: Path, indices: IntArray, short_side: int | None, candidates: IntArray
    ) -> Frames:
        """The frames of `video` with these numbers [n], in this order; see `VideoReader.fetch`.

        `candidates` are what other calls may ask for. If one frame is missing all of these are
        decoded, unless they would fill more than an eighth of the cache: scattered frames cost
        nearly what all candidates do.

        Raises:
            VideoError: a frame cannot be decoded.
        """
        keys = [(video, int(index), short_side) for index in indices]
        missing = [key[1] for key in keys if key not in self._kept]
        if missing:
            self._decode(video, missing, short_side, candidates)
        rows = [self._kept[key] for key in keys]
        for key in keys:
            self._kept.move_to_end(key)
        while self._bytes > self._max_bytes:
            _, (pixels, _) = self._kept.popitem(last=False)
            self._bytes -= pixels.nbytes
        seconds = np.array([second for _, second in rows])
        return Frames(indices, seconds, np.stack([pixels for pixels, _ in rows]))

    def _decode(
        self, video: Path, missing: list[int], short_side: int | None, candidates: IntArray
    ) -> None:
        with open_video(video) as reader:
            width, height = scaled_size(reader.info.width, reader.info.height, short_side)
            if 3 * width * height * len(candidates) <= self._max_bytes // 8:
                try:
                    self._keep(video, short_side, reader.fetch(candidates, short_side))
                    return
                except VideoError:  # the broken frame may be one that is not asked for
                    pass
            self._keep(video, short_side, reader.fetch(sorted(missing), short_side))

    def _keep(self, video: Path, short_side: int | None, fetched: Frames) -> None:
        numbers, seconds = fetched.indices.tolist(), fetched.seconds.tolist()
        for index, second, pixels in zip(numbers, seconds, fetched.pixels, strict=True):
            if (key := (video, index, short_side)) not in self._kept:
                self._kept[key] = (pixels.copy(), second)
                self._bytes += pixels.nbytes
