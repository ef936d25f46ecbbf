"""Scoring published records once more: each letter is read again from the raw reply.

What an entry says of itself is a claim. Its replies (or the letters' log-probabilities) are read by
the protocol that its settings name, as this version of tspo-bench has it; nothing that stands in an
entry is imported or run. Right answers, options, videos, groups and evidence come from the
benchmark's own annotations where there are some, else they are the entry's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from tspo_bench.errors import UserError
from tspo_bench.report.entries.differences import Checked, Difference, Source, shown
from tspo_bench.report.entries.evidence import is_beyond, with_evidence
from tspo_bench.report.entries.refusals import (
    checked_scoring,
    refuse_other_frames,
    refuse_other_macro,
    refuse_other_questions,
)
from tspo_bench.results import Cell, CellSettings
from tspo_bench.specs import parse_spec
from tspo_bench.tasks import Reading, Task, load_task, registry
from tspo_bench.types import Question, Record, SubtitleMode

Read = Callable[[str, Question], Reading]
# What may stand in the brackets of a task's label: anything else could name code to run.
_HARMLESS = frozenset({"split", "length", "objects", "videos"})
_LONGEST_LABEL = 200


def named_task(settings: CellSettings, given: str | None = None) -> Task | str:
    """The task that a cell's settings name, for its protocol, or why there is none; reads no data.

    Args:
        settings: the cell's, from a stranger: only a task of the package's own is taken from them.
        given: a spec of the user's own, for any task.
    """
    protocol, plus, subtitles = str(settings.protocol).rpartition("+")
    mode = subtitles if plus and subtitles in get_args(SubtitleMode) else "none"
    title = protocol if mode != "none" else str(settings.protocol)
    try:
        return load_task(
            given or own_task(str(settings.task)),
            protocol=title.partition("@")[0],  # the hash tells whether it is that version
            subtitles=cast("SubtitleMode", mode),
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
            "to tspo-bench check-entry --task"
        )
    return label


@dataclass(frozen=True)
class Known:
    """What the cells of one task and limit are checked by.

    Attributes:
        source: whose the questions are; where they are the task's, all that they tell counts.
        questions: by id: those that are asked, or with no more than options those of the entry.
        digest: the question set's hash; None where it is the entry's own.
        first: by id, the record whose video and groups count where nothing but the entry tells
            them: the first of each question in all of the entry's cells of the task.
        rates: from `frame_rates`.
        num_questions: how many are asked, by the question set's hash that the entry's cells state:
            all those that the task asks, else as many as the cells of that set have between them.
        other_options: the ids of questions whose options are others in the entry.
    """

    source: Source
    questions: Mapping[str, Question]
    digest: str | None
    first: Mapping[str, Record]
    rates: Mapping[str, float]
    num_questions: Mapping[str | None, int]
    other_options: Set[str]


def rescored(cell: Cell, task: Task | str, known: Known) -> Checked:
    """A cell's records, read and scored again.

    Args:
        cell: as it was published.
        task: from `named_task`.
        known: what it is checked by.

    Raises:
        UserError: the cell averages in another way than its protocol and task, holds a question
            that the task does not ask, or budgets or frames that no run has (`refusals`).
    """
    refuse_other_frames(cell)
    unread = _why_unread(cell, task)
    settings = _settings(cell, task, known, is_read=unread is None)
    read = None if isinstance(task, str) or unread else task.read_answer
    tolerance = None if isinstance(task, str) else task.tolerance_seconds
    records, differences, num_read, lost = [], [], 0, False
    for stored in cell.records:
        reading = _reading(stored, known.questions.get(stored.question_id), read)
        lost |= reading is None
        num_read += reading is not None and _has_answer(stored)
        now = _as_told(_answered(stored), known, tolerance)
        now = _scored(now, reading or Reading(stored.letter, stored.guessed))
        records.append(now)
        if now != _with_folder(stored, now.video):
            differences.append(Difference(cell.folder.name, stored, now))
    if lost and unread is None:
        unread = "the entry has no options of some questions; give --data-root or --annotations"
    counted = replace(cell, settings=settings, records=tuple(records))
    return Checked(
        counted,
        num_read,
        unread if lost else None,
        known.source,
        tuple(differences),
        tuple(_problems(cell, counted, known)),
    )


def _settings(cell: Cell, task: Task | str, known: Known, *, is_read: bool) -> CellSettings:
    """A cell's settings with what task and protocol tell of them, where they are here."""
    changes: dict[str, Any] = {}
    if not isinstance(task, str):
        refuse_other_macro(cell, task)
        if is_read:
            changes["scoring"] = checked_scoring(cell, task)
    if known.source != "entry":
        refuse_other_questions(cell, known.questions)
    changes["num_questions"] = known.num_questions[cell.settings.questions]
    return cell.settings.model_copy(update=changes)


