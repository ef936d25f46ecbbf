"""Comparison tables: which rows may be compared, and what each is beside the others.

A table is over one task, model, question set, protocol (with its subtitles) and answering mode.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tspo_bench.report.baselines import BASELINE, TOGETHER, Baselines, pooled_rows, setting_of
from tspo_bench.report.bootstrap import bootstrap_interval
from tspo_bench.report.marks import Mark, marks
from tspo_bench.report.paired import holm
from tspo_bench.report.rows import Row
from tspo_bench.report.stats import Interval
from tspo_bench.results import Cell
from tspo_bench.types import FloatArray

# They bound what samplers can do, and are none themselves.
BOUNDS = ("oracle", "blind")


def is_bound(sampler: str) -> bool:
    """Whether a sampler's label, with any options, is that of a bound."""
    return sampler.partition("[")[0] in BOUNDS


@dataclass(frozen=True)
class Prices:
    """Prices of a served model, in money per million tokens."""

    prompt: float
    completion: float


@dataclass(frozen=True)
class ComparedRow:
    """A row beside the others of its table.

    Attributes:
        row: the cells and their figures.
        name: the sampler, followed by its run where another row has the same name.
        baseline: the sampler that it is compared with.
        p_holm: the paired difference's p-value, adjusted for all samplers of this table and budget.
        baseline_run: the run whose baseline it is compared with, where several have one.
        headroom_ci95: of the headroom recovered.
        gpu_seconds: of answering, per question; None unless all of it ran on CUDA.
        cost_per_question: None without prices or recorded tokens.
        mark: best or second best of its budget's finished rows, where that is more than chance.
    """

    row: Row
    name: str
    baseline: str
    p_holm: float | None = None
    baseline_run: Path | None = None
    headroom_ci95: Interval | None = None
    gpu_seconds: float | None = None
    cost_per_question: float | None = None
    mark: Mark | None = None


@dataclass(frozen=True)
class ComparisonTable:
    """Rows that may be compared; `shared` are the settings that all of them have."""

    shared: Mapping[str, Any]
    baseline: str
    rows: tuple[ComparedRow, ...]

    @property
    def title(self) -> str:
        """Task and model."""
        return f"{self.shared['task']}, {self.shared['model']}"


def comparison_tables(
    cells: Sequence[Cell],
    baseline: str = BASELINE,
    prices: Prices | None = None,
    *,
    others: Sequence[Cell] | None = (),
) -> list[ComparisonTable]:
    """Build the tables of these cells.

    Tables are sorted by task and model, rows by budget and accuracy.

    Args:
        cells: of any number of runs.
        baseline: the sampler that each row is compared with, as a spec.
        prices: of a served model.
        others: cells that are not shown but may be the baseline; None for those in the same run
            folders.
    """
    baselines = Baselines(cells, baseline, others)
    tables: dict[tuple[Any, ...], list[Row]] = {}
    for row in pooled_rows(cells, baselines):
        tables.setdefault(setting_of(row.cells[0]), []).append(row)
    return [
        ComparisonTable(
            dict(zip(TOGETHER, key, strict=True)),
            baselines.baseline(rows[0].cells[0]),
            _compared(rows, baselines, prices),
        )
        for key, rows in sorted(tables.items(), key=lambda item: tuple(map(str, item[0])))
    ]


def _compared(
    rows: Sequence[Row], baselines: Baselines, prices: Prices | None
) -> tuple[ComparedRow, ...]:
    names = _names(rows)
    by_budget: dict[str, list[Row]] = {}
    for row in sorted(rows, key=_order):
        by_budget.setdefault(row.budget, []).append(row)
    return tuple(
        compared
        for some in by_budget.values()
        for compared in _of_one_budget(some, names, baselines, prices)
    )


