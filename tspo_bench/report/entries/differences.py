"""What checking an entry found: records that say something else, and other trouble of a cell."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from tspo_bench.report.summary import Summary, summarise
from tspo_bench.results import Cell
from tspo_bench.types import Record

Source = Literal["annotations", "task", "entry"]
_SHOWN = 200  # characters of a stranger's value in a message
# What a difference tells of, with how the value that counts was come by.
COMPARED = {
    "letter": "read again",
    "gold": "in the task",
    "video": "counted as",
    "groups": "counted as",
    "evidence": "in the task",
    "duration_seconds": "in the task",
    "evidence_recall": "computed again",
}


@dataclass(frozen=True)
class Difference:
    """A question whose record is not what checking it comes to, which is what counts."""

    cell: str
    stored: Record
    read: Record

    @property
    def text(self) -> str:
        """What differs, in a line: "q7: letter A, read again B; right, now wrong"."""
        changes = [
            f"{key.replace('_', ' ')} {shown(getattr(self.stored, key))}, {word} "
            f"{shown(getattr(self.read, key))}"
            for key, word in COMPARED.items()
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
        source: whose questions and right answers were used. Where they are not the entry's own, the
            cell's settings say how many questions there are to ask, whatever the entry says.
        differences: the questions that differ.
        problems: what else is not as it says, or is broken and left out; each a sentence.
    """

    cell: Cell
    num_read: int
    unread: str | None
    source: Source
    differences: tuple[Difference, ...]
    problems: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether all of the cell was checked, and is what it says."""
        return not (self.differences or self.problems or self.unread)

    @property
    def claimed(self) -> Summary:
        """The figures of the records as they were published."""
        stored = {one.stored.question_id: one.stored for one in self.differences}
        records = [stored.get(one.question_id, one) for one in self.cell.records]
        return summarise(records, self.cell.settings)


def shown(value: object) -> str:
    """A stranger's value in a message."""
    if value is None:
        return "none"
    return value[:_SHOWN] if isinstance(value, str) else json.dumps(value, sort_keys=True)[:_SHOWN]
