"""Worker processes that decode, each with a queue of its own.

A decoder can crash, hang or take all memory on a broken file. In a process of its own that costs
the file, not the run. See pebble, https://pebble.readthedocs.io.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from tspo_bench.errors import VideoError
from tspo_bench.video import settings
from tspo_bench.video.worker import memory_limit, start_worker

T = TypeVar("T")

# A fresh process after so many pieces: what a decoder leaks is then returned.
_PIECES_PER_PROCESS = 400
_MOST_LANES = 8
_starting = threading.Lock()


class DecoderLostError(VideoError):
    """A worker process crashed, hung or ran out of memory over a file."""


class Lane:
    """One worker process; its work is done in the order in which it is given.

    A process that died is replaced.
    """

    def __init__(self) -> None:
        self._pool = _new_pool()

    def submit(self, function: Callable[..., T], *args: Any) -> ProcessFuture[T]:
        """Queue work. A future whose process dies or takes too long fails: see `result_of`."""
        if not self._pool.active:
            self._pool = _new_pool()
        return self._pool.schedule(function, args, timeout=settings.timeout_seconds)

    def close(self) -> None:
        """End the process."""
        self._pool.stop()
        self._pool.join()


def result_of(future: ProcessFuture[T], path: Path) -> T:
    """The result of work on a video file.

    Raises:
        DecoderLostError: its process crashed, or took longer or more memory than allowed.
        VideoError: its process ended before the work began.
    """
    try:
        return future.result()
    except TimeoutError:
        raise DecoderLostError(
            f"video {path}: the decoder made no progress for {settings.timeout_seconds:g} s; "
            "the file is damaged, or reading it is slow: re-encode it by ffmpeg or raise "
            "--video-timeout"
        ) from None
    except ProcessExpired as error:
        raise DecoderLostError(
            f"video {path}: the decoder crashed ({_cause(error.exitcode)}); re-encode it by ffmpeg"
        ) from None
    except BrokenProcessPool:
        raise VideoError(
            f"video {path}: the process that decodes was killed, or could not be started, before "
            "it read the file; is there enough memory? Try again"
        ) from None
    except MemoryError:
        raise DecoderLostError(
            f"video {path}: decoding takes more than {memory_limit() / 2**30:.3g} GB of memory; "
            "re-encode it by ffmpeg"
        ) from None


@functools.cache
def lanes() -> tuple[Lane, ...]:
    """The worker processes of this process, one a core."""
    started = tuple(Lane() for _ in range(min(_MOST_LANES, _num_cores())))
    for lane in started:
        lane.submit(os.getpid)  # a pool starts its process at its first work: all start together
    return started


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# A forked process has none of the threads that serve the workers.
os.register_at_fork(after_in_child=lanes.cache_clear)


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
        with _starting, _without_main():
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
