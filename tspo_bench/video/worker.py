"""What runs in a worker process: it opens files and decodes pieces of them on request."""

from __future__ import annotations

import itertools
import logging
import os
import pickle
import resource
import sys
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tspo_bench.types import IntArray, Pixels
from tspo_bench.video import trust_packets
from tspo_bench.video.opened import OpenedVideo
from tspo_bench.video.pyav_reader import PyAVReader
from tspo_bench.video.shared_memory import Address, map_shared

# Address space of a worker. A decoder that takes more (a broken header asks for it) is stopped.
_MEMORY_BYTES = 8 << 30
_MOST_OPEN = 2  # files that a worker keeps open


@dataclass(frozen=True)
class Piece:
    """Frames to decode, the next ones of a part of a video.

    Attributes:
        path: the video file.
        folder: the current folder, which `path` may be relative to.
        key: names the opened file, so that it is opened once in each worker.
        opened: a pickled `OpenedVideo`, or where in shared memory it is.
        indices: rising frame numbers, the rest of the part.
        count: how many of them to decode now.
        short_side: see `VideoReader`.
        alone: no other worker decodes this video at the time, so FFmpeg may use several threads.
        pixels: the shared memory to write to; None: return them.
    """

    path: Path
    folder: Path
    key: str
    opened: Address | bytes
    indices: IntArray
    count: int
    short_side: int | None
    alone: bool
    pixels: Address | None = None


class _Open:
    """A file that this worker holds open, with the part that it decodes."""

    def __init__(self, piece: Piece) -> None:
        data = piece.opened
        if isinstance(data, Address):
            data = map_shared(data).tobytes()
        opened: OpenedVideo = pickle.loads(data)  # written by the process that started this one
        self.reader = PyAVReader(piece.path, opened)
        self._part: tuple[IntArray, int | None] = np.zeros(0, np.int64), None
        self._frames: Iterator[Pixels] = iter(())

    def decode(self, piece: Piece) -> Iterator[Pixels]:
        """The piece's frames; what the piece before it began is carried on."""
        rest, short_side = self._part
        if short_side != piece.short_side or not np.array_equal(rest, piece.indices):
            self.reader.use_threads(several=piece.alone)
            self._frames = self.reader.pictures(piece.indices, piece.short_side)
        self._part = np.zeros(0, np.int64), None  # until all of the piece came
        yield from itertools.islice(self._frames, piece.count)
        self._part = piece.indices[piece.count :], piece.short_side


_open_files: OrderedDict[str, _Open] = OrderedDict()


def start_worker() -> None:
    """Prepare a fresh worker process."""
    if sys.platform == "linux":  # elsewhere the system does not keep to it
        resource.setrlimit(resource.RLIMIT_AS, (memory_limit(), memory_limit()))


def memory_limit() -> int:
    """Bytes that a worker may take: 8 GB, or what `ulimit -v` allows."""
    limits = [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit >= 0]
    return min([_MEMORY_BYTES, *limits])


def open_file(path: Path, folder: Path, trusts_packets: bool) -> tuple[OpenedVideo, list[str]]:
    """Open a file for the first time; returns what was found, and the warnings given.

    Raises:
        VideoError: see `open_video`.
    """
    os.chdir(folder)
    trust_packets(trusts_packets)
    with _Warnings() as warnings, PyAVReader(path) as reader:
        return reader.opened, warnings


def decode_piece(piece: Piece) -> list[Pixels] | None:
    """Decode frames into shared memory, or return them where there is none.

    Raises:
        VideoError: a frame cannot be decoded.
        MemoryClosedError: nobody wants the piece any more; it is not decoded.
    """
    os.chdir(piece.folder)  # at each piece: an open file is opened again to seek
    target = None if piece.pixels is None else map_shared(piece.pixels)
    frames = _opened(piece).decode(piece)
    if target is None:
        return [np.array(frame) for frame in frames]
    place = 0
    for frame in frames:
        target[place : place + frame.size] = frame.reshape(-1)
        place += frame.size
    return None


def _opened(piece: Piece) -> _Open:
    """The piece's file, opened now unless this worker has it open."""
    file = _open_files.pop(piece.key, None) or _Open(piece)
    while len(_open_files) >= _MOST_OPEN:
        _open_files.popitem(last=False)[1].reader.close()
    _open_files[piece.key] = file
    return file


class _Warnings(logging.Handler):
    """Collects what is logged, for the process that this one works for."""

    def __enter__(self) -> list[str]:
        self._lines: list[str] = []
        self._logger = logging.getLogger("tspo_bench")
        self._logger.addHandler(self)
        self._logger.propagate = False
        return self._lines

    def __exit__(self, *exc: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())
