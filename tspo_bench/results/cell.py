"""One cell of a run on disk: its records, the scores beside them, its figures."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write
from tspo_bench.results.aside import PREVIOUS, drop_previous, has_previous
from tspo_bench.results.forms import CellSettings
from tspo_bench.results.records import record_to_line
from tspo_bench.results.scores import CandidateScores, scores_to_line
from tspo_bench.tasks import TaskScores
from tspo_bench.types import JSON, Record

_log = logging.getLogger(__name__)
RECORDS_FILE = "records.jsonl"
SCORES_FILE = "scores.jsonl"
SUMMARY_FILE = "summary.json"
TASK_SCORES_FILE = "task_scores.json"
OLD_TASK_SCORES_FILE = "own_scores.json"  # the same, until format version 1
OTHER_FOLDER = "name another folder with --out"


@dataclass(frozen=True)
class Cell:
    """One finished or unfinished cell of a run, as read from disk.

    `task_scores` are there for a task that scores by its own code, once the cell is finished.
    `is_cut`: the last line of its records is cut, and left out. `on_cuda`: all commands of its run
    were carried out on a CUDA GPU. `left_out`: how many questions of missing videos the run's
    commands left out of its task (--only-present), each number once.
    """

    settings: CellSettings
    records: Sequence[Record]
    folder: Path
    task_scores: TaskScores | None = None
    is_cut: bool = False
    on_cuda: bool = False
    left_out: tuple[int, ...] = ()

    @property
    def run_folder(self) -> Path:
        """The folder of the run that the cell is part of."""
        return self.folder.parent


class CellWriter:
    """Appends a cell's records; use it as a context manager.

    `done` holds the records that are finished, by question id: those of failed questions are left
    out when a cell is opened again, so that they are asked again. `reason` says why the cell was
    begun beside another of its labels. While it is open no other process can write to the cell.
    `unused` is called when it is closed and nothing was appended.
    """

    def __init__(
        self,
        folder: Path,
        file: BinaryIO,
        done: dict[str, Record],
        unused: Callable[[], None] | None = None,
    ) -> None:
        self.folder = folder
        self._unused = unused
        self.done = done
        self.reason: str | None = None
        self._file = file
        self._scores: BinaryIO | None = None  # opened for the first sampler's scores

    def append(self, record: Record, scores: CandidateScores | None = None) -> None:
        """Write one record, and its candidates' scores; it survives a kill of the process.

        Raises:
            ValueError: the question has a record already, or the record holds a number that is
                not finite.
            UserError: the disk is full.
        """
        if record.question_id in self.done:
            raise ValueError(f"question {record.question_id!r} has a record in {self.folder}")
        line = record_to_line(record).encode() + b"\n"
        self._unused = None
        if scores is not None:  # first: what has a record is not asked again
            self._write_scores(scores)
        with self._writing(RECORDS_FILE):
            self._file.write(line)
            self._file.flush()
        self.done[record.question_id] = record

    def _write_scores(self, scores: CandidateScores) -> None:
        with self._writing(SCORES_FILE):
            if self._scores is None:
                self._scores = (self.folder / SCORES_FILE).open("ab")
            self._scores.write(scores_to_line(scores).encode() + b"\n")
            self._scores.flush()

    def write_summary(self, summary: Mapping[str, JSON]) -> None:
        """Write the cell's figures to summary.json, in one piece.

        The cell is complete then: what --fresh had put aside is removed, unless no question was
        answered.
        """
        write_json(self.folder / SUMMARY_FILE, dict(summary))
        if any(not record.failed for record in self.done.values()):
            drop_previous(self.folder)
        elif has_previous(self.folder):
            _log.warning(
                "no question of %s was answered; the records that were there are in %s",
                self.folder,
                self.folder / PREVIOUS,
            )

    def write_task_scores(self, scores: TaskScores) -> None:
        """Write what the task itself makes of the records, in one piece."""
        write_json(self.folder / TASK_SCORES_FILE, asdict(scores))

    def close(self) -> None:
        """Let go of the cell.

        Raises:
            UserError: the disk is full, and the end of the last record is not on it.
        """
        unused, self._unused = self._unused, None
        if unused is not None:
            unused()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._writing(RECORDS_FILE))
            stack.callback(self._file.close)
            if self._scores is not None:
                stack.enter_context(self._writing(SCORES_FILE))
                stack.callback(self._scores.close)

    @contextlib.contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            path = self.folder / name
            raise UserError(
                f"cannot write {path}: {error.strerror}; make room, then run the same command "
                "again: it resumes from here"
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


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of a run in one piece.

    Raises:
        UserError: it cannot be written.
    """
    text = json.dumps(content, indent=2, allow_nan=False)
    with atomic_write(path, f"make room, or {OTHER_FOLDER}") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
