"""The rows of a report: cells that differ in the seed alone, taken together and compared."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.report.paired import PairedDifference, paired_difference
from tspo_bench.report.summary import Summary, accuracy_of, summarise_cells
from tspo_bench.results import Cell, read_cells
from tspo_bench.results.reading import RUN_FILE
from tspo_bench.specs import parse_spec
from tspo_bench.types import Record

BASELINE = "uniform"
SCALE = (BASELINE, "oracle")  # whose accuracies are headroom 0 and 1
_OF_SEED = ("seed", "num_questions")
# What the rows of one table share.
TOGETHER = (
    *("task", "model", "model_id", "protocol", "protocol_hash", "answer"),
    *("limit", "questions", "code"),
)
# What cells must share to be measured against each other.
_SHARED = (*TOGETHER, "frames", "visual_tokens")


@dataclass(frozen=True)
class Row:
    """Cells that differ in the seed alone (mostly one cell), and what they come to together.

    `summary` is over the records of all its seeds. `paired` is its difference to the baseline, over
    all questions that both were asked, and `both_answered` over those alone that are ok in both:
    None for the baseline itself, and where there is none of the same setting. `replaced` are the
    videos that were replaced between the two, which are then not compared.
    """

    cells: tuple[Cell, ...]
    summary: Summary
    headroom: float | None
    paired: PairedDifference | None
    both_answered: PairedDifference | None
    replaced: tuple[str, ...] = ()

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of its cells; none where nothing depends on a seed."""
        return tuple(seed for cell in self.cells if (seed := cell.settings.seed) is not None)

    @property
    def accuracies(self) -> tuple[float | None, ...]:
        """The accuracy of each of its cells."""
        return tuple(accuracy_of(cell.records) for cell in self.cells)

    @property
    def is_finished(self) -> bool:
        """Whether all answers are there, so that its accuracy is over all the questions."""
        return _are_finished(self.cells)

    @property
    def seed_std(self) -> float | None:
        """Sample standard deviation of the seeds' accuracies; None with fewer than two."""
        known = [accuracy for accuracy in self.accuracies if accuracy is not None]
        return statistics.stdev(known) if len(known) > 1 else None


class Baselines:
    """Whom cells are measured against: samplers in the same setting.

    They are those of the same run, read from its folder where they are not among `cells`; where it
    has none, those of another: a finished one, a run's folder before an entry, then the first by
    name.

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
            self._labels.setdefault(_setting(cell), set()).add(cell.settings.sampler)
        # Of several in one run the last is taken: those that are shown stand last, the newest too.
        for pool in [*_pools(others), *_pools(cells)]:
            setting = _sampler_setting(pool[0])
            for run in dict.fromkeys(cell.run_folder for cell in pool):
                self._of_runs.setdefault((run, *setting), []).append(pool)
            self._anywhere.setdefault(setting, []).append(pool)
        for pools in self._anywhere.values():
            pools.sort(key=_trusted_first)

    def baseline(self, cell: Cell) -> str:
        """The label of the sampler that a cell is compared with."""
        return or_only_variant(self._baseline, self._labels.get(_setting(cell), ()))

    def scale(self, cell: Cell) -> tuple[str, str]:
        """The labels of the samplers whose accuracies are headroom 0 and 1 in a cell's setting."""
        uniform, oracle = SCALE
        return or_only_variant(uniform, self._labels.get(_setting(cell), ())), oracle

    def headroom(self, cells: Sequence[Cell], accuracy: float | None) -> float | None:
        """Headroom recovered by the accuracy of one row's cells.

        The two it is measured against are those of `scale`.
        None while one of the three is unfinished: their accuracies are over other questions.
        """
        ends = [self._cells(cells[0], label) for label in self.scale(cells[0])]
        if not all(map(_are_finished, [cells, *ends])):
            return None
        if any(_replaced_between(cells, end) for end in ends):
            return None
        uniform, oracle = (accuracy_of(_records(end)) for end in ends)
        return headroom_recovered(accuracy, uniform, oracle)

    def scale_records(self, cell: Cell) -> list[list[Record]]:
        """The records of uniform sampling and of the oracle in a cell's setting."""
        return [_records(self._cells(cell, label)) for label in self.scale(cell)]

    def paired(
        self, cells: Sequence[Cell], *, both_answered: bool = False
    ) -> PairedDifference | None:
        """The difference of one row's cells to the baseline; None for its own, and without it.

        `both_answered` is that of `paired_difference`.
        """
        baseline = self.baseline(cells[0])
        others = _records(self._cells(cells[0], baseline))
        if cells[0].settings.sampler == baseline or not others or self.replaced(cells):
            return None
        return paired_difference(_records(cells), others, both_answered=both_answered)

    def replaced(self, cells: Sequence[Cell]) -> tuple[str, ...]:
        """The videos that are other files in one row's cells than in the baseline's of their run.

        Where there are some, the two are not compared.
        """
        if cells[0].settings.sampler == self.baseline(cells[0]):
            return ()
        return _replaced_between(cells, self._cells(cells[0], self.baseline(cells[0])))

    def chosen_run(self, cell: Cell) -> Path | None:
        """The run whose baseline a cell is compared with, where others would do as well."""
        setting = _sampler_setting(cell, self.baseline(cell))
        pools = self._anywhere.get(setting, [])
        if len(pools) < 2 or (cell.run_folder, *setting) in self._of_runs:
            return None
        return pools[0][0].run_folder

    def _cells(self, cell: Cell, label: str) -> list[Cell]:
        """Those of the sampler `label` in a cell's setting; none where it has not run."""
        setting = _sampler_setting(cell, label)
        own = self._of_runs.get((cell.run_folder, *setting), [])
        if len(own) > 1:  # of several the newest that was made of the same videos
            own = [pool for pool in own if not _replaced_between([cell], pool)] or own
        return own[-1] if own else next(iter(self._anywhere.get(setting, [])), [])


