"""The rows of a report: cells that differ in the seed alone, pooled."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tspo_bench.report.format import budget_text
from tspo_bench.report.paired import PairedDifference
from tspo_bench.report.power import Power, power_of
from tspo_bench.report.summary import Summary, accuracy_of
from tspo_bench.results import Cell, CellSettings
from tspo_bench.types import Record

_OF_SEED = ("seed", "num_questions", "sampler_settings")


@dataclass(frozen=True)
class Row:
    """Cells that differ in the seed alone (mostly one cell), and their figures together.

    `summary` is over the records of all its seeds. `paired` is its difference to the baseline, over
    all questions that both were asked, and `both_answered` over those alone that are ok in both:
    None for the baseline itself, and where there is none of the same setting. `replaced` are the
    videos that were replaced between the two, which are then not compared.
    """

    cells: tuple[Cell, ...]
    summary: Summary
    headroom: float | None = None
    paired: PairedDifference | None = None
    both_answered: PairedDifference | None = None
    replaced: tuple[str, ...] = ()

    @property
    def settings(self) -> CellSettings:
        """The settings of its first cell."""
        return self.cells[0].settings

    @property
    def budget(self) -> str:
        """The frame budget, or in its place the visual tokens: "64", "v4096"."""
        return budget_text(self.settings)

    @cached_property
    def records(self) -> list[Record]:
        """The records of all its cells."""
        return records_of(self.cells)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of its cells; none where nothing depends on a seed."""
        return tuple(seed for cell in self.cells if (seed := cell.settings.seed) is not None)

    @property
    def accuracies(self) -> tuple[float | None, ...]:
        """The accuracy of each of its cells."""
        return tuple(accuracy_of(cell.records) for cell in self.cells)

    @property
    def seed_std(self) -> float | None:
        """Sample standard deviation of the seeds' accuracies; None with fewer than two."""
        known = [accuracy for accuracy in self.accuracies if accuracy is not None]
        return statistics.stdev(known) if len(known) > 1 else None

    @property
    def num_done(self) -> int:
        """Answers so far, all seeds together."""
        return len(self.records)

    @property
    def num_planned(self) -> int | None:
        """Answers in a finished run; None where the run did not record it."""
        planned = [cell.settings.num_questions for cell in self.cells]
        return sum(planned) if all(planned) else None

    @property
    def is_finished(self) -> bool:
        """Whether all answers are there, so that its accuracy is over all the questions."""
        return are_finished(self.cells)

    @property
    def power(self) -> Power | None:
        """The power of the comparison with the baseline."""
        return None if self.paired is None else power_of(self.paired)


def records_of(cells: Sequence[Cell]) -> list[Record]:
    """The records of all these cells."""
    return [record for cell in cells for record in cell.records]


def are_finished(cells: Sequence[Cell]) -> bool:
    """Whether every question of every cell has its record."""
    return all(len(cell.records) >= cell.settings.num_questions for cell in cells)


def pools_of(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells that differ in the seed alone, together.

    All that made them is the same, and no seed is there twice.
    """
    of_runs: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        of_runs.setdefault((cell.run_folder, _origin(cell)), []).append(cell)
    pools: list[list[Cell]] = []
    by_origin: dict[str, list[list[Cell]]] = {}
    for (_, origin), some in of_runs.items():
        alike = by_origin.setdefault(origin, [])
        seeds = _seeds(some)
        pool = next((pool for pool in alike if seeds and not seeds & _seeds(pool)), None)
        if pool is not None:
            pool.extend(some)
        else:
            pools.append(some)
            alike.append(some)
    return pools


def _seeds(cells: Sequence[Cell]) -> set[int]:
    return {cell.settings.seed for cell in cells if cell.settings.seed is not None}


def _origin(cell: Cell) -> str:
    """All that made a cell's records but for its seed, and the agent that was trained with it."""
    settings = {key: value for key, value in cell.settings.to_json().items() if key not in _OF_SEED}
    made = dict(cell.settings.sampler_settings)
    is_seeded = cell.settings.seed is not None
    if is_seeded:
        made.pop("id", None)
    text = json.dumps([is_seeded, settings, made], sort_keys=True, default=str)
    return re.sub(r"/seed-[0-9]+\b", "", text) if is_seeded else text
