"""A run on disk: `run.json`, and a folder for each cell with its records and summary.

    DIR/run.json                     every setting, the commands, versions, hardware
    DIR/<cell-slug>/records.jsonl    one line a question, append-only
    DIR/<cell-slug>/summary.json     the cell's figures

Cells can be added to a run later, by another process at the same time too. A cell that is there
already is continued if its settings are the same, and refused if they differ.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from tspo_bench.errors import UserError
from tspo_bench.files import make_folder, written_whole
from tspo_bench.results.environment import describe_environment
from tspo_bench.results.records import read_records, read_whole_lines, record_to_line
from tspo_bench.types import JSON, Record

DEFAULT_RUNS = Path("runs")  # holds the folders of runs without --out
FORMAT = 1
RUN_FILE = "run.json"
RECORDS_FILE = "records.jsonl"
SUMMARY_FILE = "summary.json"
OWN_SCORES_FILE = "own_scores.json"
_OTHER_FOLDER = "name another folder with --out"


@dataclass(frozen=True)
class OwnScores:
    """What a task of another harness makes of a finished cell's records, by its own code.

    `figures` are by metric, each in its own unit; `headline` is the first of them as a share of 1.
    """

    headline: float | None
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Cell:
    """One finished or unfinished cell of a run, as read from disk.

    `settings` are those it was opened with. `task`, `sampler`, `model`, `frames` and `protocol`
    are always among them; `limit`, `num_questions` and `tuned_for` where they apply. `own_scores`
    are there for a task that scores by its own code, once the cell is finished.
    """

    settings: Mapping[str, Any]
    records: Sequence[Record]
    folder: Path
    own_scores: OwnScores | None = None

    @property
    def run_folder(self) -> Path:
        """The folder of the run that the cell is part of."""
        return self.folder.parent


class CellWriter:
    """Appends a cell's records; use it as a context manager.

    `done` holds the records that are finished, by question id: those of failed questions are left
    out when a cell is opened again, so that they are asked again. While it is open no other process
    can write to the cell.
    """

    def __init__(self, folder: Path, file: BinaryIO, done: dict[str, Record]) -> None:
        self.folder = folder
        self.done = done
        self._file = file

    def append(self, record: Record) -> None:
        """Write one record; it survives a kill of the process from then on.

        Raises:
            ValueError: the question has a record already, or the record holds a number that is
                not finite.
            UserError: the disk is full.
        """
        if record.question_id in self.done:
            raise ValueError(f"question {record.question_id!r} has a record in {self.folder}")
        line = record_to_line(record).encode() + b"\n"
        with self._writing():
            self._file.write(line)
            self._file.flush()
        self.done[record.question_id] = record

    def write_summary(self, summary: Mapping[str, JSON]) -> None:
        """Write the cell's figures to summary.json, in one piece."""
        _write_json(self.folder / SUMMARY_FILE, dict(summary))

    def write_own_scores(self, scores: OwnScores) -> None:
        """Write what the task itself makes of the records, in one piece."""
        _write_json(self.folder / OWN_SCORES_FILE, asdict(scores))

    def close(self) -> None:
        """Let go of the cell.

        Raises:
            UserError: the disk is full, and the end of the last record is not on it.
        """
        with self._writing():
            self._file.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            path = self.folder / RECORDS_FILE
            raise UserError(
                f"cannot write {path}: {error.strerror}; make room, then run the same command "
                "again: it goes on from here"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class RunDirectory:
    """The folder of one run, made if need be.

    Args:
        path: the folder: new, empty, or a run already.
        command: the command line as passed; it is added to the run's `commands` with the time and
            the environment, as each command may come from another machine.
        settings: what the command asks, resolved; it is added too.

    Raises:
        UserError: the path is a file or cannot be written, or the folder holds something else.
    """

    def __init__(
        self,
        path: Path,
        *,
        command: Sequence[str] = (),
        settings: Mapping[str, JSON] | None = None,
    ) -> None:
        if path.exists() and not path.is_dir():
            raise UserError(f"run {path} is a file; name a folder with --out")
        self.path = make_folder(path, hint=_OTHER_FOLDER)
        foreign = [entry.name for entry in path.iterdir() if not entry.name.startswith(".")]
        if foreign and not (path / RUN_FILE).exists():
            raise UserError(
                f"folder {path} holds {foreign[0]!r} and no {RUN_FILE}: it is no run; name a new "
                "or empty folder with --out"
            )
        entry = {
            "command": list(command),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "settings": dict(settings or {}),
            "environment": describe_environment(),
        }
        with self._changing() as content:
            content["commands"].append(entry)

    def open_cell(
        self, slug: str, settings: Mapping[str, JSON], *, fresh: bool = False
    ) -> CellWriter:
        """Open a cell for appending: a new one, or one that was begun with equal settings.

        A line that a kill cut is removed. With `fresh` the cell starts over.

        Raises:
            UserError: the cell was begun with other settings (the keys that differ are named), its
                records are broken, or another process is writing it.
        """
        folder = make_folder(self.path / slug, hint=_OTHER_FOLDER)
        path = folder / RECORDS_FILE
        file = _open_to_append(path)
        try:
            _lock(file, path, wait=False)
            done = self._start(path, slug, settings, fresh)
        except BaseException:
            file.close()
            raise
        return CellWriter(folder, file, done)

    def _start(
        self, path: Path, slug: str, settings: Mapping[str, JSON], fresh: bool
    ) -> dict[str, Record]:
        """Settle a locked cell's settings and records; the records that are done already."""
        if fresh:
            os.truncate(path, 0)
            (path.parent / SUMMARY_FILE).unlink(missing_ok=True)
        (path.parent / OWN_SCORES_FILE).unlink(missing_ok=True)  # it is of the records as they were
        records, num_bytes = read_whole_lines(path)
        asked = json.loads(json.dumps(dict(settings)))
        with self._changing() as content:
            begun = content["cells"].get(slug)
            if begun is None and records:
                raise UserError(
                    f"{path} holds records, but {self.path / RUN_FILE} does not say of which "
                    "settings; start over with --fresh, or name another folder with --out"
                )
            if begun != asked and begun is not None and records:
                raise UserError(_mismatch(path.parent, begun, asked))
            content["cells"][slug] = asked
        if num_bytes < path.stat().st_size:
            os.truncate(path, num_bytes)
        return {record.question_id: record for record in records if not record.failed}

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The content of run.json, written back in one piece; other processes wait meanwhile."""
        lock = self.path / ".lock"
        with _open_to_append(lock) as handle:
            _lock(handle, lock, wait=True)
            path = self.path / RUN_FILE
            before: dict[str, Any] = {"format": FORMAT, "commands": [], "cells": {}}
            if path.exists():
                before = _read_run_file(path)
            yield before
            _write_json(path, before)


def read_run(path: Path) -> list[Cell]:
    """The cells of a run, in the order in which they were added.

    Raises:
        UserError: the folder is no run, or a cell's records are broken.
    """
    if not (path / RUN_FILE).is_file():
        raise UserError(f"{path} is no run: it has no {RUN_FILE}; name the folder given as --out")
    cells = []
    for slug, settings in _read_run_file(path / RUN_FILE)["cells"].items():
        records = path / slug / RECORDS_FILE
        read = read_records(records) if records.exists() else []
        cells.append(Cell(settings, read, path / slug, _read_own_scores(path / slug)))
    return cells


def _read_own_scores(folder: Path) -> OwnScores | None:
    try:
        return OwnScores(**json.loads((folder / OWN_SCORES_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"cannot read {folder / OWN_SCORES_FILE}: {error}; remove it, and run the same command "
            "again"
        ) from error


def _read_run_file(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}; {_OTHER_FOLDER}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(
            f"{path} is no run of format {FORMAT}, the one this version of tspo-bench reads; "
            f"{_OTHER_FOLDER}"
        )
    return content


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, allow_nan=False)
    with written_whole(path, f"make room, or {_OTHER_FOLDER}") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _open_to_append(path: Path) -> BinaryIO:
    try:
        return path.open("ab")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; {_OTHER_FOLDER}") from error


def _lock(file: BinaryIO, path: Path, *, wait: bool) -> None:
    """Lock an open file until it is closed or the process ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        raise UserError(
            f"{path} is being written by another process; wait for it to end, or name another "
            "folder with --out"
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot lock {path}: {error.strerror}; name a folder on another disk with --out"
        ) from error


def _mismatch(folder: Path, begun: Mapping[str, JSON], asked: Mapping[str, JSON]) -> str:
    old, new = _flat(begun), _flat(asked)
    differing = [
        f"{key}: {_shown(old, key)} then, {_shown(new, key)} now"
        for key in sorted(old.keys() | new.keys())
        if _shown(old, key) != _shown(new, key)
    ]
    return (
        f"cell {folder} was begun with other settings ({'; '.join(differing)}); start it over "
        "with --fresh, or name another folder with --out"
    )


def _shown(flat: Mapping[str, JSON], key: str) -> str:
    return json.dumps(flat[key], ensure_ascii=False) if key in flat else "absent"


def _flat(mapping: Mapping[str, JSON], prefix: str = "") -> dict[str, JSON]:
    """Nested settings under dotted keys, so that a mismatch names the innermost one."""
    flat: dict[str, JSON] = {}
    for key, value in mapping.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
