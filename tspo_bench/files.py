"""The folders of files kept between runs, and writing them whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tspo_bench.errors import UserError

CACHE_VARIABLE = "TSPO_BENCH_CACHE"
CACHE_HINT = f"make room, or set {CACHE_VARIABLE} to a folder on another disk"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()  # read once: asking sets it for a moment, for all threads


def user_path(path: str | Path) -> Path:
    """A path with `~` as the home folder; of a user who is not there it stays as it is."""
    return Path(os.path.expanduser(path))  # Path's own method raises for such a user


def cache_folder(name: str) -> Path:
    """The folder `name` of the cache, made if need be.

    The cache lies at $TSPO_BENCH_CACHE, by default ~/.cache/tspo-bench.

    Raises:
        UserError: the folder cannot be made.
    """
    root = user_path(os.environ.get(CACHE_VARIABLE) or "~/.cache/tspo-bench")
    return make_folder(root / name, hint=f"set {CACHE_VARIABLE} to a folder you can write to")


def make_folder(path: Path, hint: str) -> Path:
    """Make a folder with its parents; `hint` is the way out if that fails.

    Raises:
        UserError: no permission, or a file is in the way.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make folder {path}: {error.strerror}; {hint}") from error
    if not os.access(path, os.W_OK):
        raise UserError(f"no write permission in {path}; {hint}")
    return path


@contextlib.contextmanager
def atomic_write(path: Path, hint: str = "make room there") -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends well.

    Two processes may write the same file at once: readers see one version or the other, whole.
    `hint` is the way out if it cannot be written.

    Raises:
        UserError: no permission, the disk is full, or another `OSError` of the block.
    """
    try:
        with _temporary_beside(path) as temporary:
            yield temporary
            temporary.chmod(0o666 & ~_UMASK)  # mkstemp's files are for their owner alone
            os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; {hint}") from error


@contextlib.contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
