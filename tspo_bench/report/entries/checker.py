"""What an entry is checked by: questions and protocols of the user's or the package's tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tspo_bench.errors import UserError
from tspo_bench.report.entries.archive import QUESTIONS_FILE
from tspo_bench.report.entries.differences import Checked, Source
from tspo_bench.report.entries.evidence import frame_rates
from tspo_bench.report.entries.rescoring import Known, named_task, own_task, rescored
from tspo_bench.results import Cell
from tspo_bench.tasks import digest_of, limit_questions, load_task, load_tasks
from tspo_bench.types import Question, Record

ByLabel = dict[str, tuple[Source, Sequence[Question]]]


class Checker:
    """Checks the cells of one entry.

    Args:
        folder: where the entry lies unpacked.
        cells: all of its cells.
        task, data_root, annotations: see `open_entry`.

    Raises:
        UserError: the annotations given cannot be read; the task given is of no cell; the entry's
            questions are broken.
    """

    def __init__(
        self,
        folder: Path,
        cells: Sequence[Cell],
        task: str | None,
        data_root: Path | None,
        annotations: Path | None,
    ) -> None:
        self._cells = cells
        self._known: dict[tuple[str, int | None], Known] = {}
        labels = list(dict.fromkeys(str(cell.settings.task) for cell in cells))
        made: ByLabel = {label: ("task", asked) for label in labels if (asked := _made(label))}
        if task is not None:
            specs = [task]
        elif data_root is not None or annotations is not None:
            specs = [label for label in labels if label not in made and is_own(label)]
        else:
            specs = []
        loaded = load_tasks(specs, data_root=data_root, annotations=annotations) if specs else []
        self._specs = {one.label: spec for spec, one in zip(specs, loaded, strict=True)}
        if task is not None and not set(labels) & set(self._specs):
            given, there = ", ".join(self._specs), ", ".join(labels)
            raise UserError(f"task {given!r} is none of the entry's: {there}")
        self._published = _published_questions(folder / QUESTIONS_FILE)
        self._questions: ByLabel = {
            **{label: ("entry", self._published.get(label, ())) for label in labels},
            **made,
            **{one.label: ("annotations", one.questions()) for one in loaded},
        }

    def check(self, cell: Cell) -> Checked:
        """A cell's records, read and scored again, with the task's own figures of them.

        Raises:
            UserError: as `rescored`.
        """
        task = named_task(cell.settings, self._specs.get(str(cell.settings.task)))
        checked = rescored(cell, task, self._known_of(cell))
        own = None
        if not isinstance(task, str) and not checked.unread:
            own = task.task_scores(checked.cell.records)
        return replace(checked, cell=replace(checked.cell, task_scores=own))

    def _known_of(self, cell: Cell) -> Known:
        label, limit = str(cell.settings.task), cell.settings.limit
        if (label, limit) not in self._known:
            self._known[label, limit] = self._made_known(label, limit)
        return self._known[label, limit]

    def _made_known(self, label: str, limit: int | None) -> Known:
        source, asked = self._questions[label]
        if source != "entry" and limit is not None:
            asked = limit_questions(asked, limit)
        questions = {question.id: question for question in asked}
        of_task = [cell for cell in self._cells if cell.settings.task == label]
        of_limit = [cell for cell in of_task if cell.settings.limit == limit]
        records = [record for cell in of_task for record in cell.records]
        first: dict[str, Record] = {}
        for record in records:
            first.setdefault(record.question_id, record)
        is_here = source != "entry"
        numbers = _numbers_claimed(of_limit)
        published = self._published.get(label, ())
        return Known(
            source,
            questions,
            digest_of(asked) if is_here else None,
            first,
            frame_rates(records, questions),
            dict.fromkeys(numbers, len(questions)) if is_here else numbers,
            frozenset(one.id for one in published if _has_other_options(one, questions)),
        )


def _numbers_claimed(cells: Sequence[Cell]) -> dict[str | None, int]:
    """By the hash of a question set, how many questions it has as the cells that state it tell.

    The most that one of them says, and no less than the questions of all of them: who leaves
    questions out of one cell alone has them missing there.
    """
    said: dict[str | None, int] = {}
    ids: dict[str | None, set[str]] = {}
    for cell in cells:
        digest = cell.settings.questions
        said[digest] = max(said.get(digest, 0), cell.settings.num_questions)
        ids.setdefault(digest, set()).update(record.question_id for record in cell.records)
    return {digest: max(number, len(ids[digest])) for digest, number in said.items()}


def _has_other_options(published: Question, here: Mapping[str, Question]) -> bool:
    return published.id in here and published.options != here[published.id].options


def is_own(label: str) -> bool:
    """Whether a label names a task of the package's."""
    try:
        own_task(label)
    except UserError:
        return False
    return True


def _made(label: str) -> Sequence[Question]:
    """The questions of a task that makes its videos, and so them, itself; none of others."""
    try:
        task = load_task(own_task(label))
    except UserError:
        return ()
    return task.questions() if task.makes_videos else ()


def _published_questions(path: Path) -> dict[str, list[Question]]:
    """By task, the questions of an entry: of their options alone anything is known."""
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
    return {label: list(questions.values()) for label, questions in found.items()}
