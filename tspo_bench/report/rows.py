"""The rows of a report: cells that differ in the seed alone, taken together and compared."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tspo_bench.report.paired import PairedDifference, paired_difference
from tspo_bench.report.summary import Summary, summarise, summarise_cells
from tspo_bench.results import Cell, read_run
from tspo_bench.results.run import RUN_FILE
from tspo_bench.specs import parse_spec
from tspo_bench.types import Record

BASELINE = "uniform"
_BOUNDS = ("uniform", "oracle")
# What cells must share to be measured against each other.
_SHARED = (
    "task",
    "protocol",
    "protocol_hash",
    "answer",
    "model",
    "frames",
    "visual_tokens",
    "limit",
    "questions",
)


@dataclass(frozen=True)
class Row:
    """Cells that differ in the seed alone (mostly one cell), and what they come to together.

    `summary` is over the records of all its seeds. `paired` is its difference to the baseline: None
    for the baseline itself, and where there is none of the same setting.
    """

    cells: tuple[Cell, ...]
    summary: Summary
    headroom: float | None
    paired: PairedDifference | None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of its cells; none where nothing hangs on a seed."""
        return tuple(seed for cell in self.cells if (seed := cell.settings.get("seed")) is not None)

    @property
    def accuracies(self) -> tuple[float | None, ...]:
        """The accuracy of each of its cells."""
        return tuple(summarise(cell.records).accuracy for cell in self.cells)

    @property
    def seed_std(self) -> float | None:
        """Sample standard deviation of the seeds' accuracies; None with fewer than two."""
        known = [accuracy for accuracy in self.accuracies if accuracy is not None]
        return statistics.stdev(known) if len(known) > 1 else None


class Rivals:
    """Whom cells are measured against: samplers in the same setting of the same run.

    They are read from the run's folder where they are not among `cells`.

    Args:
        cells: those shown.
        baseline: the sampler that all others are compared with, as a spec.

    Attributes:
        baseline: its label.
    """

    def __init__(self, cells: Sequence[Cell], baseline: str = BASELINE) -> None:
        self.baseline = parse_spec(baseline).label
        self._pools: dict[tuple[Any, ...], list[Cell]] = {}
        on_disk = _on_disk(cells, {*_BOUNDS, self.baseline})
        for pool in [*_pools(cells), *_pools(on_disk)]:
            self._pools.setdefault((*_setting(pool[0]), pool[0].settings["sampler"]), pool)

    def headroom(self, cell: Cell, accuracy: float | None) -> float | None:
        """Headroom recovered by an accuracy in a cell's setting.

        The two it is measured against are the samplers labelled exactly "uniform" and "oracle".
        """
        uniform, oracle = (summarise(self._records(cell, label)).accuracy for label in _BOUNDS)
        return headroom_recovered(accuracy, uniform, oracle)

    def paired(self, cells: Sequence[Cell]) -> PairedDifference | None:
        """The difference of one row's cells to the baseline; None for its own, and without it."""
        others = self._records(cells[0], self.baseline)
        if cells[0].settings["sampler"] == self.baseline or not others:
            return None
        return paired_difference(_records(cells), others)

    def _records(self, cell: Cell, label: str) -> list[Record]:
        """Those of the sampler `label` in a cell's setting; none where it has not run."""
        return _records(self._pools.get((*_setting(cell), label), []))


def pooled_rows(cells: Sequence[Cell], rivals: Rivals) -> list[Row]:
    """The rows of a table of these cells, in the order of each one's first cell."""
    rows = []
    for pool in _pools(cells):
        summary = summarise_cells(pool)
        headroom = rivals.headroom(pool[0], summary.accuracy)
        rows.append(Row(tuple(pool), summary, headroom, rivals.paired(pool)))
    return rows


def headroom_recovered(
    accuracy: float | None, uniform: float | None, oracle: float | None
) -> float | None:
    """(accuracy - uniform) / (oracle - uniform): 0 is uniform sampling, 1 the oracle's frames.

    None where one of the three is undefined, or the oracle is no better than uniform sampling.
    """
    if accuracy is None or uniform is None or oracle is None or oracle <= uniform:
        return None
    return (accuracy - uniform) / (oracle - uniform)


def _pools(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells that differ in the seed alone, together."""
    pools: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        is_seeded = cell.settings.get("seed") is not None
        key = (*_setting(cell), cell.settings["sampler"], is_seeded)
        pools.setdefault(key, []).append(cell)
    return list(pools.values())


def _setting(cell: Cell) -> tuple[Any, ...]:
    return (cell.run_folder, *(cell.settings.get(key) for key in _SHARED))


def _records(cells: Sequence[Cell]) -> list[Record]:
    return [record for cell in cells for record in cell.records]


def _on_disk(cells: Sequence[Cell], labels: Collection[str]) -> list[Cell]:
    """The cells of these samplers in the same runs that are not among `cells`."""
    here = {cell.folder for cell in cells}
    runs = dict.fromkeys(cell.run_folder for cell in cells)
    return [
        cell
        for run in runs
        if (run / RUN_FILE).is_file()
        for cell in read_run(run)
        if cell.settings["sampler"] in labels and cell.folder not in here
    ]
