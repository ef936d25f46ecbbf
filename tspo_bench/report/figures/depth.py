"""Maps of accuracy by the evidence's depth and the video's length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.report.baselines import Baselines, pooled_rows
from tspo_bench.report.format import budget_text
from tspo_bench.report.groups import by_value
from tspo_bench.report.summary import summarise
from tspo_bench.results import Cell
from tspo_bench.types import Record

DEPTH, LENGTH = "depth", "length"  # the groups of a map
# What cells of one map share; their tasks may differ, as those of other lengths do.
_OF_MAP = ("model", "model_id", "protocol", "protocol_hash", "answer", "limit")


@dataclass(frozen=True)
class DepthMap:
    """Accuracy by the evidence's depth (rows) and the video's length (columns), a map a sampler.

    `shares` has for each sampler [depths][lengths] of (questions, accuracy).
    """

    title: str
    budget: str
    depths: tuple[str, ...]
    lengths: tuple[str, ...]
    shares: Mapping[str, tuple[tuple[tuple[int, float | None], ...], ...]]

    @property
    def is_even(self) -> bool:
        """Whether all cells have as many questions."""
        return len(set(self._sizes)) < 2

    @property
    def counts(self) -> str:
        """How many questions a cell has: "n = 21 a cell"; "n = 12 to 37 a cell"."""
        low, high = min(self._sizes, default=0), max(self._sizes, default=0)
        return f"n = {low} a cell" if low == high else f"n = {low} to {high} a cell"

    @property
    def _sizes(self) -> list[int]:
        return [n for shares in self.shares.values() for row in shares for n, _ in row]


def has_depths(cell: Cell) -> bool:
    """Whether a cell's questions have a depth and a length."""
    return any({DEPTH, LENGTH} <= set(record.groups) for record in cell.records)


def depth_maps(cells: Sequence[Cell]) -> list[DepthMap]:
    """A map for each model and budget, of the tasks whose questions have a depth and a length.

    A task's cells that were asked other questions (its annotations have changed) stand apart.
    """
    pools: dict[tuple[Any, ...], list[Cell]] = {}
    versions: dict[tuple[Any, ...], list[Any]] = {}  # the question sets of each task in a map
    for cell in cells:
        if has_depths(cell):
            shared = (*(getattr(cell.settings, key) for key in _OF_MAP), budget_text(cell.settings))
            settings = cell.settings
            task, questions, seed = settings.task, settings.questions, settings.seed
            known = versions.setdefault((*shared, task, seed), [])
            if questions not in known:
                known.append(questions)
            pools.setdefault((*shared, known.index(questions)), []).append(cell)
    return [_depth_map(some) for some in pools.values()]


def _depth_map(cells: Sequence[Cell]) -> DepthMap:
    everything = by_value(record for cell in cells for record in cell.records)
    depths, lengths = (tuple(everything[group]) for group in (DEPTH, LENGTH))
    shares = {}
    for name, records in _by_sampler(cells).items():
        by_length = by_value(records)[LENGTH]
        columns = {length: by_value(some).get(DEPTH, {}) for length, some in by_length.items()}
        shares[name] = tuple(
            tuple(_share(columns.get(length, {}).get(depth, ())) for length in lengths)
            for depth in depths
        )
    settings = cells[0].settings
    limit = settings.limit
    some = "" if limit is None else f", {limit} questions a task"
    return DepthMap(
        f"{settings.model}, {settings.protocol}{some}",
        budget_text(settings),
        depths,
        lengths,
        shares,
    )


def _by_sampler(cells: Sequence[Cell]) -> dict[str, list[Record]]:
    """Records by sampler; by its run, too, where a task's table has rows of several runs of it."""
    found: dict[str, list[Record]] = {}
    for sampler in dict.fromkeys(str(cell.settings.sampler) for cell in cells):
        own = [cell for cell in cells if cell.settings.sampler == sampler]
        runs = _rows_by_run(own)
        is_named_by_path = len({run.name for run in runs}) < len(runs)
        for run, records in runs.items():
            place = run if is_named_by_path else run.name
            name = sampler if len(runs) == 1 else f"{sampler} ({place})"
            found[name] = records
    return found


def _rows_by_run(cells: Sequence[Cell]) -> dict[Path, list[Record]]:
    """The records of a sampler by the run of their row; all together if no task has two rows."""
    one_run = cells[0].run_folder
    if all(cell.run_folder == one_run for cell in cells):
        return {one_run: [record for cell in cells for record in cell.records]}
    rows = pooled_rows(cells, Baselines(cells, others=()))
    are_several = len({row.cells[0].settings.task for row in rows}) < len(rows)
    runs: dict[Path, list[Record]] = {}
    for row in rows:
        run = row.cells[0].run_folder if are_several else one_run
        runs.setdefault(run, []).extend(record for cell in row.cells for record in cell.records)
    return runs


def _share(records: Iterable[Record]) -> tuple[int, float | None]:
    summary = summarise(list(records))
    return summary.n, summary.accuracy
