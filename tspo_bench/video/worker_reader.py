"""Reads a video by worker processes, so that its decoder can harm nothing else."""

from __future__ import annotations

import itertools
import logging
import pickle
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from pebble import ProcessFuture

from tspo_bench.errors import VideoError
from tspo_bench.profiling import side_stage
from tspo_bench.types import CandidateRule, FloatArray, Frames, IntArray, Pixels
from tspo_bench.video import settings
from tspo_bench.video.base import checked_indices, scaled_size
from tspo_bench.video.candidates import candidate_indices
from tspo_bench.video.lanes import DecoderLostError, Lane, lanes, result_of
from tspo_bench.video.parts import split
from tspo_bench.video.shared_memory import SharedBytes, shared_bytes
from tspo_bench.video.worker import Piece, decode_piece, open_file

T = TypeVar("T")

_log = logging.getLogger(__name__)
_PIECE_BYTES = 32 << 20
_PART_FRAMES = 16
_AHEAD = 2  # pieces queued in each lane
_keys = itertools.count()
# Files whose decoder crashed or hung, with the error: this process does not try them again.
_given_up: dict[tuple[object, ...], str] = {}
_warned: set[str] = set()


@dataclass
class _Sent:
    """A piece at work."""

    future: ProcessFuture[list[Pixels] | None]
    count: int
    memory: SharedBytes | None


class WorkerReader:
    """Reads frames of one file through worker processes. See `VideoReader` for the methods.

    The packets are read once, in one of them; then each decodes other parts of the video, cut at
    keyframes.

    Raises:
        VideoError: as `open_video`; also if the decoder crashes, takes longer for a piece of work
            than `--video-timeout` allows, or too much memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._check()
        self._folder = Path() if self._path.is_absolute() else Path.cwd()
        first = lanes()[0].submit(open_file, self._path, self._folder, settings.trust_packets)
        self._opened, warnings = self._result(first)
        for line in warnings:
            if line not in _warned:
                _log.warning(line)
            _warned.add(line)
        self.info = self._opened.info
        self._key = f"{next(_keys)} {path}"
        self.timeline = self._opened.timeline
        self._times = self.timeline.seconds
        self._shared: SharedBytes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; workers close it when they need room for others."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    @property
    def times(self) -> FloatArray:
        """When each frame of the video is shown, [num_frames] seconds."""
        return self._times

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
        frames = self._frames(indices, short_side, _PART_FRAMES)
        try:
            for start in range(0, len(indices), batch_size):
                batch = indices[start : start + batch_size]
                yield self._batch(batch, itertools.islice(frames, len(batch)), short_side)
        finally:
            frames.close()

    def fetch(self, indices: Sequence[int] | IntArray, short_side: int | None = None) -> Frames:
        """Decode chosen frames; see `VideoReader.fetch`."""
        wanted = checked_indices(self.info, indices)
        distinct, inverse = np.unique(wanted, return_inverse=True)
        size = max(1, len(distinct) // (2 * len(lanes())))
        pixels = self._frames(distinct, short_side, min(size, _PART_FRAMES))
        frames = self._batch(distinct, pixels, short_side)
        if np.array_equal(wanted, distinct):
            return frames
        return Frames(wanted, frames.seconds[inverse], frames.pixels[inverse])

    def _batch(self, indices: IntArray, frames: Iterator[Pixels], short_side: int | None) -> Frames:
        width, height = scaled_size(self.info.width, self.info.height, short_side)
        pixels = np.empty((len(indices), height, width, 3), np.uint8)
        with side_stage("decode") as done:
            for slot, frame in zip(pixels, frames, strict=True):
                slot[:] = frame
            done.frames, done.num_bytes = len(pixels), pixels.nbytes
        return Frames(indices, self.times[indices], pixels)

    def _frames(self, indices: IntArray, short_side: int | None, size: int) -> Generator[Pixels]:
        """The frames with these rising numbers, each [h, w, 3]."""
        self._check()
        width, height = scaled_size(self.info.width, self.info.height, short_side)
        sent: deque[_Sent] = deque()
        pieces = self._pieces(indices, short_side, size, 3 * width * height)
        try:
            for lane, piece in pieces:
                sent.append(self._send(lane, piece, 3 * width * height))
                if len(sent) >= _AHEAD * len(lanes()):
                    yield from self._received(sent.popleft(), (height, width, 3))
            while sent:
                yield from self._received(sent.popleft(), (height, width, 3))
        finally:
            for rest in sent:
                Future.cancel(rest.future)  # pebble's own would end the process of a running one
                if rest.memory is not None:
                    rest.memory.close()

    def _pieces(
        self, indices: IntArray, short_side: int | None, size: int, frame_bytes: int
    ) -> Iterator[tuple[Lane, Piece]]:
        """What to decode, and where: a part's pieces, one after the other, in the same lane."""
        parts = split(self._opened, indices, size)
        count = max(1, min(size, _PIECE_BYTES // frame_bytes))
        opened = self._share() if parts else b""
        for part, lane in zip(parts, itertools.cycle(lanes()), strict=False):
            for start in range(0, len(part), count):
                rest = part[start:]
                yield (
                    lane,
                    Piece(
                        path=self._path,
                        folder=self._folder,
                        key=self._key,
                        opened=opened,
                        indices=rest,
                        count=min(count, len(rest)),
                        short_side=short_side,
                        alone=len(parts) == 1,
                    ),
                )

    def _share(self) -> str | bytes:
        """The opened file, pickled for the workers."""
        if self._shared is not None:
            return self._shared.path
        data = pickle.dumps(self._opened)
        self._shared = shared_bytes(len(data))
        if self._shared is None:
            return data
        self._shared.array()[:] = np.frombuffer(data, np.uint8)
        return self._shared.path

    def _send(self, lane: Lane, piece: Piece, frame_bytes: int) -> _Sent:
        memory = shared_bytes(piece.count * frame_bytes)
        if memory is not None:
            piece = replace(piece, pixels=memory.path)
        return _Sent(lane.submit(decode_piece, piece), piece.count, memory)

    def _received(self, sent: _Sent, shape: tuple[int, int, int]) -> Iterator[Pixels]:
        try:
            returned = self._result(sent.future)
        finally:
            if sent.memory is not None:
                sent.memory.close()
        if sent.memory is None:
            yield from returned or ()
        else:
            yield from sent.memory.array().reshape(sent.count, *shape)

    def _result(self, future: ProcessFuture[T]) -> T:
        try:
            return result_of(future, self._path)
        except DecoderLostError as error:
            _given_up[_identity(self._path)] = str(error)
            raise

    def _check(self) -> None:
        known = _given_up.get(_identity(self._path)) if _given_up else None
        if known:
            raise VideoError(known)


def _identity(path: Path) -> tuple[object, ...]:
    try:
        status = path.stat()
    except OSError:
        return (path,)
    return path, status.st_size, status.st_mtime_ns
