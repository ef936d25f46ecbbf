"""Worker processes that decode, each with a queue of its own.

A decoder can crash, hang or take all memory on a broken file. In a process of its own that costs
the file, not the run. See pebble, https://pebble.readthedocs.io.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from tspo_bench.errors import VideoError
from tspo_bench.video import settings
from tspo_bench.video.worker import memory_limit, start_worker

T = TypeVar("T")

# A fresh process after so many pieces: what a decoder leaks is then returned.
_PIECES_PER_PROCESS = 400
_MOST_LANES = 8
_LOOK_SECONDS = 1.0  # between looks whether a pool still works
_lanes: list[Lane] = []
_locks = {"lanes": threading.Lock(), "start": threading.Lock()}


class DecoderLostError(VideoError):
    """A worker process crashed, hung or ran out of memory over a file."""


@dataclass
class Work(Generic[T]):
    """Work on a video file, given to a lane."""

    lane: Lane
    function: Callable[..., T]
    args: tuple[Any, ...]
    pool: ProcessPool
    future: ProcessFuture[T]

    def result(self, path: Path) -> T:
        """Wait for what the work on this file returns. If its process died before, it is repeated.

        Raises:
            DecoderLostError: its process crashed, or took longer or more memory than allowed.
            VideoError: no process could begin the work.
        """
        try:
            try:
                return self._wait()
            except BrokenProcessPool:
                return self.lane.submit(self.function, *self.args)._wait()
        except TimeoutError:
            raise DecoderLostError(
                f"video {path}: the decoder made no progress for {settings.timeout_seconds:g} s; "
                "the file is damaged, or reading it is slow: re-encode it by ffmpeg or raise "
                "--video-timeout"
            ) from None
        except ProcessExpired as error:
            raise DecoderLostError(
                f"video {path}: the decoder crashed ({_cause(error.exitcode)}); re-encode it by "
                "ffmpeg"
            ) from None
        except BrokenProcessPool:
            raise VideoError(
                f"video {path}: the process that decodes was killed, or could not be started, "
                "before it read the file; is there enough memory? Try again"
            ) from None
        except MemoryError:
            raise DecoderLostError(
                f"video {path}: decoding takes more than {memory_limit() / 2**30:.3g} GB of "
                "memory; re-encode it by ffmpeg"
            ) from None

    def _wait(self) -> T:
        while True:
            try:
                return self.future.result(timeout=_LOOK_SECONDS)
            except TimeoutError:
                if self.future.done():
                    return self.future.result()
                if not self.pool.active:  # pebble forgets what it had not yet sent
                    raise BrokenProcessPool from None


class Lane:
    """One worker process; its work is done in the order in which it is given.

    A process that died is replaced. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._pool = _new_pool()
        self._waiting: list[ProcessFuture[Any]] = []
        self._lock = threading.Lock()

    def submit(self, function: Callable[..., T], *args: Any) -> Work[T]:
        """Queue work."""
        with self._lock:
            try:
                future = self._schedule(function, args)
            except RuntimeError:  # the pool broke just now
                future = self._schedule(function, args)
            self._waiting = [one for one in (*self._waiting, future) if not one.done()]
            return Work(self, function, args, self._pool, future)

    @property
    def num_waiting(self) -> int:
        """How much work is not done."""
        return sum(not one.done() for one in self._waiting)

    def close(self) -> None:
        """End the process."""
        self._pool.stop()
        self._pool.join()

    def _schedule(self, function: Callable[..., T], args: tuple[Any, ...]) -> ProcessFuture[T]:
        if not self._pool.active:
            self._pool = _new_pool()
        return self._pool.schedule(function, args, timeout=settings.timeout_seconds)


def lanes() -> tuple[Lane, ...]:
    """The worker processes of this process, one a core."""
    with _locks["lanes"]:
        if not _lanes:
            _lanes.extend(Lane() for _ in range(min(_MOST_LANES, _num_cores())))
            for lane in _lanes:
                lane.submit(os.getpid)  # a pool starts its process at its first work
        return tuple(_lanes)


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _forget() -> None:
    """Begin anew in a forked process: it has none of the threads that serve the workers."""
    _lanes.clear()
    _locks.update({name: threading.Lock() for name in _locks})


os.register_at_fork(after_in_child=_forget)


def _new_pool() -> ProcessPool:
    return ProcessPool(
        max_workers=1,
        max_tasks=_PIECES_PER_PROCESS,
        initializer=start_worker,
        context=_Context(),
    )


def _cause(exit_code: int) -> str:
    return signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"


class _Process(SpawnProcess):
    """A process that does not import the user's script, which may lack a `__main__` guard."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802
        with _locks["start"], _without_main():
            return SpawnProcess._Popen(process_obj)


class _Context(SpawnContext):
    Process = _Process


@contextmanager
def _without_main() -> Iterator[None]:
    whole = spawn.get_preparation_data

    def without_main(name: str) -> dict[str, Any]:
        return {key: value for key, value in whole(name).items() if "main" not in key}

    spawn.get_preparation_data = without_main
    try:
        yield
    finally:
        spawn.get_preparation_data = whole
