"""Scoring published records once more: each letter is read again from the raw reply.

What an entry says of itself is a claim. Its replies (or the letters' log-probabilities) are read by
the protocol that its settings name, as this version of tspo-bench has it; nothing that stands in an
entry is imported or run. Right answers, options, videos and groups come from the
benchmark's own annotations where there are some, else they are the entry's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from tspo_bench.errors import UserError
from tspo_bench.report.summary import summarise
from tspo_bench.results import Cell
from tspo_bench.results.records import shortened
from tspo_bench.specs import parse_spec
from tspo_bench.tasks import Reading, Task, limit_questions, load_task, registry
from tspo_bench.types import JSON, Question, Record, SubtitleMode

Source = Literal["annotations", "task", "entry"]
Read = Callable[[str, Question], Reading]
# What may stand in the brackets of a task's label: anything else could name code to run.
_HARMLESS = frozenset({"split", "length", "objects", "videos"})
_LONGEST_LABEL = 200
_SHOWN = 200  # characters of a stranger's value in a message
# What a difference tells of, with how the value that counts was come by.
_COMPARED = {
    "letter": "read again",
    "gold": "in the task",
    "video": "counted as",
    "groups": "counted as",
}


@dataclass(frozen=True)
class Difference:
    """A question whose record is not what reading it again comes to, which is what counts."""

    cell: str
    stored: Record
    read: Record

    @property
    def text(self) -> str:
        """What differs, in a line: "q7: letter A, read again B; right, now wrong"."""
        changes = [
            f"{key} {_shown(getattr(self.stored, key))}, {word} {_shown(getattr(self.read, key))}"
            for key, word in _COMPARED.items()
            if getattr(self.stored, key) != getattr(self.read, key)
        ]
        words = {True: "right", False: "wrong"}
        if self.stored.correct != self.read.correct:
            changes.append(f"{words[self.stored.correct]}, now {words[self.read.correct]}")
        if not changes:
            changes = [f"{self.stored.status}, now {self.read.status}"]
        return f"{self.stored.question_id}: {'; '.join(changes)}"


@dataclass(frozen=True)
class Checked:
    """A cell's records as they were scored again.

    Attributes:
        cell: the cell, with the records that count.
        num_read: the answers that were read again; the other records failed, or cannot be.
        unread: why some cannot be read again, so that the stored letter counts; None where all can.
        source: whose right answers and options were used. Where they are not the entry's own, the
            cell's settings say how many questions there are to ask, whatever the entry says.
        differences: the questions that differ.
    """

    cell: Cell
    num_read: int
    unread: str | None
    source: Source
    differences: tuple[Difference, ...]

    @property
    def claimed_accuracy(self) -> float | None:
        """The accuracy of the records as they were published."""
        stored = {one.stored.question_id: one.stored for one in self.differences}
        records = [stored.get(record.question_id, record) for record in self.cell.records]
        return summarise(records).accuracy


def named_task(settings: Mapping[str, Any], given: str | None = None) -> Task | str:
    """The task that a cell's settings name, for its protocol, or why there is none; reads no data.

    Args:
        settings: the cell's, from a stranger: only a task of the package's own is taken from them.
        given: a spec of the user's own, for any task.
    """
    protocol, plus, subtitles = str(settings["protocol"]).rpartition("+")
    shown = subtitles if plus and subtitles in get_args(SubtitleMode) else "none"
    title = protocol if shown != "none" else str(settings["protocol"])
    try:
        return load_task(
            given or own_task(str(settings["task"])),
            protocol=title.partition("@")[0],  # the hash tells whether it is that version
            subtitles=cast("SubtitleMode", shown),
        )
    except UserError as error:
        return str(error)


def own_task(label: str) -> str:
    """A task's label from a stranger, if it names a task of the package's and no code to run.

    Raises:
        UserError: it names something else.
    """
    if len(label) > _LONGEST_LABEL:  # what is read of YAML in it stays harmless
        raise UserError(f"task {label[:80]!r}... is none of the package's own")
    spec = parse_spec(label)
    is_named = spec.argument is None and spec.name in registry.cards()
    plain = all(isinstance(value, str | int) for value in spec.options.values())
    if not (is_named and plain and _HARMLESS.issuperset(spec.options)):
        raise UserError(
            f"task {label[:80]!r} is none of the package's own; give its card or annotation file "
            "with --task"
        )
    return label


def rescored(
    cell: Cell,
    task: Task | str,
    questions: Mapping[str, Question],
    source: Source,
    first: Mapping[str, Record],
) -> Checked:
    """A cell's records, read and scored again.

    Args:
        cell: as it was published.
        task: from `named_task`.
        questions: by id: all of the task's, or with no more than options those that the entry has.
        source: whose they are; where they are the task's, videos and groups are, too.
        first: by id, the record whose video and groups count where nothing but the entry tells
            them: the first of each question in all of the entry's cells of the task.

    Raises:
        UserError: the cell averages in another way than its protocol and task, holds a question
            that the task does not ask, or one with more frames than K.
    """
    _refuse_more_frames(cell)
    unread = _why_unread(cell, task)
    read = None if isinstance(task, str) or unread else task.read_answer
    settings = dict(cell.settings)
    if not isinstance(task, str) and read:
        settings["scoring"] = _scoring(cell, task)
    if not isinstance(task, str):
        _refuse_other_macro(cell, task)
    if source != "entry":
        questions = _asked(cell, questions)
        settings["num_questions"] = len(questions)
    records, differences, num_read, lost = [], [], 0, False
    for stored in cell.records:
        question = questions.get(stored.question_id)
        reading = _reading(stored, question, read)
        lost |= reading is None
        num_read += reading is not None and not stored.failed
        told = questions[stored.question_id] if source != "entry" else first[stored.question_id]
        gold = told.answer if isinstance(told, Question) else stored.gold
        now = _scored(stored, reading or Reading(stored.letter, stored.guessed), gold)
        now = replace(now, video=told.video, groups=dict(told.groups))
        records.append(now)
        if now != _with_folder(stored, now.video):
            differences.append(Difference(cell.folder.name, stored, now))
    if lost and unread is None:
        unread = "the entry has no options of some questions; give --data-root or --annotations"
    counted = replace(cell, settings=settings, records=tuple(records))
    return Checked(counted, num_read, unread if lost else None, source, tuple(differences))


def _why_unread(cell: Cell, task: Task | str) -> str | None:
    if isinstance(task, str):
        return task
    theirs, ours = cell.settings.get("protocol_hash"), task.rules.digest
    if theirs != ours:
        entry = "none in the entry" if theirs is None else f"{str(theirs)[:40]!r} in the entry"
        return f"protocol {cell.settings['protocol']!r} has the hash {ours} here, and {entry}"
    return None


def _refuse_more_frames(cell: Cell) -> None:
    most = cell.settings["frames"]
    for record in cell.records if most is not None else ():
        if len(record.frames) > most:
            raise UserError(
                f"{cell.folder.name}: question {shortened(record.question_id)} was asked with "
                f"{len(record.frames)} frames, at K = {most}"
            )


def _refuse_other_macro(cell: Cell, task: Task) -> None:
    theirs, ours = cell.settings.get("macro"), getattr(task, "macro", None)
    if theirs != ours:
        raise UserError(
            f"{cell.folder.name}: its macro average is over {_shown(theirs)}, that of task "
            f"{task.label!r} over {_shown(ours)}"
        )


def _scoring(cell: Cell, task: Task) -> dict[str, JSON]:
    """How a protocol averages, in the form of a cell's settings."""
    rules = task.rules
    ours: dict[str, JSON] = {
        "average": rules.average,
        "over": rules.over,
        "values": list(rules.values),
        "unparsed": rules.unparsed,
    }
    if cell.settings.get("scoring", ours) != ours:
        raise UserError(
            f"{cell.folder.name}: its scoring is not that of protocol {rules.label}: "
            f"{str(cell.settings['scoring'])[:200]}"
        )
    return ours


