"""Published figures: what papers and their repositories state, as `results/published.csv` has it.

They are never mixed with measured rows: nothing here makes a `Summary` or a table row of one.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, ValidationError

from tspo_bench.errors import UserError

Metric = Literal["micro", "macro", "unknown"]
Subtitles = Literal["none", "aligned", "full", "unknown"]
Verified = Literal["C", "R", "P", "I", "N", "?"]
# Read at the source; N (others' notes) and ? are not.
FIRST_HAND: tuple[Verified, ...] = ("C", "R", "P", "I")


def _group(given: object) -> object:
    """Split "name=value"; None for the empty text."""
    return tuple(given.split("=", 1)) if isinstance(given, str) and given else given or None


Text = Annotated[str, Field(min_length=1)]


class Published(BaseModel):
    """One figure.

    Attributes:
        benchmark: the task's name here.
        split: of the benchmark.
        model: the answering model's name here; "unknown" if it is not stated.
        method: the sampler, by its name here if we have it.
        frames: the budget K; None if it is not a fixed number.
        value: accuracy in percent, as stated.
        metric: over questions, over the benchmark's groups, or not stated.
        subtitles: shown or not.
        group: (name, value) of the questions that it is over; None for all.
        source: where it was stated.
        verified: C read in code, R run or counted by us, P in the authors' README, table or
            abstract, I in an issue, N others' notes, ? not verified.
        note: what else must be known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: Text
    split: Text
    model: Text
    method: Text
    frames: Annotated[PositiveInt | None, BeforeValidator(lambda given: given or None)]
    value: Annotated[float, Field(gt=1, le=100)]  # a share of 1 would be a slip
    metric: Metric
    subtitles: Subtitles
    group: Annotated[tuple[Text, Text] | None, BeforeValidator(_group)]
    source: Text
    verified: Verified
    note: str

    @property
    def first_hand(self) -> bool:
        """Whether the figure was read where its authors stated it."""
        return self.verified in FIRST_HAND


def published_file() -> Path:
    """Return the path of the shipped figures: in the wheel or the checkout."""
    package = Path(__file__).parents[2]
    shipped = package / "cards" / "published.csv"
    return shipped if shipped.is_file() else package.parent / "results" / "published.csv"


def read_published(path: Path | None = None) -> tuple[Published, ...]:
    """Read the published figures of a CSV file, by default the shipped one, in its order.

    Raises:
        UserError: the file cannot be read, or a line of it is not a figure or is there twice.
    """
    path = path or published_file()
    rows: dict[Published, int] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, restkey="more", strict=True)
            for cells in reader:
                row = _row(cells, f"{path}, line {reader.line_num}")
                if row in rows:
                    where = f"{path}, line {reader.line_num}"
                    raise UserError(f"{where} says the same as line {rows[row]}; remove one")
                rows[row] = reader.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    return tuple(rows)


def _row(cells: dict[str, Any], where: str) -> Published:
    try:
        return Published.model_validate(cells)
    except ValidationError as error:
        first = error.errors()[0]
        named = ".".join(map(str, first["loc"]))
        raise UserError(f"{where}: {named} {first['input']!r}: {first['msg']}") from error
