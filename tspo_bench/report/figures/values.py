"""What figures show, as plain values: drawn by the page itself and by matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.report.columns import chart_columns
from tspo_bench.report.comparison import ComparedRow, ComparisonTable, is_bound
from tspo_bench.report.escape import snippet
from tspo_bench.report.format import budget, label
from tspo_bench.report.groups import by_value
from tspo_bench.report.rows import Baselines, pooled_rows
from tspo_bench.report.stats import Interval
from tspo_bench.report.summary import GroupSummary, summarise
from tspo_bench.results import Cell
from tspo_bench.types import Record

DEPTH, LENGTH = "depth", "length"  # the groups of a map
MOST_BARS = 6  # samplers whose bars are told apart beside each other
_ABOVE, _LINE = 4.0, 6.0  # points of accuracy: from a mark to its name, and a line of text
# What cells of one map share; their tasks may differ, as those of other lengths do.
_OF_MAP = ("model", "model_id", "protocol", "protocol_hash", "answer", "limit")


@dataclass(frozen=True)
class Bar:
    """A sampler at one budget; shares of 1, None where undefined.

    Attributes:
        name: the sampler, as the table has it; of an unfinished row with the answers there are.
        budget: the frame budget's label.
        frames: how many frames a question was given on average.
        accuracy: of the row, with its interval.
        ci95: likewise.
        costs: what a question cost on average, by measure.
        groups: accuracy by group and value.
        is_bound: it bounds what samplers can do, and is none itself.
        is_baseline: the others are compared with it.
        is_finished: all answers are there; a bar that is not is on no front.
    """

    name: str
    budget: str
    frames: float | None
    accuracy: float | None
    ci95: Interval | None
    costs: Mapping[str, float]
    groups: Mapping[str, Mapping[str, GroupSummary]]
    is_bound: bool
    is_baseline: bool
    is_finished: bool


@dataclass(frozen=True)
class Label:
    """The name of a bar on a front: it stands at this height (percent), above its point."""

    place: int
    text: str
    height: float


@dataclass(frozen=True)
class Comparison:
    """What is drawn of one table; `fronts` has the places of the bars on each measure's front."""

    title: str
    about: str
    bars: tuple[Bar, ...]
    fronts: Mapping[str, tuple[int, ...]]

    @property
    def budgets(self) -> list[str]:
        """The budgets, rising."""
        return list(dict.fromkeys(bar.budget for bar in self.bars))

    @property
    def names(self) -> list[str]:
        """The samplers in the table's order."""
        return list(dict.fromkeys(bar.name for bar in self.bars))

    @property
    def is_crowded(self) -> bool:
        """Whether the samplers are too many for bars beside each other."""
        return len(self.names) > MOST_BARS

    @property
    def labels(self) -> dict[str, list[Label]]:
        """Of each measure the names on its front, none upon another."""
        return {measure: self._labels(front) for measure, front in self.fronts.items()}

    def _labels(self, front: Sequence[int]) -> list[Label]:
        found: list[Label] = []
        for place in front:
            bar = self.bars[place]
            height = 100 * (bar.accuracy or 0) + _ABOVE
            if found:  # upper left of a front nothing else stands: the names go up like stairs
                height = max(height, found[-1].height + _LINE)
            found.append(Label(place, f"{snippet(bar.name, 24)}, K = {bar.budget}", height))
        return found

    @property
    def groups(self) -> dict[str, list[str]]:
        """Groups with several values, and these."""
        values: dict[str, dict[str, None]] = {}
        for bar in self.bars:
            for group, entries in bar.groups.items():
                values.setdefault(group, {}).update(dict.fromkeys(entries))
        return {group: list(some) for group, some in values.items() if len(some) > 1}


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


def comparison_of(table: ComparisonTable) -> Comparison:
    """What is drawn of a table."""
    bars = tuple(_bar(one, table.baseline) for one in table.rows)
    measures = dict.fromkeys(measure for bar in bars for measure in bar.costs)
    return Comparison(
        table.title,
        ", ".join(str(table.shared[key]) for key in ("protocol", "answer") if table.shared[key]),
        bars,
        {measure: _front(bars, measure) for measure in measures},
    )


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the (cost, accuracy) that no other point beats in both, by rising cost.

    Of points with equal cost the most accurate one is kept, of equal ones the first.
    """
    order = sorted(range(len(points)), key=lambda place: (points[place][0], -points[place][1]))
    front: list[int] = []
    for place in order:
        if not front or points[place][1] > points[front[-1]][1]:
            front.append(place)
    return front


def depth_maps(cells: Sequence[Cell]) -> list[DepthMap]:
    """A map for each model and budget, of the tasks whose questions have a depth and a length.

    A task's cells that were asked other questions (its annotations have changed) stand apart.
    """
    pools: dict[tuple[Any, ...], list[Cell]] = {}
    versions: dict[tuple[Any, ...], list[Any]] = {}  # the question sets of each task in a map
    for cell in cells:
        if any({DEPTH, LENGTH} <= set(record.groups) for record in cell.records):
            shared = (*(getattr(cell.settings, key) for key in _OF_MAP), _budget_of(cell))
            own = cell.settings
            task, questions, seed = own.task, own.questions, own.seed
            known = versions.setdefault((*shared, task, seed), [])
            if questions not in known:
                known.append(questions)
            pools.setdefault((*shared, known.index(questions)), []).append(cell)
    return [_depth_map(some) for some in pools.values()]


def _bar(one: ComparedRow, baseline: str) -> Bar:
    summary = one.row.summary
    return Bar(
        name=_name(one),
        budget=budget(one.row),
        frames=summary.mean_frames,
        accuracy=summary.accuracy,
        ci95=summary.ci95,
        costs=_costs(one),
        groups=summary.groups,
        is_bound=is_bound(label(one.row, "sampler")),
        is_baseline=label(one.row, "sampler") == baseline,
        is_finished=one.is_finished,
    )


def _name(one: ComparedRow) -> str:
    """The name of a row in figures: "aks"; "aks (4 of 14)" of one with 4 of 14 answers."""
    if one.is_finished:
        return one.name
    planned = "unknown" if one.num_planned is None else one.num_planned
    return f"{one.name} ({one.num_done} of {planned})"


def _costs(one: ComparedRow) -> dict[str, float]:
    """Cost columns of a row: only those above 0, as their axis is logarithmic."""
    costs = {column.heading: column.value(one) for column in chart_columns("cost")}
    return {heading: cost for heading, cost in costs.items() if cost}


def _front(bars: Sequence[Bar], measure: str) -> tuple[int, ...]:
    known = [
        (place, (bar.costs[measure], bar.accuracy))
        for place, bar in enumerate(bars)
        if bar.is_finished and not bar.is_bound
        if measure in bar.costs and bar.accuracy is not None
    ]
    return tuple(known[place][0] for place in pareto_front([point for _, point in known]))


def _budget_of(cell: Cell) -> str:
    tokens = cell.settings.visual_tokens
    return str(cell.settings.frames) if tokens is None else f"v{tokens}"


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
        _budget_of(cells[0]),
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
            told = run if is_named_by_path else run.name
            name = sampler if len(runs) == 1 else f"{sampler} ({told})"
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