def _asked(cell: Cell, questions: Mapping[str, Question]) -> Mapping[str, Question]:
    """The task's questions that the cell's settings ask for; all of its records are of these."""
    limit = cell.settings.get("limit")
    if limit is not None:
        first = limit_questions(list(questions.values()), limit)
        questions = {question.id: question for question in first}
    for record in cell.records:
        if record.question_id not in questions:
            raise UserError(
                f"{cell.folder.name}: task {cell.settings['task']!r} as it is here does not ask "
                f"question {record.question_id!r}; give the annotations that were asked"
            )
    return questions


def _reading(stored: Record, question: Question | None, read: Read | None) -> Reading | None:
    """What a record's answer reads as; None where that cannot be told."""
    if stored.failed:
        return Reading(None)
    if stored.mode == "options":  # as `evaluation.engine` has it: the first of equal ones
        logprobs = stored.option_logprobs
        return Reading(max(logprobs, key=logprobs.__getitem__) if logprobs else None)
    if read is None or question is None:
        return None
    return Reading(None) if stored.reply is None else read(stored.reply, question)


def _scored(stored: Record, reading: Reading, gold: str | None) -> Record:
    status = stored.status
    if not stored.failed:
        status = "unparsed" if reading.letter is None else "ok"
    return replace(
        stored,
        status=status,
        letter=reading.letter,
        guessed=reading.guessed,
        gold=gold,
        correct=reading.letter is not None and reading.letter == gold,
    )


def _with_folder(stored: Record, video: str) -> Record:
    """A record with the video's absolute path, which entries leave out up to some folder."""
    is_its_end = os.path.isabs(video) and video.endswith(f"/{stored.video}")
    return replace(stored, video=video) if is_its_end else stored


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return value[:_SHOWN] if isinstance(value, str) else json.dumps(value, sort_keys=True)[:_SHOWN]
