"""The samplers that rows are measured against: the baseline, and both ends of the headroom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tspo_bench.report.paired import paired_difference
from tspo_bench.report.rows import Row, are_finished, pools_of, records_of
from tspo_bench.report.summary import accuracy_of, summarise_cells
from tspo_bench.results import Cell, read_cells
from tspo_bench.results.reading import RUN_FILE
from tspo_bench.specs import parse_spec
from tspo_bench.types import Record

BASELINE = "uniform"
SCALE = (BASELINE, "oracle")  # whose accuracies are headroom 0 and 1
# What the rows of one table share.
TOGETHER = (
    *("task", "model", "model_id", "protocol", "protocol_hash", "answer"),
    *("limit", "questions", "code"),
)
# What cells must share to be measured against each other.
_SHARED = (*TOGETHER, "frames", "visual_tokens")


class Baselines:
    """The cells that others are compared with: samplers in the same setting.

    They are those of the same run, read from its folder where they are not among `cells`. If it has
    none, they are those of another run: finished ones first, folders before bundles, then by name.

    Args:
        cells: those shown.
        baseline: the sampler that all others are compared with, as a spec; see `or_only_variant`.
        others: cells that are not shown; by default those on disk in the same runs.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        baseline: str = BASELINE,
        others: Sequence[Cell] | None = None,
    ) -> None:
        self._baseline = parse_spec(baseline).label
        self._of_runs: dict[tuple[Any, ...], list[list[Cell]]] = {}
        self._anywhere: dict[tuple[Any, ...], list[list[Cell]]] = {}
        if others is None:
            others = _on_disk(cells, {*SCALE, self._baseline})
        self._labels: dict[tuple[Any, ...], set[str]] = {}
        for cell in [*cells, *others]:
            self._labels.setdefault(setting_of(cell), set()).add(cell.settings.sampler)
        # Of several in one run the last is taken: those that are shown stand last, the newest too.
        for pool in [*pools_of(others), *pools_of(cells)]:
            setting = _sampler_setting(pool[0], pool[0].settings.sampler)
            for run in dict.fromkeys(cell.run_folder for cell in pool):
                self._of_runs.setdefault((run, *setting), []).append(pool)
            self._anywhere.setdefault(setting, []).append(pool)
        for pools in self._anywhere.values():
            pools.sort(key=_trusted_first)

    def baseline(self, cell: Cell) -> str:
        """The label of the sampler that a cell is compared with."""
        return or_only_variant(self._baseline, self._labels.get(setting_of(cell), ()))

    def scale(self, cell: Cell) -> tuple[str, str]:
        """The labels of the samplers whose accuracies are headroom 0 and 1 in a cell's setting."""
        uniform, oracle = SCALE
        return or_only_variant(uniform, self._labels.get(setting_of(cell), ())), oracle

    def scale_records(self, cell: Cell) -> list[list[Record]]:
        """The records of uniform sampling and of the oracle in a cell's setting."""
        return [records_of(self._cells(cell, label)) for label in self.scale(cell)]

    def chosen_run(self, cell: Cell) -> Path | None:
        """The run whose baseline a cell is compared with, if several have one."""
        setting = _sampler_setting(cell, self.baseline(cell))
        pools = self._anywhere.get(setting, [])
        if len(pools) < 2 or (cell.run_folder, *setting) in self._of_runs:
            return None
        return pools[0][0].run_folder

    def row(self, cells: Sequence[Cell]) -> Row:
        """The row of cells that differ in the seed alone, compared with its baseline."""
        summary = summarise_cells(cells)
        headroom = self._headroom(cells, summary.accuracy)
        baseline = self.baseline(cells[0])
        if cells[0].settings.sampler == baseline:
            return Row(tuple(cells), summary, headroom)
        others = self._cells(cells[0], baseline)
        replaced = _replaced_between(cells, others)
        ours, theirs = records_of(cells), records_of(others)
        if not theirs or replaced:
            return Row(tuple(cells), summary, headroom, replaced=replaced)
        paired, answered = (
            paired_difference(ours, theirs, both_answered=only) for only in (False, True)
        )
        return Row(tuple(cells), summary, headroom, paired, answered)

    def _headroom(self, cells: Sequence[Cell], accuracy: float | None) -> float | None:
        """The headroom recovered; None if the accuracies of the three are over other questions."""
        ends = [self._cells(cells[0], label) for label in self.scale(cells[0])]
        if not all(map(are_finished, [cells, *ends])):
            return None
        if any(_replaced_between(cells, end) for end in ends):
            return None
        return headroom_recovered(accuracy, *(accuracy_of(records_of(end)) for end in ends))

    def _cells(self, cell: Cell, label: str) -> list[Cell]:
        """Those of the sampler `label` in a cell's setting; none where it has not run."""
        setting = _sampler_setting(cell, label)
        own = self._of_runs.get((cell.run_folder, *setting), [])
        if len(own) > 1:  # of several the newest that was made of the same videos
            own = [pool for pool in own if not _replaced_between([cell], pool)] or own
        return own[-1] if own else next(iter(self._anywhere.get(setting, [])), [])


