"""The records that `--fresh` replaces: kept beside the cell until the new ones are complete.

    DIR/<cell-slug>/previous/    the cell's files as they were, and its settings

They are copied there before anything is removed. A cell that is left without a new record gets
them back.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tspo_bench.errors import UserError

PREVIOUS = "previous"
_COPYING = ".previous"  # the same, until it is whole
_SETTINGS_FILE = "settings.json"


def has_previous(folder: Path) -> bool:
    """Whether a cell's folder holds records that were put aside."""
    return (folder / PREVIOUS / _SETTINGS_FILE).is_file()


def put_aside(folder: Path, files: tuple[str, ...], settings: Any) -> None:
    """Copy a cell's `files`, those that are there, to `previous`, with its settings.

    Records that were put aside for others, which never got complete, stay.

    Raises:
        UserError: the disk is full.
    """
    if has_previous(folder):
        return
    part = folder / _COPYING
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for name in files:
            if (folder / name).exists():
                shutil.copy2(folder / name, part / name)
        (part / _SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")
        shutil.rmtree(folder / PREVIOUS, ignore_errors=True)  # what a kill left of one
        part.rename(folder / PREVIOUS)
    except OSError as error:
        raise UserError(
            f"cannot copy the records of {folder}, which --fresh keeps until the new ones are "
            f"complete: {error.strerror}; make room, or name another folder with --out"
        ) from error


def previous_settings(folder: Path) -> Mapping[str, Any] | None:
    """The settings of the records that were put aside; None where run.json had none."""
    settings = json.loads((folder / PREVIOUS / _SETTINGS_FILE).read_text(encoding="utf-8"))
    return settings if isinstance(settings, dict) else None


def put_back(folder: Path, records: BinaryIO, records_file: str) -> None:
    """Give a cell back what was put aside; its records are written to the open file of them."""
    previous = folder / PREVIOUS
    records.truncate(0)
    records.write((previous / records_file).read_bytes())
    records.flush()
    for path in previous.iterdir():
        if path.name not in (records_file, _SETTINGS_FILE):
            shutil.copy2(path, folder / path.name)
    drop_previous(folder)


def drop_previous(folder: Path) -> None:
    """Remove what was put aside, if there is something."""
    if has_previous(folder):
        (folder / PREVIOUS / _SETTINGS_FILE).unlink()  # from here on it does not count
        shutil.rmtree(folder / PREVIOUS)
