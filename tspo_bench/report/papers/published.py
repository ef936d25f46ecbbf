"""Published figures: what papers and their repositories state, as `results/published.csv` has it.

They are never mixed with measured rows: nothing here makes a `Summary` or a table row of one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from tspo_bench.errors import UserError

Metric = Literal["micro", "macro", "unknown"]
Subtitles = Literal["none", "aligned", "full", "unknown"]
Verified = Literal["C", "R", "P", "I", "N", "?"]
# Read at the source; N (others' notes) and ? are not.
FIRST_HAND: tuple[Verified, ...] = ("C", "R", "P", "I")


@dataclass(frozen=True)
class Published:
    """One figure.

    Attributes:
        benchmark: the task's name here.
        split: of the benchmark.
        model: the answering model's name here; "unknown" where it is not stated.
        method: who picked the frames: a sampler's name here where we have it.
        frames: the budget K; None where it is no fixed number.
        value: accuracy in percent, as stated.
        metric: over questions, over the benchmark's groups, or not stated.
        subtitles: shown or not.
        group: (name, value) of the questions that it is over; None for all.
        source: where it was stated.
        verified: C read in code, R run or counted by us, P in the authors' README, table or
            abstract, I in an issue, N others' notes, ? not verified.
        note: what else must be known.
    """

    benchmark: str
    split: str
    model: str
    method: str
    frames: int | None
    value: float
    metric: Metric
    subtitles: Subtitles
    group: tuple[str, str] | None
    source: str
    verified: Verified
    note: str

    @property
    def first_hand(self) -> bool:
        """Whether the figure was read where its authors stated it."""
        return self.verified in FIRST_HAND


def published_file() -> Path:
    """Where the shipped figures lie: in the wheel or the checkout."""
    package = Path(__file__).parents[2]
    shipped = package / "cards" / "published.csv"
    return shipped if shipped.is_file() else package.parent / "results" / "published.csv"


def read_published(path: Path | None = None) -> tuple[Published, ...]:
    """The published figures of a CSV file, by default the shipped one, in its order.

    Raises:
        UserError: the file cannot be read, or a line of it is no figure or stands there twice.
    """
    path = path or published_file()
    rows: dict[Published, int] = {}
    for number, cells in _lines(path):
        try:
            row = _row(cells)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from error
        if row in rows:
            raise UserError(f"{path}, line {number} says the same as line {rows[row]}; remove one")
        rows[row] = number
    return tuple(rows)


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            expected = [field.name for field in fields(Published)]
            if reader.fieldnames != expected:
                raise UserError(f"{path}, line 1: the columns must be {','.join(expected)}")
            for cells in reader:
                yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def _row(cells: Mapping[str, Any]) -> Published:
    if None in cells or None in cells.values():
        raise ValueError(f"it must have {len(fields(Published))} cells")
    for name in ("benchmark", "split", "model", "method", "source"):
        if not cells[name]:
            raise ValueError(f"{name} is empty")
    for name, known in (("metric", Metric), ("subtitles", Subtitles), ("verified", Verified)):
        if cells[name] not in get_args(known):
            raise ValueError(f"{name} {cells[name]!r}; use one of {', '.join(get_args(known))}")
    return Published(
        **{
            **cells,
            "frames": _frames(cells["frames"]),
            "value": _percent(cells["value"]),
            "group": _group(cells["group"]),
        }
    )


def _frames(text: str) -> int | None:
    if text and not (text.isascii() and text.isdecimal() and int(text)):
        raise ValueError(f"frames {text!r}; use a whole number, or nothing")
    return int(text) if text else None


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 1 < value <= 100:  # a share of 1 would be a slip
        raise ValueError(f"value {text!r}; use percent, as in 63.9")
    return value


def _group(text: str) -> tuple[str, str] | None:
    name, _, value = text.partition("=")
    if text and not (name and value):
        raise ValueError(f"group {text!r}; write name=value, as in duration=long, or nothing")
    return (name, value) if text else None
