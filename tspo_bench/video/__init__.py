"""Files to frames: probe, streaming scan of candidates, random access."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
from pathlib import Path
from typing import TYPE_CHECKING

from tspo_bench.errors import UserError
from tspo_bench.types import VideoInfo
from tspo_bench.video import settings
from tspo_bench.video.edit_list import is_edit_list, read_edit_list

if TYPE_CHECKING:
    from tspo_bench.video.base import VideoReader

READERS = ("pyav", "decord")


def trust_packets(trust: bool = True) -> None:
    """Read files that end before their header says, as far as they go, with a warning.

    By default they are a `VideoError`. It holds for the whole process, in every thread; commands
    have the option --trust-packets.
    """
    settings.trust_packets = trust


def trusts_packets() -> bool:
    """Whether files that end before their header says are read (see `trust_packets`)."""
    return settings.trust_packets


def open_video(path: Path, reader: str = "pyav") -> VideoReader:
    """Open a video for reading; use it in a `with` block, one reader a thread.

    Args:
        path: the video file, or an edit list (`tspo_bench.video.edit_list`).
        reader: "pyav" (any file), or "decord" (mp4 and Matroska).

    Raises:
        VideoError: the file is missing, is not a video, is cut off, or its first frame is broken.
        UserError: the reader is unknown, or not installed.
    """
    if reader in READERS and is_edit_list(path):
        from tspo_bench.video.edit_reader import EditListReader

        return EditListReader(path, read_edit_list(path), reader)
    # A daemonic process (of multiprocessing.Pool, or a DataLoader) may not start others.
    in_workers = settings.in_workers and not multiprocessing.current_process().daemon
    if reader == "pyav" and in_workers:
        from tspo_bench.video.worker_reader import WorkerReader

        return WorkerReader(path)
    if reader == "pyav":
        from tspo_bench.video.pyav_reader import PyAVReader

        return PyAVReader(path)
    if reader == "decord":
        from tspo_bench.video.decord_reader import DecordReader

        return DecordReader(path)
    raise UserError(f"unknown video reader {reader!r}: known: {', '.join(READERS)}")


def probe(path: Path) -> VideoInfo:
    """Probe a video file: exact frame count, frame rate, shown size, rotation, codec.

    Reads every packet's header and decodes the first frame.

    Raises:
        VideoError: as `open_video`.
    """
    with open_video(path) as video:
        return video.info


def decoders() -> dict[str, str]:
    """The versions of the decoders that are installed, for `tspo-bench doctor`."""
    versions = {}
    for reader, package in (("pyav", "av"), ("decord", "decord")):
        try:
            versions[reader] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if "pyav" in versions:
        import av

        versions["ffmpeg"] = av.ffmpeg_version_info
    return versions