def pooled_rows(cells: Sequence[Cell], baselines: Baselines) -> list[Row]:
    """The rows of a table of these cells, in the order of each one's first cell."""
    return [baselines.row(pool) for pool in pools_of(cells)]


def or_only_variant(label: str, present: Collection[str]) -> str:
    """The label of a sampler; of "uniform" the only uniform[...] that is there, if it is not."""
    if label != BASELINE or label in present:
        return label
    variants = {name for name in present if name.startswith(f"{BASELINE}[")}
    return variants.pop() if len(variants) == 1 else label


def headroom_recovered(
    accuracy: float | None, uniform: float | None, oracle: float | None
) -> float | None:
    """(accuracy - uniform) / (oracle - uniform): 0 is uniform sampling, 1 the oracle's frames.

    None where one of the three is undefined, or the oracle is no better than uniform sampling.
    """
    if accuracy is None or uniform is None or oracle is None or oracle <= uniform:
        return None
    return (accuracy - uniform) / (oracle - uniform)


def setting_of(cell: Cell) -> tuple[Any, ...]:
    """The settings that the cells of one table share: those of `TOGETHER`."""
    return tuple(getattr(cell.settings, key) for key in TOGETHER)


def _sampler_setting(cell: Cell, label: str) -> tuple[Any, ...]:
    """A sampler in a cell's setting."""
    return (*(getattr(cell.settings, key) for key in _SHARED), label)


def _replaced_between(cells: Sequence[Cell], others: Sequence[Cell]) -> tuple[str, ...]:
    """The videos whose file was replaced between two rows of one run."""
    runs = {cell.run_folder for cell in others}
    before = _video_files(others)
    now = _video_files([cell for cell in cells if cell.run_folder in runs])
    return tuple(sorted(video for video, files in now.items() if files != before.get(video, files)))


def _video_files(cells: Sequence[Cell]) -> dict[str, set[str]]:
    """The hashes of each video's file, by its name, as far as records hold them."""
    found: dict[str, set[str]] = {}
    for record in records_of(cells):
        if "video" in record.inputs:
            found.setdefault(record.video, set()).add(record.inputs["video"])
    return found


def _trusted_first(pool: Sequence[Cell]) -> tuple[Any, ...]:
    """Sorting key of runs to choose from: finished ones first, folders before bundles."""
    run = pool[0].run_folder
    return (not are_finished(pool), run.suffix == ".zip", str(run))


def _on_disk(cells: Sequence[Cell], labels: Collection[str]) -> list[Cell]:
    """The cells of these samplers and of uniform[...] in the same runs, not among `cells`."""
    here = {cell.folder for cell in cells}
    runs = dict.fromkeys(cell.run_folder for cell in cells)
    return [
        cell
        for run in runs
        if (run / RUN_FILE).is_file()
        for cell in read_cells(run)
        if isinstance(cell, Cell)
        if cell.folder not in here
        if (name := cell.settings.sampler) in labels or name.startswith(f"{BASELINE}[")
    ]
