"""`tspo-bench doctor --cache`: what the cache holds, and what of it to remove."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError

_DAY = 24 * 3600


def cache_contents(root: Path, unused_days: float | None) -> dict[str, Any]:
    """Return files and bytes of each folder in the cache, after removing files if asked to.

    Args:
        root: the cache.
        unused_days: remove files neither read nor written for this many days, as far as the file
            system keeps access times; None removes nothing.

    Raises:
        UserError: a negative number of days.
    """
    if unused_days is not None and not unused_days >= 0:
        raise UserError(f"--prune must be >= 0 days (got {unused_days:g})")
    removed = {"files": 0, "bytes": 0}
    if unused_days is not None:
        for path, size, used in cached_files(root):
            if used < time.time() - unused_days * _DAY:
                with contextlib.suppress(OSError):  # a run may remove it too
                    path.unlink()
                    removed["files"] += 1
                    removed["bytes"] += size
    folders: dict[str, dict[str, int]] = {}
    for path, size, _ in cached_files(root):
        parts = path.relative_to(root).parts
        # Features lie in a folder for each encoder.
        name = "/".join(parts[: min(2, len(parts) - 1)]) or "."
        entry = folders.setdefault(name, {"files": 0, "bytes": 0})
        entry["files"] += 1
        entry["bytes"] += size
    return {"folder": str(root), "folders": folders, "removed": removed}


def cache_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the same for people."""
    for name, entry in sorted(found["folders"].items()):
        yield f"{entry['bytes'] / 1e6:>10.1f} MB  {entry['files']:>6} files  {name}"
    total = sum(entry["bytes"] for entry in found["folders"].values())
    yield f"{total / 1e6:>10.1f} MB in {found['folder']}"
    if found["removed"]["files"]:
        removed = found["removed"]
        yield f"removed {removed['files']} files, {removed['bytes'] / 1e6:.1f} MB"


def cached_files(root: Path) -> Iterator[tuple[Path, int, float]]:
    """Yield each file with its bytes and when it was last used."""
    for parent, _, names in os.walk(root):
        for path in (Path(parent, name) for name in names):
            with contextlib.suppress(OSError):  # a run may remove it meanwhile
                status = path.stat()
                yield path, status.st_size, max(status.st_atime, status.st_mtime)
