"""A run on disk: `run.json`, and a folder for each cell with its records and summary.

    DIR/run.json                     every setting, the commands, versions, hardware
    DIR/<cell-slug>/records.jsonl    one line a question, append-only
    DIR/<cell-slug>/scores.jsonl     what the sampler gave the candidates, where it scores them
    DIR/<cell-slug>/summary.json     the cell's figures

Cells can be added to a run later, by another process at the same time too. A cell that is there
already is continued if its settings are the same; one of other settings is begun beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from tspo_bench.errors import UserError
from tspo_bench.files import make_folder
from tspo_bench.results.aside import has_previous, previous_settings, put_aside, put_back
from tspo_bench.results.cell import (
    OLD_TASK_SCORES_FILE,
    OTHER_FOLDER,
    RECORDS_FILE,
    SCORES_FILE,
    SUMMARY_FILE,
    TASK_SCORES_FILE,
    CellWriter,
    write_json,
)
from tspo_bench.results.environment import describe_environment
from tspo_bench.results.forms import bad_setting
from tspo_bench.results.reading import FORMAT, RUN_FILE, read_run_file
from tspo_bench.results.records import read_whole_lines, shortened
from tspo_bench.results.variants import Inputs, find_place, records_that_hold
from tspo_bench.types import JSON, Record

_TASK_SCORES = (TASK_SCORES_FILE, OLD_TASK_SCORES_FILE)
DEFAULT_RUNS = Path("runs")  # holds the folders of runs without --out


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
        self.path = make_folder(path, hint=OTHER_FOLDER)
        foreign = [entry.name for entry in path.iterdir() if not entry.name.startswith(".")]
        if foreign and not (path / RUN_FILE).exists():
            raise UserError(
                f"folder {path} holds {foreign[0]!r} and no {RUN_FILE}: it is not a run; name a "
                "new or empty folder with --out"
            )
        entry = {
            "command": list(command),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "settings": dict(settings or {}),
            "environment": describe_environment(),
        }
        with self._updating_run_file() as content:
            content["commands"].append(entry)

    def open_cell(
        self,
        slug: str,
        settings: Mapping[str, JSON],
        *,
        fresh: bool = False,
        inputs: Inputs | None = None,
    ) -> CellWriter:
        """Open a cell for appending: one that was begun with equal settings, or a new one.

        If a cell of these labels has other settings, or its videos were replaced, a new one is
        begun beside it. It takes over the records that are still valid: of equal settings,
        questions and videos, with any limit. A line that a kill cut is removed.

        Args:
            slug: the folder's name, if none of these labels is there.
            settings: all that the records depend on.
            fresh: start a cell of these settings over, and take nothing over: its records are put
                aside until the new ones are complete, and put back if not one is written.
            inputs: what records are made of now; None: videos are not compared, and nothing is
                taken over.

        Raises:
            UserError: a setting could not be read again, the records of a cell of these settings
                are broken, or another process is writing it.
        """
        if key := bad_setting(dict(settings)):
            raise UserError(
                f"cell {slug}: {key} {shortened(settings.get(key))} cannot be kept in {RUN_FILE}; "
                "texts must be texts, and numbers whole and below 10^12"
            )
        base, asked = slug, json.loads(json.dumps(dict(settings)))
        with self._updating_run_file() as content:
            cells = content["cells"]
            place = find_place(self.path, cells, slug, asked, inputs, fresh=fresh)
        slug, settings = place.slug, place.settings
        folder = make_folder(self.path / slug, hint=OTHER_FOLDER)
        path = folder / RECORDS_FILE
        file = _open_to_append(path)

        def restore() -> None:
            self._restore(slug, folder, file)

        try:
            _lock(file, path, wait=False)
            done = self._start(path, slug, settings, fresh, restore)
        except BaseException:
            file.close()
            raise
        writer = CellWriter(folder, file, done, restore if fresh else None)
        writer.reason = place.reason
        if inputs is not None and not fresh:
            for record, scores in records_that_hold(self.path, cells, base, asked, inputs):
                if record.question_id not in writer.done:
                    writer.append(record, scores)
        return writer

    def _put_aside(self, slug: str) -> None:
        folder = self.path / slug
        if (folder / RECORDS_FILE).stat().st_size:
            begun = read_run_file(self.path / RUN_FILE)["cells"].get(slug)
            files = (RECORDS_FILE, SCORES_FILE, SUMMARY_FILE, *_TASK_SCORES)
            put_aside(folder, files, begun)

    def _restore(self, slug: str, folder: Path, file: BinaryIO) -> None:
        """Give a cell back the records that were put aside, and their settings."""
        if not has_previous(folder):
            return
        settings = previous_settings(folder)
        with self._updating_run_file() as content:
            if settings is None:
                del content["cells"][slug]
            else:
                content["cells"][slug] = settings
        put_back(folder, file, RECORDS_FILE)

    def _start(
        self,
        path: Path,
        slug: str,
        settings: Mapping[str, JSON],
        fresh: bool,
        restore: Callable[[], None],
    ) -> dict[str, Record]:
        """Settle a locked cell's settings and records; the records that are done already."""
        if not fresh:
            return self._settled(path, slug, settings)
        self._put_aside(slug)
        try:
            os.truncate(path, 0)
            return self._settled(path, slug, settings)
        except BaseException:
            restore()
            raise

    def _settled(self, path: Path, slug: str, settings: Mapping[str, JSON]) -> dict[str, Record]:
        records, num_bytes = read_whole_lines(path)
        # Task scores are of the records as they were; the others may be of other settings.
        for name in (*_TASK_SCORES, *(() if records else (SUMMARY_FILE, SCORES_FILE))):
            (path.parent / name).unlink(missing_ok=True)
        with self._updating_run_file() as content:
            begun = content["cells"].get(slug)
            if begun is None and records:
                raise UserError(
                    f"{path} holds records, but {self.path / RUN_FILE} does not say of which "
                    "settings; start over with --fresh, or name another folder with --out"
                )
            content["cells"][slug] = dict(settings)
        if num_bytes < path.stat().st_size:
            os.truncate(path, num_bytes)
        _cut_last_line(path.parent / SCORES_FILE)
        return {record.question_id: record for record in records if not record.failed}

    @contextlib.contextmanager
    def _updating_run_file(self) -> Iterator[dict[str, Any]]:
        """The content of run.json, written back in one piece; other processes wait meanwhile."""
        lock = self.path / ".lock"
        with _open_to_append(lock) as handle:
            _lock(handle, lock, wait=True)
            path = self.path / RUN_FILE
            before: dict[str, Any] = {"format": FORMAT, "commands": [], "cells": {}}
            if path.exists():
                before = read_run_file(path)
            yield before
            write_json(path, before)


def _open_to_append(path: Path) -> BinaryIO:
    try:
        return path.open("ab")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; {OTHER_FOLDER}") from error


def _cut_last_line(path: Path) -> None:
    """Remove what a kill left of a line, so that appending begins a new one."""
    if path.exists():
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)


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
