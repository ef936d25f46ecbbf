"""Memory that this process and a worker process both map."""

from __future__ import annotations

import mmap
import os

import numpy as np

from tspo_bench.types import Pixels

# Linux has files without a name: they need no room in /dev/shm (64 MB in a default container) and
# are gone with the process, however it ends.
AVAILABLE = hasattr(os, "memfd_create")


class SharedBytes:
    """A block of memory; `path` lets another process of the same user map it while it is open."""

    def __init__(self, size: int) -> None:
        self._file = os.memfd_create("tspo-bench")
        self.path = f"/proc/{os.getpid()}/fd/{self._file}"
        os.ftruncate(self._file, size)
        self._map = mmap.mmap(self._file, size)

    def array(self) -> Pixels:
        """The block's bytes, [size]; they stay valid after `close`, as long as the array lives."""
        return np.frombuffer(self._map, np.uint8)

    def close(self) -> None:
        """Let no other process map it from now on."""
        os.close(self._file)


def map_shared(path: str) -> Pixels:
    """The bytes of another process's `SharedBytes`, [size], writable."""
    return np.memmap(path, np.uint8, mode="r+")
