"""The contract of a video reader, and what readers share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, Self

import numpy as np

from tspo_bench.errors import VideoError
from tspo_bench.types import CandidateRule, FloatArray, Frames, IntArray, VideoInfo

# How frames are counted, timed and decoded. What is kept of a video by frame number (features,
# records) is of a version: raise it with every change that gives some file other frames or times.
READER_VERSION: int = 4


class VideoReader(Protocol):
    """Reads frames of one file. Not for several threads at once: open one reader in each.

    `short_side` scales the frames so that their shorter side has that many pixels, keeping the
    aspect; a smaller video keeps its size. Pixels are RGB, upright. Both methods raise a
    `VideoError` for a frame that cannot be decoded: no neighbour or black frame takes its place.
    """

    info: VideoInfo

    @property
    def times(self) -> FloatArray:
        """When each frame of the video is shown, [num_frames] seconds; no frame is decoded."""
        ...

    @property
    def keyframes(self) -> IntArray:
        """The numbers of the keyframes [k], rising."""
        ...

    def scan(
        self,
        rate: float = 1.0,
        short_side: int | None = None,
        batch_size: int = 64,
        rule: CandidateRule = "auto",
    ) -> Iterator[Frames]:
        """Stream the candidates, `rate` a second: see `tspo_bench.video.candidates`.

        Each batch holds `batch_size` frames, the last one what is left; no more are alive at once.
        Finish with a scan before the reader's next call.
        """
        ...

    def fetch(self, indices: Sequence[int] | IntArray, short_side: int | None = None) -> Frames:
        """Decode the frames with these numbers, in this order.

        Raises:
            VideoError: an index is outside of the video.
        """
        ...

    def close(self) -> None:
        """Let go of the file and the decoder."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


def scaled_size(width: int, height: int, short_side: int | None) -> tuple[int, int]:
    """Width and height with the shorter side scaled down to `short_side`, never up."""
    shorter = min(width, height)
    if short_side is None or shorter <= short_side:
        return width, height
    return round(width * short_side / shorter), round(height * short_side / shorter)


def checked_indices(info: VideoInfo, indices: Sequence[int] | IntArray) -> IntArray:
    """The indices as an array, [n].

    Raises:
        VideoError: one of them is outside of the video.
    """
    checked = np.asarray(indices, dtype=np.int64).reshape(-1)
    outside = checked[(checked < 0) | (checked >= info.num_frames)]
    if len(outside):
        raise VideoError(
            f"video {info.path}: frame {outside[0]} was asked for, but it has "
            f"{info.num_frames} frames (0 to {info.num_frames - 1}); check that the indices "
            "belong to this file"
        )
    return checked
