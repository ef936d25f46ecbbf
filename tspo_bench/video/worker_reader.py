"""Reads a video by worker processes, so that its decoder can harm nothing else."""

from __future__ import annotations

import itertools
import logging
import pickle
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from tspo_bench.errors import VideoError
from tspo_bench.types import IntArray, Pixels
from tspo_bench.video import settings
from tspo_bench.video.base import scaled_size
from tspo_bench.video.lanes import DecoderLostError, Lane, Work, lanes
from tspo_bench.video.parts import split
from tspo_bench.video.shared_memory import Address, SharedBytes, shared_bytes
from tspo_bench.video.timeline_reader import TimelineReader
from tspo_bench.video.worker import Piece, decode_piece, open_file

T = TypeVar("T")

_log = logging.getLogger(__name__)
_PIECE_BYTES = 16 << 20
# Many parts, so that all workers end at about the same time: frames in each at most, and how many
# each lane has at least where there are frames enough.
_PART_FRAMES, _PARTS_PER_LANE = 8, 16
_AHEAD = 4  # pieces queued for each lane
_keys = itertools.count()
# Files whose decoder crashed or hung, with the error: this process does not try them again.
_given_up: dict[tuple[object, ...], str] = {}
_warned: set[str] = set()


@dataclass
class _Sent:
    """A piece at work."""

    work: Work[list[Pixels] | None]
    count: int
    memory: SharedBytes | None


class WorkerReader(TimelineReader):
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
        lane = _least_busy()
        first = lane.submit(open_file, self._path, self._folder, settings.trust_packets)
        self._opened, warnings = self._result(first)
        for line in warnings:
            if line not in _warned:
                _log.warning(line)
            _warned.add(line)
        self.info = self._opened.info
        self._key = f"{next(_keys)} {path}"
        self.timeline = self._opened.timeline
        self._shared: SharedBytes | None = None

    def close(self) -> None:
        """Let go of the file; workers close it when they need room for others."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    def pictures(self, indices: IntArray, short_side: int | None) -> Iterator[Pixels]:
        """The frames with these rising numbers, each [h, w, 3], scaled and upright."""
        self._check()
        width, height = scaled_size(self.info.width, self.info.height, short_side)
        sent: deque[_Sent] = deque()
        lane = _least_busy()
        try:
            for piece, begins_part in self._pieces(indices, short_side, 3 * width * height):
                if begins_part:
                    lane = _least_busy()
                sent.append(self._send(lane, piece, 3 * width * height))
                if len(sent) >= _AHEAD * len(lanes()):
                    yield from self._received(sent.popleft(), (height, width, 3))
            while sent:
                yield from self._received(sent.popleft(), (height, width, 3))
        finally:
            for rest in sent:  # not cancelled: that would end the process of a running one
                if rest.memory is not None:
                    rest.memory.close()

    def _pieces(
        self, indices: IntArray, short_side: int | None, frame_bytes: int
    ) -> Iterator[tuple[Piece, bool]]:
        """What to decode, and whether a piece begins a part: one lane decodes all of a part."""
        size = min(_PART_FRAMES, max(1, len(indices) // (_PARTS_PER_LANE * len(lanes()))))
        parts = split(self._opened, indices, size)
        # A video that is one part is decoded again from its start where a fresh process takes over.
        count = max(1, min(size if len(parts) > 1 else len(indices), _PIECE_BYTES // frame_bytes))
        opened = self._share() if parts else b""
        for part in parts:
            for start in range(0, len(part), count):
                rest = part[start:]
                piece = Piece(
                    path=self._path,
                    folder=self._folder,
                    key=self._key,
                    opened=opened,
                    indices=rest,
                    count=min(count, len(rest)),
                    short_side=short_side,
                    alone=len(parts) == 1,
                )
                yield piece, start == 0

    def _share(self) -> Address | bytes:
        """The opened file, pickled for the workers."""
        if self._shared is not None:
            return self._shared.address
        data = pickle.dumps(self._opened)
        self._shared = shared_bytes(len(data))
        if self._shared is None:
            return data
        self._shared.array()[:] = np.frombuffer(data, np.uint8)
        return self._shared.address

    def _send(self, lane: Lane, piece: Piece, frame_bytes: int) -> _Sent:
        memory = shared_bytes(piece.count * frame_bytes)
        if memory is not None:
            piece = replace(piece, pixels=memory.address)
        return _Sent(lane.submit(decode_piece, piece), piece.count, memory)

    def _received(self, sent: _Sent, shape: tuple[int, int, int]) -> Iterator[Pixels]:
        try:
            returned = self._result(sent.work)
        finally:
            if sent.memory is not None:
                sent.memory.close()
        if sent.memory is None:
            yield from returned or ()
        else:
            yield from sent.memory.array().reshape(sent.count, *shape)

    def _result(self, work: Work[T]) -> T:
        try:
            return work.result(self._path)
        except DecoderLostError as error:
            _given_up[_identity(self._path)] = str(error)
            raise

    def _check(self) -> None:
        known = _given_up.get(_identity(self._path)) if _given_up else None
        if known:
            raise VideoError(known)


def _least_busy() -> Lane:
    return min(lanes(), key=lambda lane: lane.num_waiting)


def _identity(path: Path) -> tuple[object, ...]:
    try:
        status = path.stat()
    except OSError:
        return (path,)
    return path, status.st_size, status.st_mtime_ns
