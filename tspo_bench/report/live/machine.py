"""This machine's view of a run: which process writes it, its memory, the GPUs."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_AGAIN_SECONDS = 10.0  # between two looks through all processes
_QUERY = "--query-gpu=name,utilization.gpu,memory.used,memory.total"
_MIB = 1 << 20


@dataclass(frozen=True)
class Gpu:
    """A GPU: `busy` is a share of 1, memory in bytes; None if the driver does not report it."""

    name: str
    busy: float | None
    memory_used: int | None
    memory: int | None


@dataclass(frozen=True)
class Usage:
    """The resources of a process: `cores` of the machine's `num_cores` at work, memory in bytes.

    `cores` is a mean since the last look; None at the first.
    """

    pid: int
    cores: float | None
    num_cores: int
    memory: int
    machine_memory_used: int
    machine_memory: int


class Writer:
    """Finds the process of this machine that has some files open for writing.

    A user sees only processes of their own (root: of all).
    """

    def __init__(self) -> None:
        self._process: psutil.Process | None = None
        self._looked = float("-inf")
        self._measured: int | None = None  # the process whose cores were asked for before

    def is_writing(self, paths: Sequence[Path]) -> bool:
        """Whether there is such a process; all processes are looked through now and then."""
        wanted = {os.path.realpath(path) for path in paths}
        if self._process is not None and _has_open(self._process, wanted):
            return True
        self._process = None
        if time.monotonic() - self._looked > _AGAIN_SECONDS:
            self._looked = time.monotonic()
            found = (one for one in psutil.process_iter() if _has_open(one, wanted))
            self._process = next(found, None)
        return self._process is not None

    def usage(self) -> Usage | None:
        """The resources of the process now; None without one."""
        if self._process is None:
            return None
        try:
            busy = self._process.cpu_percent() / 100
            memory = self._process.memory_info().rss
        except psutil.Error:
            return None
        cores = busy if self._measured == self._process.pid else None
        self._measured = self._process.pid
        machine = psutil.virtual_memory()
        return Usage(
            self._process.pid,
            cores,
            psutil.cpu_count() or 1,
            memory,
            machine.total - machine.available,
            machine.total,
        )


def _has_open(process: psutil.Process, paths: Collection[str]) -> bool:
    try:
        files = process.open_files()
    except (psutil.Error, OSError):  # it has ended, or is another user's
        return False
    return any(file.path in paths and getattr(file, "mode", "a") != "r" for file in files)


def gpus() -> list[Gpu]:
    """The NVIDIA GPUs of this machine; none where the driver's nvidia-smi is not installed.

    torch would report them too, but takes seconds to import and memory of the GPU to ask.
    """
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", _QUERY, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = csv.reader(done.stdout.splitlines(), skipinitialspace=True)
    return [_gpu(row) for row in rows if len(row) == 4]


def _gpu(row: Sequence[str]) -> Gpu:
    busy, used, total = (int(text) if text.isdecimal() else None for text in row[1:])
    return Gpu(
        row[0],
        None if busy is None else busy / 100,
        None if used is None else used * _MIB,
        None if total is None else total * _MIB,
    )
