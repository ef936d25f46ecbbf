"""Scoring a run again: every reply is read by its protocol, and compared with the record.

Questions and right answers are those of the task where it can be loaded, else the bundle's options
and the records' own. Nothing that a bundle names is imported or run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tspo_bench.errors import UserError
from tspo_bench.report.bundle import QUESTIONS_FILE, opened
from tspo_bench.report.run_tasks import RunTasks, is_packaged, split_title
from tspo_bench.report.summary import Summary, summarise
from tspo_bench.results import Cell, read_run
from tspo_bench.tasks import EvaluationProtocol, Reading, load_task
from tspo_bench.tasks.protocols import chosen_protocol
from tspo_bench.types import Question, Record

COMPARED = ("letter", "gold", "correct", "status")
_WORDS = {True: "correct", False: "wrong", None: "none"}


@dataclass(frozen=True)
class Difference:
    """A record that reads otherwise now."""

    stored: Record
    now: Record

    @property
    def text(self) -> str:
        """The differences in a line: "q7: letter A, now B; correct, now wrong"."""
        changes = []
        for name in COMPARED:
            then, now = getattr(self.stored, name), getattr(self.now, name)
            if then != now:
                label = "" if name == "correct" else f"{name} "
                changes.append(f"{label}{_WORDS.get(then, then)}, now {_WORDS.get(now, now)}")
        return f"{self.stored.question_id}: {'; '.join(changes)}"


@dataclass(frozen=True)
class Rescored:
    """A cell that was scored again.

    Attributes:
        cell: as it is stored.
        protocol: the one that read the replies: "strict@2#0123456789ab".
        from_task: whether questions and right answers are the task's; else they are the bundle's.
        records: as they read now.
        num_read: how many answers were read; the other records failed.
    """

    cell: Cell
    protocol: str
    from_task: bool
    records: tuple[Record, ...]
    num_read: int

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The records that differ."""
        pairs = zip(self.cell.records, self.records, strict=True)
        return tuple(Difference(stored, now) for stored, now in pairs if stored != now)

    @property
    def stored_summary(self) -> Summary:
        """The figures of the stored records."""
        return summarise(self.cell.records, self.cell.settings)

    @property
    def summary(self) -> Summary:
        """The figures of the records as they read now, averaged as the run's protocol has it."""
        return summarise(self.records, self.cell.settings)


def rescore(
    path: Path,
    protocol: str | None = None,
    *,
    task: str | None = None,
    data_root: Path | None = None,
    annotations: Path | None = None,
) -> list[Rescored]:
    """Read every reply of a run again.

    Example:
        >>> from tspo_bench.report.rescore import rescore
        >>> [len(one.differences) for one in rescore(Path("run.zip"))]
        [0, 0]

    Args:
        path: the run's folder or bundle.
        protocol: reads the replies, with or without version; None for each cell's own.
        task: the task's card, annotation file or class, if the run's own cannot be used.
        data_root: the folder with the benchmark's annotations; videos are not needed.
        annotations: the annotation file, if it lies elsewhere.

    Raises:
        UserError: the run cannot be read, or its replies cannot: another version of the protocol
            read them, or neither task nor bundle has the questions.
    """
    with opened(path) as folder:
        options = _options(folder / QUESTIONS_FILE)
        # Of a bundle the task's name alone counts: its commands' folders are another machine's.
        cells = [replace(cell, folder=path / cell.folder.name) for cell in read_run(folder)]
    tasks = RunTasks(
        task=task,
        data_root=data_root,
        annotations=annotations,
        protocol=protocol,
        hint="name it with --task",
    )
    return [_rescored(cell, tasks, task, protocol, options) for cell in cells]


_Options = Mapping[tuple[str, str], tuple[str, ...]]
_Read = Callable[[str, Question], Reading]


def _options(path: Path) -> _Options:
    if not path.is_file():
        return {}
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {(one["task"], one["id"]): tuple(map(str, one["options"])) for one in lines}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _rescored(
    cell: Cell, tasks: RunTasks, task: str | None, protocol: str | None, options: _Options
) -> Rescored:
    name = cell.folder.name
    label = str(cell.settings.task)
    read: _Read
    try:
        loaded, asked = tasks.load(cell)
        rules, read, from_task = loaded.rules, loaded.read_answer, True
        questions = {question.id: question for question in asked}
    except UserError as error:
        own = {question_id: texts for (of, question_id), texts in options.items() if of == label}
        if not own or task is not None:
            raise UserError(f"{name}: the questions cannot be loaded: {error}") from error
        rules = _rules(cell, protocol)
        read, from_task = rules.read, False
        questions = {
            r.question_id: Question(
                id=r.question_id, video=r.video, text="", options=own[r.question_id], answer=r.gold
            )
            for r in cell.records
            if r.question_id in own
        }
    if protocol is None:
        _check_same(cell, rules)
    records = tuple(_again(one, questions, read, name) for one in cell.records)
    num_read = sum(not record.failed for record in records)
    return Rescored(cell, rules.label, from_task, records, num_read)


def _rules(cell: Cell, protocol: str | None) -> EvaluationProtocol:
    """Return the protocol of a task whose annotations are missing."""
    title, subtitles = split_title(str(cell.settings.protocol))
    asked, label = protocol or title.partition("@")[0], str(cell.settings.task)
    if is_packaged(label):
        return load_task(label, protocol=asked, subtitles=subtitles).rules
    return chosen_protocol(label, {}, asked, subtitles)


def _check_same(cell: Cell, rules: EvaluationProtocol) -> None:
    stored = f"{cell.settings.protocol}#{cell.settings.protocol_hash}"
    if cell.settings.protocol_hash not in (None, rules.digest):
        raise UserError(
            f"{cell.folder.name}: its replies were read by {stored}; this version has "
            f"{rules.label}: add --protocol {rules.name}@{rules.version} to read them by that"
        )


def _again(stored: Record, questions: Mapping[str, Question], read: _Read, cell: str) -> Record:
    """Return a record with its answer read again."""
    question = questions.get(stored.question_id)
    if question is None:
        raise UserError(
            f"{cell}: question {stored.question_id!r} is neither in the task nor in the bundle; "
            "give the annotations that were asked"
        )
    reading = Reading(None)
    if stored.failed:
        return replace(stored, letter=None, correct=False, gold=question.answer)
    if stored.mode == "options":
        chances = stored.option_logprobs or {}
        reading = Reading(max(chances, key=chances.__getitem__, default=None))
    elif stored.reply is not None:
        reading = read(stored.reply, question)
    return replace(
        stored,
        status="unparsed" if reading.letter is None else "ok",
        letter=reading.letter,
        guessed=reading.guessed,
        gold=question.answer,
        correct=reading.letter is not None and reading.letter == question.answer,
    )


def as_dict(one: Rescored) -> dict[str, object]:
    """Return a cell as `tspo-bench rescore --json` prints it."""
    return {
        "cell": one.cell.folder.name,
        "protocol": one.protocol,
        "questions_from": "task" if one.from_task else "bundle",
        "n": len(one.records),
        "num_read": one.num_read,
        "stored_accuracy": one.stored_summary.accuracy,
        "accuracy": one.summary.accuracy,
        "differences": [
            {
                "question_id": each.stored.question_id,
                "stored": {name: getattr(each.stored, name) for name in COMPARED},
                "now": {name: getattr(each.now, name) for name in COMPARED},
            }
            for each in one.differences
        ],
    }
