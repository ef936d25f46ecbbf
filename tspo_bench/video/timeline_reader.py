"""Scans and fetches of the readers that know a file's timeline."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np

from tspo_bench.profiling import side_stage
from tspo_bench.types import CandidateRule, FloatArray, Frames, IntArray, Pixels, VideoInfo
from tspo_bench.video.base import checked_indices, scaled_size
from tspo_bench.video.candidates import candidate_indices
from tspo_bench.video.timeline import Timeline


class TimelineReader(ABC):
    """What the readers share that know a file's `Timeline`; see `VideoReader` for the methods."""

    info: VideoInfo
    timeline: Timeline

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Let go of the file and the decoder."""

    @abstractmethod
    def pictures(self, indices: IntArray, short_side: int | None) -> Iterator[Pixels]:
        """The frames with these rising numbers, each [h, w, 3], scaled and upright."""

    @property
    def times(self) -> FloatArray:
        """When each frame of the video is shown, [num_frames] seconds."""
        return self.timeline.seconds

    @property
    def keyframes(self) -> IntArray:
        """The numbers of the keyframes [k], rising."""
        return self.timeline.keyframes

    def scan(
        self,
        rate: float = 1.0,
        short_side: int | None = None,
        batch_size: int = 64,
        rule: CandidateRule = "auto",
    ) -> Iterator[Frames]:
        """Stream the candidates in batches; see `VideoReader.scan`."""
        indices = candidate_indices(self.info, self.times, rate, rule, self.keyframes)
        pictures = self.pictures(indices, short_side)
        for start in range(0, len(indices), batch_size):
            batch = indices[start : start + batch_size]
            yield self._batch(batch, itertools.islice(pictures, len(batch)), short_side)

    def fetch(self, indices: Sequence[int] | IntArray, short_side: int | None = None) -> Frames:
        """Decode chosen frames; see `VideoReader.fetch`."""
        wanted = checked_indices(self.info, indices)
        distinct, inverse = np.unique(wanted, return_inverse=True)
        frames = self._batch(distinct, self.pictures(distinct, short_side), short_side)
        if np.array_equal(wanted, distinct):
            return frames
        return Frames(wanted, frames.seconds[inverse], frames.pixels[inverse])

    def _batch(
        self, indices: IntArray, pictures: Iterator[Pixels], short_side: int | None
    ) -> Frames:
        width, height = scaled_size(self.info.width, self.info.height, short_side)
        pixels = np.empty((len(indices), height, width, 3), np.uint8)
        with side_stage("decode") as done:
            for slot, picture in zip(pixels, pictures, strict=True):
                slot[:] = picture
            done.frames, done.num_bytes = len(pixels), pixels.nbytes
        return Frames(indices, self.times[indices], pixels)
