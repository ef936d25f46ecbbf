"""The second reader: decord 0.6.0, what most published code reads frames with."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from av.video.frame import VideoFrame

from tspo_bench.errors import UserError, VideoError
from tspo_bench.types import CandidateRule, FloatArray, Frames, IntArray, Pixels, VideoInfo
from tspo_bench.video.base import checked_indices, scaled_size
from tspo_bench.video.candidates import candidate_indices
from tspo_bench.video.opening import file_url
from tspo_bench.video.pyav_reader import PyAVReader
from tspo_bench.video.rgb import RGBConverter
from tspo_bench.video.timeline import Timeline

# Elsewhere (MPEG-TS, AVI) it returned wrong frames with no error: docs/video.md.
_CONTAINERS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})

# Frames at full size that are held at once while they are scaled down.
_FULL_SIZE_FRAMES = 8


class DecordReader:
    """Reads mp4 and Matroska files by decord. See `VideoReader` for the methods.

    Frame numbers and times come from the same table as the PyAV reader's; files that decord is
    known to misread are rejected. Where a file has several video streams or is turned, some of
    decord's pictures are compared with PyAV's.

    Raises:
        VideoError: as `PyAVReader`, or decord would misread the file.
        UserError: decord is not installed, or decord2 is installed over it.
    """

    def __init__(self, path: Path) -> None:
        self._decord = _import_decord()
        with PyAVReader(path) as probe:
            self.info: VideoInfo = probe.info
            self._seconds = probe.timeline.seconds
            self.keyframes = probe.keyframes
            reason = _misread(probe.timeline, probe.container_format)
            proof = probe.fetch(_spread(probe.info)) if _may_differ(probe) else None
        if reason is not None:
            raise VideoError(f"video {path}: decord misreads {reason}; use the reader 'pyav'")
        self._reader = self._open()
        count = len(self._reader)
        if count != self.info.num_frames:
            raise VideoError(
                f"video {path}: decord counts {count} frames, the file holds "
                f"{self.info.num_frames}; use the reader 'pyav'"
            )
        if proof is not None and not self._agrees(proof):
            raise VideoError(
                f"video {path}: decord takes another of its video streams, or shows its pictures "
                "in another orientation; use the reader 'pyav'"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and the decoder."""
        self._reader = None

    @property
    def times(self) -> FloatArray:
        """When each frame of the video is shown, [num_frames] seconds."""
        return self._seconds

    def scan(
        self,
        rate: float = 1.0,
        short_side: int | None = None,
        batch_size: int = 64,
        rule: CandidateRule = "auto",
    ) -> Iterator[Frames]:
        """Stream the candidates in batches; see `VideoReader.scan`."""
        indices = candidate_indices(self.info, self.times, rate, rule, self.keyframes)
        for start in range(0, len(indices), batch_size):
            yield self.fetch(indices[start : start + batch_size], short_side)

    def fetch(self, indices: Sequence[int] | IntArray, short_side: int | None = None) -> Frames:
        """Decode chosen frames; see `VideoReader.fetch`."""
        wanted = checked_indices(self.info, indices)
        width, height = scaled_size(self.info.width, self.info.height, short_side)
        scaled = RGBConverter(width, height)
        pixels = np.empty((len(wanted), height, width, 3), np.uint8)
        for start in range(0, len(wanted), _FULL_SIZE_FRAMES):
            batch = self._decode(wanted[start : start + _FULL_SIZE_FRAMES])
            for slot, picture in zip(pixels[start:], batch, strict=False):
                slot[:] = picture if short_side is None else scaled(_as_frame(picture))
        self._reader.seek(0)  # without it decord's memory grows with every call
        return Frames(wanted, self._seconds[wanted], pixels)

    def _agrees(self, proof: Frames) -> bool:
        return np.array_equal(self._decode(proof.indices), proof.pixels)

    def _decode(self, indices: IntArray) -> Pixels:
        try:
            return np.asarray(self._reader.get_batch(indices.tolist()).asnumpy(), np.uint8)
        except (self._decord.DECORDError, self._decord.DECORDLimitReachedError) as error:
            raise VideoError(
                f"video {self.info.path}: decord cannot decode frames {indices[0]} to "
                f"{indices[-1]} of {self.info.num_frames} ({_first_line(error)}); "
                "use the reader 'pyav' or fetch the file again"
            ) from error

    def _open(self) -> Any:
        """decord's reader at full size: with scaling it fails on some sizes (80 x 48 upright)."""
        try:
            return self._decord.VideoReader(file_url(self.info.path), fault_tol=0)
        except UnicodeEncodeError as error:
            raise VideoError(
                f"video {self.info.path}: decord cannot open a name that is not UTF-8; "
                "use the reader 'pyav'"
            ) from error
        except (self._decord.DECORDError, RuntimeError) as error:
            raise VideoError(
                f"video {self.info.path}: decord cannot open it ({_first_line(error)}); "
                "use the reader 'pyav'"
            ) from error


def _as_frame(picture: Pixels) -> VideoFrame:
    return VideoFrame.from_ndarray(picture, "rgb24")


def _misread(timeline: Timeline, container: str) -> str | None:
    """Why decord would silently return other frames of this file than those asked for."""
    if container not in _CONTAINERS:
        return f"files of the kind {container}"
    if len(timeline.packets) != len(timeline):
        return "files with packets that are not shown"
    if timeline.open_gop:
        return "files with open groups of pictures"
    if (np.diff(timeline.pts) <= 0).any() or timeline.recordings.any():
        return "files with equal times, or of several recordings"
    return None


def _may_differ(probe: PyAVReader) -> bool:
    """Whether decord could show other pictures: some files have more than one, or turn them.

    Its FFmpeg (4.x) ranks streams without their default flag, and it turns pictures by a "rotate"
    tag alone, which that FFmpeg makes of MP4's matrix without the mirrors.
    """
    turned = probe.info.mirrored or probe.info.rotation or probe.has_rotate_tag
    return bool(turned) or probe.num_video_streams > 1


def _spread(info: VideoInfo) -> IntArray:
    """Some frame numbers from the first to the last."""
    return np.unique(np.linspace(0, info.num_frames - 1, 4).astype(np.int64))


def _import_decord() -> Any:
    """The module, quiet.

    Raises:
        UserError: it is missing, or it is the fork that returns wrong frames.
    """
    try:
        importlib.metadata.version("decord2")
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        raise UserError(
            "decord2 returns wrong frames and takes decord's place: "
            "uninstall both and install decord==0.6.0, or use the reader 'pyav'"
        )
    try:
        import decord
    except (ImportError, OSError) as error:
        raise UserError(
            f"the reader 'decord' is not available ({error}): "
            "install decord==0.6.0, or use the reader 'pyav'"
        ) from error
    decord.logging.set_level(decord.logging.QUIET)
    return decord


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].rpartition("] ")[2] if lines else type(error).__name__
