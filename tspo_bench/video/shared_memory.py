"""Memory that this process and a worker process both map."""

from __future__ import annotations

import mmap
import os

import numpy as np

from tspo_bench.types import Pixels


def shared_bytes(size: int) -> SharedBytes | None:
    """New shared memory; None where there is none, or not so much: other systems, `ulimit -f`."""
    try:
        return SharedBytes(size) if hasattr(os, "memfd_create") else None
    except OSError:
        return None


class SharedBytes:
    """A block of memory; `path` lets another process of the same user map it while it is open.

    It is a file without a name (Linux): it needs no room in /dev/shm, 64 MB in a default container,
    and is gone with the process, however that ends.
    """

    def __init__(self, size: int) -> None:
        self._file = os.memfd_create("tspo-bench")
        self.path = f"/proc/{os.getpid()}/fd/{self._file}"
        try:
            os.ftruncate(self._file, size)
            self._map = mmap.mmap(self._file, size)
        except OSError:
            os.close(self._file)
            raise

    def array(self) -> Pixels:
        """The block's bytes, [size]; they stay valid after `close`, as long as the array lives."""
        return np.frombuffer(self._map, np.uint8)

    def close(self) -> None:
        """Let no other process map it from now on."""
        os.close(self._file)


def map_shared(path: str) -> Pixels:
    """The bytes of another process's `SharedBytes`, [size], writable."""
    return np.memmap(path, np.uint8, mode="r+")
