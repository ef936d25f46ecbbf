"""Reads an edit list as one video: frames from its parts, times continuous."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from tspo_bench.errors import VideoError
from tspo_bench.types import FloatArray, IntArray, Pixels, VideoInfo
from tspo_bench.video.base import VideoReader, scaled_size
from tspo_bench.video.edit_list import EditList, Part
from tspo_bench.video.timeline_reader import TimelineReader

_CHUNK_BYTES = 64 << 20  # frames of a part that are held at once
_SAME_TIME = 1e-6  # seconds; times are floats
_KNOWN_VIDEOS = 256  # whose frame times this process remembers: each holds some MB at most


@dataclass(frozen=True)
class ClipFacts:
    """A video's facts with the times [n] and keyframes [k] of its frames."""

    info: VideoInfo
    times: FloatArray
    keyframes: IntArray


def clip_facts(path: Path, reader: str = "pyav") -> ClipFacts:
    """The facts of a video file, opened once a process as long as the file stays the same.

    Raises:
        VideoError: as `open_video`.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise VideoError(f"video {path} cannot be reached ({error.strerror})") from error
    return _facts(path, reader, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=_KNOWN_VIDEOS)
def _facts(path: Path, reader: str, size: int, modified: int) -> ClipFacts:
    from tspo_bench.video import open_video

    with open_video(path, reader) as video:
        return ClipFacts(video.info, video.times, video.keyframes)


class EditListReader(TimelineReader):
    """Reads the parts of an edit list as one video; see `VideoReader` for the methods.

    Only one clip is open at a time, by the reader of that name.

    Attributes:
        numbers: the frames' numbers in their clips [num_frames].
        bounds: where the parts begin and the last one ends [parts + 1], in frames.

    Raises:
        VideoError: a part's clip cannot be opened, or ends before the part.
    """

    def __init__(self, path: Path, edits: EditList, reader: str = "pyav") -> None:
        self.edits, self._by = edits, reader
        self._open: tuple[Path, VideoReader] | None = None
        facts = [clip_facts(part.path, reader) for part in edits.parts]
        placed = [_placed(path, part, its) for part, its in zip(edits.parts, facts, strict=True)]
        self.numbers: IntArray = np.concatenate(placed)
        self.bounds: IntArray = np.cumsum([0, *map(len, placed)])
        starts = np.cumsum([0.0, *(part.seconds for part in edits.parts)])
        self._times: FloatArray = np.concatenate(
            [
                start + np.maximum(its.times[numbers] - part.start, 0)
                for part, its, numbers, start in zip(
                    edits.parts, facts, placed, starts[:-1], strict=True
                )
            ]
        )
        self._keyframes = self._joined_keyframes(facts)
        self.info = VideoInfo(
            path=path,
            num_frames=len(self.numbers),
            frame_rate=Fraction(len(self.numbers) / starts[-1]).limit_denominator(1001),
            duration_seconds=float(starts[-1]),
            width=edits.width,
            height=edits.height,
            rotation=0,
            codec="+".join(dict.fromkeys(its.info.codec for its in facts)),
        )

    @property
    def times(self) -> FloatArray:
        """When each frame is shown, [num_frames] seconds; the parts follow each other."""
        return self._times

    @property
    def keyframes(self) -> IntArray:
        """The keyframes [k] of the clips that lie in the parts; the first frame without any."""
        return self._keyframes

    def close(self) -> None:
        """Close the clip that is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def pictures(self, indices: IntArray, short_side: int | None) -> Iterator[Pixels]:
        """The frames with these rising numbers, each [h, w, 3], fitted into the canvas."""
        canvas = scaled_size(self.info.width, self.info.height, short_side)
        cuts = np.searchsorted(indices, self.bounds)
        for part, (start, end) in zip(self.edits.parts, itertools.pairwise(cuts), strict=True):
            if start < end:
                yield from self._of_clip(part.path, self.numbers[indices[start:end]], canvas)

    def _of_clip(self, path: Path, numbers: IntArray, canvas: tuple[int, int]) -> Iterator[Pixels]:
        reader = self._opened(path)
        size = _fitted(reader.info.width, reader.info.height, canvas)
        decoded = scaled_size(reader.info.width, reader.info.height, min(size))
        count = max(1, _CHUNK_BYTES // (3 * decoded[0] * decoded[1]))
        for start in range(0, len(numbers), count):
            for picture in reader.fetch(numbers[start : start + count], min(size)).pixels:
                yield _on_canvas(picture, size, canvas)

    def _opened(self, path: Path) -> VideoReader:
        from tspo_bench.video import open_video

        if self._open is None or self._open[0] != path:
            self.close()
            self._open = path, open_video(path, self._by)
        return self._open[1]

    def _joined_keyframes(self, facts: list[ClipFacts]) -> IntArray:
        are_keys = [
            np.isin(self.numbers[start:end], its.keyframes)
            for (start, end), its in zip(itertools.pairwise(self.bounds), facts, strict=True)
        ]
        keyframes = np.flatnonzero(np.concatenate(are_keys))
        return keyframes if len(keyframes) else np.zeros(1, np.int64)


def whole(path: Path, width: int, height: int) -> EditList:
    """A video alone on a canvas of another size; its frames keep their numbers.

    Raises:
        VideoError: as `open_video`.
    """
    seconds = max(1.0, math.ceil(clip_facts(path).info.duration_seconds))
    part = Part(path=path, sha256="", start=0.0, seconds=seconds)
    return EditList(version=1, width=width, height=height, parts=(part,))


def _placed(path: Path, part: Part, facts: ClipFacts) -> IntArray:
    """The numbers [n] of the frames that a part shows; at least one.

    Raises:
        VideoError: the clip ends over a second before the part.
    """
    end, duration = part.start + part.seconds, facts.info.duration_seconds
    if part.start >= duration or end >= duration + 1 + _SAME_TIME:
        raise VideoError(
            f"edit list {path} shows {part.start:g} to {end:g} s of {part.path}, which lasts "
            f"{duration:g} s; if the clip was changed, make the list again"
        )
    first = int(np.searchsorted(facts.times, part.start + _SAME_TIME, side="right")) - 1
    last = int(np.searchsorted(facts.times, end - _SAME_TIME))
    return np.arange(max(first, 0), max(last, first + 1, 1), dtype=np.int64)


def _fitted(width: int, height: int, canvas: tuple[int, int]) -> tuple[int, int]:
    """The largest size of this aspect within the canvas, 1 pixel at least."""
    scale = min(canvas[0] / width, canvas[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _on_canvas(picture: Pixels, size: tuple[int, int], canvas: tuple[int, int]) -> Pixels:
    """The picture [h, w, 3] at `size`, centred on a black canvas; sizes are (width, height)."""
    if picture.shape[:2] != size[::-1]:  # smaller than the canvas, or rounded
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    if size == canvas:
        return picture
    left, top = (canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2
    padded = np.zeros((canvas[1], canvas[0], 3), np.uint8)
    padded[top : top + size[1], left : left + size[0]] = picture
    return padded
