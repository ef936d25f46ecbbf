"""Questions on which two cells differ: one was answered correctly, the other was not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tspo_bench.errors import UserError
from tspo_bench.report.escape import for_terminal
from tspo_bench.results import Cell
from tspo_bench.specs import parse_spec
from tspo_bench.types import Record

if TYPE_CHECKING:
    from rich.table import Table

_SHARED = ("task", "model", "frames", "visual_tokens", "limit", "protocol")
_SAME_ACROSS_RUNS = ("task", "sampler", "seed")
_NAMING = ("sampler", "model", "protocol", "frames", "visual_tokens", "seed", "limit")


@dataclass(frozen=True)
class Differences:
    """The questions on which two cells differ, of `num_common` that both were asked."""

    names: tuple[str, str]
    records: tuple[tuple[Record, Record], ...]
    num_common: int

    @property
    def heading(self) -> str:
        """How many there are, and in whose favour."""
        first = sum(one.correct for one, _ in self.records)
        second = len(self.records) - first
        return (
            f"{self.names[0]} and {self.names[1]}: {len(self.records)} of {self.num_common} "
            f"questions differ; {first} correct only with {self.names[0]}, {second} only with "
            f"{self.names[1]}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The object that `tspo-bench report --diff --format json` prints."""
        rows = [
            {
                "question_id": one.question_id,
                "video": one.video,
                "gold": one.gold,
                "letters": [one.letter, other.letter],
                "correct": [one.correct, other.correct],
            }
            for one, other in self.records
        ]
        return {"names": list(self.names), "n": self.num_common, "questions": rows}

    def table(self) -> Table:
        """A row for each question, for `rich.print`."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("question", "right answer", *self.names):
            table.add_column(Text(for_terminal(heading)))
        for one, other in self.records:
            texts = (one.question_id, one.gold, one.letter, other.letter)
            table.add_row(*(Text(for_terminal(text or "none")) for text in texts))
        return table


def differences(cells: Sequence[Cell], baseline: str) -> list[Differences]:
    """Compare the same samplers of two runs, or the samplers of a run with the baseline.

    Two cells are compared in any case.

    Raises:
        UserError: there are no two cells to compare, or two have no question in common.
    """
    if len(cells) == 2:
        pairs = [(cells[0], cells[1])]
    else:
        pairs = list(_across_runs(cells)) or list(_with_baseline(cells, baseline))
    if not pairs:
        raise UserError(
            f"--diff compares two runs, or samplers with --baseline {baseline}; none of the "
            f"{len(cells)} cells has a counterpart"
        )
    return [_compared(*pair) for pair in pairs]


def _across_runs(cells: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    """Pair the cells of two runs that have the same task, sampler and seed."""
    runs = list(dict.fromkeys(cell.run_folder for cell in cells))
    if len(runs) != 2:
        return
    first, second = ([cell for cell in cells if cell.run_folder == run] for run in runs)
    for cell in first:
        same = [
            other
            for other in second
            if _values(cell, _SAME_ACROSS_RUNS) == _values(other, _SAME_ACROSS_RUNS)
        ]
        if same:
            yield cell, max(same, key=lambda other: _num_shared(cell, other))


def _values(cell: Cell, keys: Sequence[str]) -> list[object]:
    return [getattr(cell.settings, key) for key in keys]


def _num_shared(cell: Cell, other: Cell) -> int:
    return sum(getattr(cell.settings, key) == getattr(other.settings, key) for key in _SHARED)


def _with_baseline(cells: Sequence[Cell], baseline: str) -> Iterator[tuple[Cell, Cell]]:
    label = parse_spec(baseline).label
    for cell in cells:
        for other in cells:
            is_baseline = other.settings.sampler == label != cell.settings.sampler
            if is_baseline and _num_shared(cell, other) == len(_SHARED):
                yield other, cell
                break


def _compared(first: Cell, second: Cell) -> Differences:
    answers = {record.question_id: record for record in second.records}
    common = [
        (one, answers[one.question_id]) for one in first.records if one.question_id in answers
    ]
    if not common:
        raise UserError(f"{first.folder} and {second.folder} have no question in common")
    differing = tuple((one, other) for one, other in common if one.correct != other.correct)
    return Differences(_names(first, second), differing, len(common))


def _names(first: Cell, second: Cell) -> tuple[str, str]:
    """Name two cells by their samplers, else by other settings that differ, else by folder."""
    keys = [key for key in _NAMING if getattr(first.settings, key) != getattr(second.settings, key)]
    if not keys:
        return str(first.folder), str(second.folder)
    one, other = (str(getattr(cell.settings, keys[0])) for cell in (first, second))
    prefix = "" if keys[0] in ("sampler", "model", "protocol") else f"{keys[0]} "
    return f"{prefix}{one}", f"{prefix}{other}"