def _of_one_budget(
    rows: Sequence[Row], names: Mapping[int, str], baselines: Baselines, prices: Prices | None
) -> list[ComparedRow]:
    adjusted = holm([row.paired.p_value if row.paired else None for row in rows])
    contenders = [row for row in rows if not is_bound(row.settings.sampler)]
    accuracies = [row.summary.accuracy if row.is_finished else None for row in contenders]
    marked = dict(
        zip(
            map(id, contenders), marks([row.records for row in contenders], accuracies), strict=True
        )
    )
    return [
        ComparedRow(
            row,
            names[id(row)],
            baselines.baseline(row.cells[0]),
            p_holm=p,
            baseline_run=baselines.chosen_run(row.cells[0]) if row.paired else None,
            headroom_ci95=_headroom_interval(row, baselines),
            gpu_seconds=_gpu_seconds(row),
            cost_per_question=_cost(row, prices),
            mark=marked.get(id(row)),
        )
        for row, p in zip(rows, adjusted, strict=True)
    ]


def _names(rows: Sequence[Row]) -> dict[int, str]:
    """A name for each row by its id: the sampler, and how it differs from others of that name.

    These are the options that differ (the agent, say), over all budgets; of equal ones the run.
    """
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(row.settings.sampler, []).append(row)
    names = {}
    for sampler, alike in by_label.items():
        options = [_options(row) for row in alike]
        keys = dict.fromkeys(key for some in options for key in some)
        differing = [key for key in keys if len({some.get(key) for some in options}) > 1]
        for row, some in zip(alike, options, strict=True):
            suffix = ", ".join(f"{key}={some.get(key, 'default')}" for key in differing)
            names[id(row)] = f"{sampler} ({suffix})" if suffix else sampler
    return names | _places(rows, names)


def _places(rows: Sequence[Row], names: Mapping[int, str]) -> dict[int, str]:
    """Return names with run or cell for rows of one budget that would share a name."""
    found = {}
    for row in rows:
        equal = [o for o in rows if (o.budget, names[id(o)]) == (row.budget, names[id(row)])]
        if len(equal) > 1:
            runs = [other.cells[0].run_folder for other in equal]
            cell = row.cells[0]
            place = cell.folder if runs.count(cell.run_folder) > 1 else cell.run_folder
            found[id(row)] = f"{row.settings.sampler} ({place})"
    return found


def _options(row: Row) -> dict[str, str]:
    """The options of a row's sampler; the agents of several seeds are one."""
    options = row.settings.sampler_settings.get("options") or {}
    return {key: re.sub(r"/seed-[0-9]+$", "", str(value)) for key, value in options.items()}


def _cost(row: Row, prices: Prices | None) -> float | None:
    usage = row.summary.mean_usage
    if prices is None or not {"prompt_tokens", "completion_tokens"} <= usage.keys():
        return None
    prompt = usage["prompt_tokens"] * prices.prompt
    return (prompt + usage["completion_tokens"] * prices.completion) / 1e6


def _order(row: Row) -> tuple[Any, ...]:
    settings, accuracy = row.settings, row.summary.accuracy
    return (
        settings.visual_tokens or 0,
        settings.frames,
        2 if accuracy is None else -accuracy,
        row.settings.sampler,
        str(row.cells[0].folder),
    )


def _gpu_seconds(row: Row) -> float | None:
    """Seconds of the stage `answer`, over all records; a server's GPU is not ours to count."""
    if row.settings.model.startswith("openai:") or not all(cell.on_cuda for cell in row.cells):
        return None
    seconds = [record.timing["answer"] for record in row.records if "answer" in record.timing]
    return math.fsum(seconds) / len(row.records) if seconds else None


def _headroom_interval(row: Row, baselines: Baselines) -> Interval | None:
    """By the cluster bootstrap: videos are drawn for the row and both ends of the scale together.

    The ends themselves are 0 and 1 for sure.
    """
    if row.headroom is None or row.settings.sampler in baselines.scale(row.cells[0]):
        return None
    three = [row.records, *baselines.scale_records(row.cells[0])]
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