def or_only_variant(label: str, present: Collection[str]) -> str:
    """The label of a sampler; of "uniform" the only uniform[...] that is there, if it is not."""
    if label != BASELINE or label in present:
        return label
    variants = {name for name in present if name.startswith(f"{BASELINE}[")}
    return variants.pop() if len(variants) == 1 else label


def _replaced_between(cells: Sequence[Cell], others: Sequence[Cell]) -> tuple[str, ...]:
    """The videos whose file was replaced between two rows of one run."""
    runs = {cell.run_folder for cell in others}
    before = _video_files(others)
    now = _video_files([cell for cell in cells if cell.run_folder in runs])
    return tuple(sorted(video for video, files in now.items() if files != before.get(video, files)))


def _video_files(cells: Sequence[Cell]) -> dict[str, set[str]]:
    """The hashes of each video's file, by its name, as far as records hold them."""
    found: dict[str, set[str]] = {}
    for record in _records(cells):
        if "video" in record.inputs:
            found.setdefault(record.video, set()).add(record.inputs["video"])
    return found


def _trusted_first(pool: Sequence[Cell]) -> tuple[Any, ...]:
    """What goes first where several runs would do: finished ones, folders before bundles."""
    run = pool[0].run_folder
    return (not _are_finished(pool), run.suffix == ".zip", str(run))


def pooled_rows(cells: Sequence[Cell], baselines: Baselines) -> list[Row]:
    """The rows of a table of these cells, in the order of each one's first cell."""
    rows = []
    for pool in _pools(cells):
        summary = summarise_cells(pool)
        headroom = baselines.headroom(pool, summary.accuracy)
        paired, answered = (baselines.paired(pool, both_answered=only) for only in (False, True))
        replaced = baselines.replaced(pool)
        rows.append(Row(tuple(pool), summary, headroom, paired, answered, replaced))
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


def _are_finished(cells: Sequence[Cell]) -> bool:
    return all(len(cell.records) >= cell.settings.num_questions for cell in cells)


def _pools(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells that differ in the seed alone, together.

    All that made them is the same, and no seed is there twice.
    """
    of_runs: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        of_runs.setdefault((cell.run_folder, is_seeded(cell), _origin(cell)), []).append(cell)
    pools: list[list[Cell]] = []
    by_origin: dict[str, list[list[Cell]]] = {}
    for some in of_runs.values():
        alike = by_origin.setdefault(_origin(some[0]), [])
        own = {cell.settings.seed for cell in some} if is_seeded(some[0]) else None
        fitting = [
            pool
            for pool in alike
            if own and not own.intersection(cell.settings.seed for cell in pool)
        ]
        if fitting:
            fitting[0].extend(some)
        else:
            pools.append(some)
            alike.append(some)
    return pools


def is_seeded(cell: Cell) -> bool:
    """Whether a cell's records depend on a seed."""
    return cell.settings.seed is not None


def _origin(cell: Cell) -> str:
    """All that made a cell's records but for its seed, and the agent that was trained with it."""
    settings = {key: value for key, value in cell.settings.to_json().items() if key not in _OF_SEED}
    settings.pop("sampler_settings", None)
    made = dict(cell.settings.sampler_settings)
    if is_seeded(cell):
        made.pop("id", None)
    text = json.dumps([settings, made], sort_keys=True, default=str)
    return re.sub(r"/seed-[0-9]+\b", "", text) if is_seeded(cell) else text


def _setting(cell: Cell) -> tuple[Any, ...]:
    """What the cells of one table share."""
    return tuple(getattr(cell.settings, key) for key in TOGETHER)


def _sampler_setting(cell: Cell, label: str | None = None) -> tuple[Any, ...]:
    """A sampler in a cell's setting: the cell's own, if none is named."""
    shared = tuple(getattr(cell.settings, key) for key in _SHARED)
    return (*shared, cell.settings.sampler if label is None else label)


def _records(cells: Sequence[Cell]) -> list[Record]:
    return [record for cell in cells for record in cell.records]


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