def _as_told(stored: Record, known: Known, tolerance: float | None) -> Record:
    """A record with what the task tells of its question, where its annotations are here."""
    if known.source == "entry":
        first = known.first[stored.question_id]
        now = replace(stored, video=first.video, groups=dict(first.groups))
        return with_evidence(now, None, None, tolerance)
    question = known.questions[stored.question_id]
    now = replace(stored, gold=question.answer, video=question.video, groups=dict(question.groups))
    return with_evidence(now, question, known.rates.get(question.video), tolerance)


def _problems(stored: Cell, counted: Cell, known: Known) -> Iterator[str]:
    """What is not as the cell says, but for its records."""
    yield from _other_set(stored, known.digest)
    if others := [r.question_id for r in stored.records if r.question_id in known.other_options]:
        yield f"the entry's options are not those that are here, of {_some(others)}"
    planned, said = counted.settings.num_questions, stored.settings.num_questions
    if known.source == "entry" and 0 < said < planned:
        yield f"it says that {said} questions were asked; cells of the same set have {planned}"
    if len(counted.records) < planned:
        yield f"unfinished: {len(counted.records)} of {planned} questions have a record"
    if beyond := [record.question_id for record in counted.records if is_beyond(record)]:
        yield f"frames are shown from outside of the video's length, of {_some(beyond)}"


def _some(ids: Sequence[str]) -> str:
    """Questions in a message."""
    first = shown(ids[0])
    return f"question {first}" if len(ids) == 1 else f"{len(ids)} questions, the first {first}"


def _other_set(cell: Cell, digest: str | None) -> Iterator[str]:
    """Why replies may be to other questions than those that are here."""
    theirs = cell.settings.questions
    if digest is not None and theirs != digest:
        yield (
            f"its questions are not those that are here (set {shown(theirs)[:40]} in the entry, "
            f"{digest} here): the replies may be to other texts or options; give the annotations "
            "that were asked"
        )


def _why_unread(cell: Cell, task: Task | str) -> str | None:
    if isinstance(task, str):
        return task
    theirs, ours = cell.settings.protocol_hash, task.rules.digest
    if theirs != ours:
        entry = "none in the entry" if theirs is None else f"{str(theirs)[:40]!r} in the entry"
        return f"protocol {cell.settings.protocol!r} has the hash {ours} here, and {entry}"
    return None


def _reading(stored: Record, question: Question | None, read: Read | None) -> Reading | None:
    """What a record's answer reads as; None where that cannot be told."""
    if not _has_answer(stored):
        return Reading(None)
    if stored.mode == "options":  # as `evaluation.engine` has it: the first of equal ones
        logprobs = stored.option_logprobs
        return Reading(max(logprobs, key=logprobs.__getitem__) if logprobs else None)
    if read is None or question is None:
        return None
    return Reading(None) if stored.reply is None else read(stored.reply, question)


def _has_answer(stored: Record) -> bool:
    """Whether there is something to read; who fails says nothing, whatever its status."""
    return not stored.failed or stored.reply is not None or stored.option_logprobs is not None


def _answered(stored: Record) -> Record:
    """A record that failed as it says, and yet has an answer, as one that did not fail."""
    is_false = stored.failed and _has_answer(stored)
    return replace(stored, status="ok", error=None) if is_false else stored


def _scored(stored: Record, reading: Reading) -> Record:
    status = stored.status
    if not stored.failed:
        status = "unparsed" if reading.letter is None else "ok"
    return replace(
        stored,
        status=status,
        letter=reading.letter,
        guessed=reading.guessed,
        correct=reading.letter is not None and reading.letter == stored.gold,
    )


def _with_folder(stored: Record, video: str) -> Record:
    """A record with the video's absolute path, which entries leave out up to some folder."""
    is_its_end = os.path.isabs(video) and video.endswith(f"/{stored.video}")
    return replace(stored, video=video) if is_its_end else stored
