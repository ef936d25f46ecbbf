"""Memory that this process and a worker process both map."""

from __future__ import annotations

import mmap
import os
from typing import NamedTuple

import numpy as np

from tspo_bench.types import Pixels


class Address(NamedTuple):
    """Where another process of the same user finds a block, and by what it knows it again."""

    path: str
    device: int
    inode: int


class MemoryClosedError(Exception):
    """The block was closed before another process mapped it: nobody wants its content."""


def shared_bytes(size: int) -> SharedBytes | None:
    """New shared memory; None where there is none, or not so much: other systems, `ulimit -f`."""
    try:
        return SharedBytes(size) if hasattr(os, "memfd_create") else None
    except OSError:
        return None


class SharedBytes:
    """A block of memory; by `address` another process may map it while it is open.

    It is a file without a name (Linux): it needs no room in /dev/shm, 64 MB in a default container,
    and is gone with the process, however that ends.
    """

    def __init__(self, size: int) -> None:
        self._file = os.memfd_create("tspo-bench")
        status = os.fstat(self._file)
        path = f"/proc/{os.getpid()}/fd/{self._file}"
        self.address = Address(path, status.st_dev, status.st_ino)
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


def map_shared(address: Address) -> Pixels:
    """The bytes of another process's `SharedBytes`, [size], writable.

    Raises:
        MemoryClosedError: it is closed; the path may name another file by now.
    """
    try:
        file = os.open(address.path, os.O_RDWR)
    except FileNotFoundError:
        raise MemoryClosedError from None
    try:
        status = os.fstat(file)
        if (status.st_dev, status.st_ino) != address[1:]:
            raise MemoryClosedError
        return np.frombuffer(mmap.mmap(file, status.st_size), np.uint8)
    finally:
        os.close(file)
