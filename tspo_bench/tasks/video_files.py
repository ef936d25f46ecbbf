"""From a video's name in annotations to its file, whose name may differ after a download."""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

# In the order in which they are tried: the most common first.
VIDEO_SUFFIXES = (
    *(".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".flv", ".wmv", ".mpg", ".mpeg", ".ts"),
    *(".m2ts", ".mts", ".3gp", ".ogv", ".vob", ".gif"),
)


def find_file(folders: Iterable[Path], names: Sequence[str]) -> Path | None:
    """Return the first file of these names, folder by folder; None without any.

    Failing an exact match, the suffix may differ in case ("clip.MOV"), and letters may be composed
    differently (Unicode's NFC and NFD).

    Raises:
        OSError: a name is too long, or a folder cannot be read.
        ValueError: a name contains NUL.
    """
    if any("\0" in name for name in names):  # is_file would return False
        raise ValueError("the name holds a NUL")
    failed: dict[str, OSError] = {}
    for folder in folders:
        for look in (_exact, _alike):
            for name in names:
                try:
                    found = look(folder / name)
                except OSError as error:  # another folder or name may have one
                    failed.setdefault(name, error)
                    continue
                if found is not None:
                    return found
    if names[0] in failed:
        raise failed[names[0]]
    return None


def video_names(video: str) -> list[str]:
    """Return the names that a video's file may have: as given, with a suffix, with another one.

    Not every dot begins a suffix: "clip.2" may be clip.2.mp4, never clip.mp4.
    """
    stem, suffix = os.path.splitext(video)
    names = [video, *(video + one for one in VIDEO_SUFFIXES)]
    if suffix.lower() in VIDEO_SUFFIXES:
        names += [stem + one for one in VIDEO_SUFFIXES if one != suffix]
    return names


def _exact(path: Path) -> Path | None:
    return path if path.is_file() else None


def _alike(path: Path) -> Path | None:
    """Return the file of the same name but for the suffix's case and the letters' composition."""
    parent = _folder_alike(path.parent)
    if parent is None:
        return None
    found = [parent / name for name in _names_in(parent).get(_key(path.name), ())]
    return next((one for one in found if one.is_file()), None)


def _folder_alike(folder: Path) -> Path | None:
    """Return a folder, also if its name is composed differently."""
    if folder.is_dir():
        return folder
    if folder.parent == folder:
        return None
    parent = _folder_alike(folder.parent)
    names = () if parent is None else _names_in(parent).get(_key(folder.name), ())
    return next((parent / name for name in names if parent and (parent / name).is_dir()), None)


def _key(name: str) -> str:
    stem, suffix = os.path.splitext(unicodedata.normalize("NFC", name))
    return stem + suffix.lower()


def _names_in(folder: Path) -> dict[str, list[str]]:
    """Return the names in a folder by their key; read again when the folder changes."""
    return _listing(folder, folder.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _listing(folder: Path, _: int) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        names.setdefault(_key(name), []).append(name)
    return names
