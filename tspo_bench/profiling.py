"""Where a run's time goes: seconds, frames, bytes and tokens by stage.

The main thread is in one stage at a time, so its stages add up to wall time. The stages of other
threads run beside them, and one within another (decode in scan).
"""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

PLAN, WAIT, ANSWER = "plan", "wait for frames", "answer"


@dataclass
class Stage:
    """What was done in a stage.

    Attributes:
        seconds: spent, all threads together.
        frames: decoded, encoded or shown to the model.
        num_bytes: pixels decoded, features encoded.
        tokens: as a server counts them; of a checkpoint the visual ones.
    """

    seconds: float = 0.0
    frames: int = 0
    num_bytes: int = 0
    tokens: int = 0


@dataclass
class Profile:
    """The stages of a run.

    Attributes:
        main: those of the main thread; they add up to `wall_seconds`. All that is not another one
            is `plan`.
        beside: those of other threads.
        wall_seconds: how long the run took.
        worker_cpu_seconds: processor time of the worker processes, which decode.
    """

    main: dict[str, Stage] = field(default_factory=dict)
    beside: dict[str, Stage] = field(default_factory=dict)
    wall_seconds: float = 0.0
    worker_cpu_seconds: float = 0.0

    @property
    def waiting_share(self) -> float | None:
        """The share of the model's time in which it waits for frames; None if it had no work."""
        waited, answered = (self.main.get(name, Stage()).seconds for name in (WAIT, ANSWER))
        return waited / (waited + answered) if answered else None


class _Recorder:
    """Fills a profile."""

    def __init__(self) -> None:
        self.profile = Profile()
        self._lock = threading.Lock()
        self._stage, self._since = PLAN, time.perf_counter()
        self._begun, self._worker_cpu = self._since, _children_cpu()

    def enter(self, stage: str) -> str:
        """Let the main thread be in a stage; returns the one that it leaves."""
        left, now = self._stage, time.perf_counter()
        self.profile.main.setdefault(left, Stage()).seconds += now - self._since
        self._stage, self._since = stage, now
        return left

    def add(self, name: str, done: Stage) -> None:
        """Add to a stage of another thread."""
        with self._lock:
            _add(self.profile.beside.setdefault(name, Stage()), done)

    def finish(self) -> None:
        """Close the books."""
        self.enter(PLAN)
        self.profile.wall_seconds = self._since - self._begun
        self.profile.worker_cpu_seconds = max(0.0, _children_cpu() - self._worker_cpu)


_recorders: list[_Recorder] = []  # of the runs that this process does, one within another


@contextmanager
def profiled() -> Iterator[Profile]:
    """Record a run; its profile is complete when the block ends."""
    recorder = _Recorder()
    _recorders.append(recorder)
    try:
        yield recorder.profile
    finally:
        recorder.finish()
        _recorders.remove(recorder)


@contextmanager
def main_stage(name: str) -> Iterator[Stage]:
    """Let the main thread be in a stage; what else was done in it is added to what is yielded."""
    done = Stage()
    if not _recorders:
        yield done
        return
    recorder = _recorders[-1]
    outer = recorder.enter(name)
    try:
        yield done
    finally:
        recorder.enter(outer)
        _add(recorder.profile.main[name], done)


@contextmanager
def side_stage(name: str) -> Iterator[Stage]:
    """Time a stage of another thread; what else was done in it is added to what is yielded."""
    done, begun = Stage(), time.perf_counter()
    try:
        yield done
    finally:
        done.seconds += time.perf_counter() - begun
        record_stage(name, done)


def record_stage(name: str, done: Stage) -> None:
    """Add to a stage of another thread, if a run is recorded."""
    if _recorders:
        _recorders[-1].add(name, done)


def _add(stage: Stage, done: Stage) -> None:
    stage.seconds += done.seconds
    stage.frames += done.frames
    stage.num_bytes += done.num_bytes
    stage.tokens += done.tokens


def _children_cpu() -> float:
    """Processor seconds of the processes that this one started, those that have ended included."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime + ended.ru_stime
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.Error:  # it ends just now
            continue
        seconds += times.user + times.system
    return seconds
