"""The tables of `tspo-bench report`: which rows may be compared, and what stands in each.

A table is over one task, model, question set, protocol (with its subtitles) and answering mode.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tspo_bench.report.bootstrap import bootstrap_interval
from tspo_bench.report.marks import Mark, marks
from tspo_bench.report.paired import holm
from tspo_bench.report.rows import BASELINE, TOGETHER, Rivals, Row, pooled_rows
from tspo_bench.report.stats import Interval
from tspo_bench.report.texts import budget, label
from tspo_bench.results import Cell
from tspo_bench.types import FloatArray, Record

# They bound what samplers can do, and are none themselves.
BOUNDS = ("oracle", "blind")


def is_bound(sampler: str) -> bool:
    """Whether a sampler's label, whatever its options, is that of a bound."""
    return sampler.partition("[")[0] in BOUNDS


@dataclass(frozen=True)
class Standing:
    """A row with what it is beside the others of its table.

    Attributes:
        row: the cells and their figures.
        name: the sampler, and what tells it from another row of that name.
        num_done: answers that are there, all seeds together.
        num_planned: answers that there are to be; None where the run did not write it down.
        p_holm: the paired difference's p-value, adjusted for all samplers of this table and budget.
        baseline_run: the run whose baseline it is compared with, where others would do as well.
        headroom_ci95: of the headroom recovered.
        gpu_seconds: a question's, spent on answering; None where it was not all done on CUDA.
        mark: best or second best of its budget's finished rows, where that is more than chance.
    """

    row: Row
    name: str
    num_done: int
    num_planned: int | None
    p_holm: float | None = None
    baseline_run: Path | None = None
    headroom_ci95: Interval | None = None
    gpu_seconds: float | None = None
    mark: Mark | None = None

    @property
    def is_finished(self) -> bool:
        """Whether all answers are there."""
        return self.row.is_finished


@dataclass(frozen=True)
class Standings:
    """One table: `shared` are the settings that all its rows have."""

    shared: Mapping[str, Any]
    baseline: str
    standings: tuple[Standing, ...]


def standings_of(cells: Sequence[Cell], baseline: str = BASELINE) -> list[Standings]:
    """The tables of these cells.

    Tables stand by task and model, rows by budget and accuracy, whatever the order of the cells.

    Args:
        cells: of any number of runs.
        baseline: the sampler that each row is compared with, as a spec.
    """
    rivals = Rivals(cells, baseline, others=())
    tables: dict[tuple[Any, ...], list[Row]] = {}
    for row in pooled_rows(cells, rivals):
        settings = row.cells[0].settings
        tables.setdefault(tuple(settings.get(key) for key in TOGETHER), []).append(row)
    return [
        Standings(
            dict(zip(TOGETHER, key, strict=True)),
            rivals.baseline(rows[0].cells[0]),
            _standings(rows, rivals),
        )
        for key, rows in sorted(tables.items(), key=lambda item: tuple(map(str, item[0])))
    ]


def _standings(rows: Sequence[Row], rivals: Rivals) -> tuple[Standing, ...]:
    by_budget: dict[str, list[Row]] = {}
    for row in sorted(rows, key=_order):
        by_budget.setdefault(budget(row), []).append(row)
    return tuple(
        standing for some in by_budget.values() for standing in _of_one_budget(some, rivals)
    )


def _of_one_budget(rows: Sequence[Row], rivals: Rivals) -> list[Standing]:
    adjusted = holm([row.paired.p_value if row.paired else None for row in rows])
    rivalling = [row for row in rows if not is_bound(label(row, "sampler"))]
    accuracies = [row.summary.accuracy if row.is_finished else None for row in rivalling]
    marked = dict(zip(map(id, rivalling), marks(_records(rivalling), accuracies), strict=True))
    return [
        replace(
            _standing(row, rows),
            p_holm=p,
            baseline_run=rivals.chosen_run(row.cells[0]) if row.paired else None,
            headroom_ci95=_headroom_interval(row, rivals),
            mark=marked.get(id(row)),
        )
        for row, p in zip(rows, adjusted, strict=True)
    ]


def _standing(row: Row, rows: Sequence[Row]) -> Standing:
    names = [label(other, "sampler") for other in rows]
    name = label(row, "sampler")
    if names.count(name) > 1:  # of another run, or with other settings
        alike = [o.cells[0].run_folder for o, n in zip(rows, names, strict=True) if n == name]
        cell = row.cells[0]
        name = f"{name} ({cell.folder if alike.count(cell.run_folder) > 1 else cell.run_folder})"
    planned = [cell.settings.get("num_questions") for cell in row.cells]
    return Standing(
        row,
        name,
        num_done=sum(len(cell.records) for cell in row.cells),
        num_planned=None if None in planned else sum(filter(None, planned)),
        gpu_seconds=_gpu_seconds(row),
    )


def _order(row: Row) -> tuple[Any, ...]:
    settings, accuracy = row.cells[0].settings, row.summary.accuracy
    return (
        settings.get("visual_tokens") or 0,
        settings["frames"],
        2 if accuracy is None else -accuracy,
        label(row, "sampler"),
        str(row.cells[0].folder),
    )


def _records(rows: Sequence[Row]) -> list[list[Record]]:
    return [[record for cell in row.cells for record in cell.records] for row in rows]


def _gpu_seconds(row: Row) -> float | None:
    """Seconds of the stage `answer`, over all records; a server's GPU is not ours to count."""
    if label(row, "model").startswith("openai:") or not all(cell.on_cuda for cell in row.cells):
        return None
    (records,) = _records([row])
    seconds = [record.timing["answer"] for record in records if "answer" in record.timing]
    return math.fsum(seconds) / len(records) if seconds else None


def _headroom_interval(row: Row, rivals: Rivals) -> Interval | None:
    """By the cluster bootstrap: videos are drawn for the row and both ends of the scale together.

    The ends themselves are 0 and 1 for sure.
    """
    if row.headroom is None or label(row, "sampler") in rivals.scale(row.cells[0]):
        return None
    three = [*_records([row]), *rivals.scale_records(row.cells[0])]
    videos = {record.video: 0 for records in three for record in records}
    place = {video: number for number, video in enumerate(videos)}
    sums = np.zeros((len(videos), 6))
    for column, records in enumerate(three):
        for record in records:
            if record.gold is not None:
                sums[place[record.video], 2 * column : 2 * column + 2] += record.correct, 1
    return bootstrap_interval(sums, _headrooms)


def _headrooms(sums: FloatArray) -> FloatArray:
    """The headroom recovered [b] of (right, asked) [b, 6] of a row, uniform and the oracle."""
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy, uniform, oracle = (sums[:, i] / sums[:, i + 1] for i in (0, 2, 4))
        recovered = (accuracy - uniform) / (oracle - uniform)
    return np.where(oracle > uniform, recovered, np.nan)
