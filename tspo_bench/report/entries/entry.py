"""Published entries: opened as a run's folder, with all answers read and scored once more."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.report.entries.archive import QUESTIONS_FILE, unpack
from tspo_bench.report.entries.rescoring import (
    Checked,
    Difference,
    Source,
    named_task,
    own_task,
    rescored,
)
from tspo_bench.results import Cell, OwnScores, read_run, record_to_line
from tspo_bench.results.cell import OWN_SCORES_FILE, RECORDS_FILE, write_json
from tspo_bench.results.run import RUN_FILE
from tspo_bench.tasks import Task, load_task, load_tasks
from tspo_bench.types import Question, Record

_SOURCES: Mapping[Source, str] = {
    "annotations": "the annotations given",
    "task": "the built-in task's own",
    "entry": "the entry's own; give --data-root or --annotations to check them, too",
}


@dataclass(frozen=True)
class Entry:
    """An open entry.

    Attributes:
        path: the zip file.
        name: what its makers call it.
        description: what they say of it, or None.
        version: the tspo-bench that packed it.
        folder: a run's folder with the records that count, for `read_run`; it goes with the entry.
        checked: its cells, in the order of the run.
    """

    path: Path
    name: str
    description: str | None
    version: str
    folder: Path
    checked: tuple[Checked, ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The questions, of all cells, whose record is not what reading it again comes to."""
        return tuple(one for checked in self.checked for one in checked.differences)

    @property
    def sources(self) -> tuple[str, ...]:
        """Whose right answers and options were used, in words."""
        return tuple(dict.fromkeys(_SOURCES[checked.source] for checked in self.checked))

    @property
    def unread(self) -> tuple[str, ...]:
        """Why some replies could not be read again, so that their stored letters count."""
        reasons = [checked.unread for checked in self.checked]
        return tuple(dict.fromkeys(reason for reason in reasons if reason is not None))


@contextlib.contextmanager
def open_entry(
    path: Path,
    *,
    task: str | None = None,
    data_root: Path | None = None,
    annotations: Path | None = None,
) -> Iterator[Entry]:
    """Unpack an entry into a temporary folder, check it, and score its answers again.

    Nothing that stands in the entry is imported, run or downloaded. The folder is removed at the
    block's end.

    Args:
        path: the zip file.
        task: the task's card, annotation file or class, where it is none of the package's.
        data_root: the folder with the benchmark's annotations; videos are not needed.
        annotations: the annotation file, where it lies elsewhere.

    Raises:
        UserError: the file is no entry, or a part of it cannot be what it says (see `archive`,
            `rescoring`); the annotations given cannot be read; the task given is of no cell.
    """
    with tempfile.TemporaryDirectory(prefix="tspo-bench-") as temporary:
        folder = Path(temporary) / "run"
        manifest = unpack(path, folder)
        if not (folder / RUN_FILE).is_file():
            raise UserError(f"{path} lacks {RUN_FILE!r}; get it anew")
        with _naming(path, folder):
            cells = read_run(folder)
            checker = _Checker(folder, cells, task, data_root, annotations)
            checked = tuple(map(checker.check, cells))
            _write_again(folder, checked)
        name, version = str(manifest.get("name") or path.stem), str(manifest.get("tspo_bench"))
        said = manifest.get("description")
        description = None if said is None else str(said)
        yield Entry(path, name, description, version, folder, checked)


@contextlib.contextmanager
def _naming(path: Path, folder: Path) -> Iterator[None]:
    """Say in errors which file of the entry they are about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {str(error).replace(f'{folder}/', '')}") from error


class _Checker:
    """What cells are checked by: questions and protocols, of the user's or the package's tasks."""

    def __init__(
        self,
        folder: Path,
        cells: Sequence[Cell],
        task: str | None,
        data_root: Path | None,
        annotations: Path | None,
    ) -> None:
        labels = list(dict.fromkeys(str(cell.settings["task"]) for cell in cells))
        self._specs: dict[str, str] = {}
        self._questions: dict[str, tuple[Source, Mapping[str, Question]]] = {}
        self._first: dict[str, dict[str, Record]] = {}
        for cell in cells:
            first = self._first.setdefault(str(cell.settings["task"]), {})
            for record in cell.records:
                first.setdefault(record.question_id, record)
        built_in = {label: found for label in labels if (found := _built_in(label))}
        if task is not None:
            specs = [task]
        elif data_root is not None or annotations is not None:
            specs = [label for label in labels if label not in built_in and _is_own(label)]
        else:
            specs = []
        loaded = load_tasks(specs, data_root=data_root, annotations=annotations) if specs else []
        for spec, one in zip(specs, loaded, strict=True):
            self._specs[one.label] = spec
            self._questions[one.label] = "annotations", _by_id(one.questions())
        if task is not None and not set(labels) & set(self._specs):
            given, there = ", ".join(self._specs), ", ".join(labels)
            raise UserError(f"task {given!r} is none of the entry's: {there}")
        theirs = _published_questions(folder / QUESTIONS_FILE)
        for label in labels:
            if label not in self._questions:
                self._questions[label] = built_in.get(label) or ("entry", theirs.get(label, {}))

    def check(self, cell: Cell) -> Checked:
        label = str(cell.settings["task"])
        source, questions = self._questions[label]
        task = named_task(cell.settings, self._specs.get(label))
        checked = rescored(cell, task, questions, source, self._first[label])
        own = None if isinstance(task, str) or checked.unread else _own_scores(task, checked.cell)
        return replace(checked, cell=replace(checked.cell, own_scores=own))


def _by_id(questions: Sequence[Question]) -> dict[str, Question]:
    return {question.id: question for question in questions}


def _is_own(label: str) -> bool:
    """Whether a label names a task of the package's."""
    try:
        own_task(label)
    except UserError:
        return False
    return True


def _built_in(label: str) -> tuple[Source, dict[str, Question]] | None:
    """The questions of a task that makes them itself."""
    try:
        task = load_task(own_task(label))
    except UserError:
        return None
    return ("task", _by_id(task.questions())) if getattr(task, "makes_videos", False) else None


def _own_scores(task: Task, cell: Cell) -> OwnScores | None:
    score: Callable[[Sequence[Record]], OwnScores] | None = getattr(task, "own_scores", None)
    return None if score is None else score(cell.records)


def _published_questions(path: Path) -> dict[str, dict[str, Question]]:
    """By task and id, the questions of an entry: of their options alone anything is known."""
    found: dict[str, dict[str, Question]] = {}
    lines = path.read_bytes().splitlines() if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
            task, name, options = (content[key] for key in ("task", "id", "options"))
            question = Question(str(name), "", "", tuple(map(str, options)), None)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path}, line {number} is no question: {error!r:.200}") from error
        if question.id in found.setdefault(str(task), {}):
            raise UserError(f"{path}, line {number}: question {question.id!r} stands twice")
        found[str(task)][question.id] = question
    return found


def _write_again(folder: Path, checked: Sequence[Checked]) -> None:
    """Put the records and settings that count in the place of those of the entry."""
    content: dict[str, Any] = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    for one in checked:
        cell = one.cell
        content["cells"][cell.folder.name] = dict(cell.settings)
        lines = "".join(f"{record_to_line(record)}\n" for record in cell.records)
        (cell.folder / RECORDS_FILE).write_text(lines, encoding="utf-8")
        if cell.own_scores is not None:
            write_json(cell.folder / OWN_SCORES_FILE, asdict(cell.own_scores))
    write_json(folder / RUN_FILE, content)
