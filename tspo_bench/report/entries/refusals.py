"""What no run writes: entries that hold it are refused, as no figure could be made of them."""

from __future__ import annotations

from collections.abc import Mapping

from tspo_bench.errors import UserError
from tspo_bench.report.entries.differences import shown
from tspo_bench.results import Cell
from tspo_bench.results.records import shortened
from tspo_bench.tasks import Task
from tspo_bench.types import JSON, Question, Record

_MOST_PAIRS = 10_000_000  # of frames and spans of a question, which are compared at once


def refuse_other_frames(cell: Cell) -> None:
    """Refuse budgets and frames that no run has.

    Raises:
        UserError: a budget is not positive; a question has more frames than K, another number of
            frames than of times, frames that are not sorted and distinct, numbers below 0, or a
            boundless number of spans.
    """
    for key in ("frames", "visual_tokens"):
        budget = getattr(cell.settings, key)
        if budget is not None and budget < 1:
            raise UserError(f"{cell.folder.name} has {key} {budget}; a run has 1 or more")
    for record in cell.records:
        if problem := _frames_problem(record, cell.settings.frames):
            question = shortened(record.question_id)
            raise UserError(f"{cell.folder.name}: question {question} was asked with {problem}")


def _frames_problem(record: Record, most: int | None) -> str | None:
    frames = record.frames
    if most is not None and len(frames) > most:
        return f"{len(frames)} frames, at K = {most}"
    if len(frames) * len(record.evidence) > _MOST_PAIRS:
        return (
            f"{len(frames)} frames, and has {len(record.evidence)} spans of evidence, more than "
            "any run's"
        )
    if len(frames) != len(record.seconds):
        return f"{len(frames)} frames, of {len(record.seconds)} times"
    if list(frames) != sorted(set(frames)) or min(frames, default=0) < 0:
        return "frames that are not sorted, distinct numbers from 0 on"
    if min(record.seen.values(), default=0) < 0:
        return f"{shown(dict(record.seen))} of it seen"
    return None


def refuse_other_macro(cell: Cell, task: Task) -> None:
    """Refuse a macro average over something else than the task's.

    Raises:
        UserError: it is.
    """
    theirs, ours = cell.settings.macro, task.macro
    if theirs != ours:
        raise UserError(
            f"{cell.folder.name}: its macro average is over {shown(theirs)}, that of task "
            f"{task.label!r} over {shown(ours)}"
        )


def checked_scoring(cell: Cell, task: Task) -> dict[str, JSON]:
    """How a protocol averages, in the form of a cell's settings.

    Raises:
        UserError: the cell averages in another way.
    """
    rules = task.rules
    ours: dict[str, JSON] = {
        "average": rules.average,
        "over": rules.over,
        "values": list(rules.values),
        "unparsed": rules.unparsed,
    }
    if cell.settings.scoring not in (None, ours):
        raise UserError(
            f"{cell.folder.name}: its scoring is not that of protocol {rules.label}: "
            f"{str(cell.settings.scoring)[:200]}"
        )
    return ours


def refuse_other_questions(cell: Cell, questions: Mapping[str, Question]) -> None:
    """Refuse questions that the task does not ask.

    Raises:
        UserError: there is one.
    """
    for record in cell.records:
        if record.question_id not in questions:
            raise UserError(
                f"{cell.folder.name}: task {cell.settings.task!r} as it is here does not ask "
                f"question {record.question_id!r}; give the annotations that were asked"
            )
