"""The main table of the field's papers: a row for each model and sampler, a column a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.report.comparison import ComparedRow, ComparisonTable, is_bound
from tspo_bench.report.format import POINTS, UNDEFINED
from tspo_bench.report.groups import values_of
from tspo_bench.report.marks import Mark, marks
from tspo_bench.report.rows import Row
from tspo_bench.report.stats import Interval, averaged_interval
from tspo_bench.report.tables.grid import Entry, Grid, Heading, parts_of
from tspo_bench.types import Record

# What the rows of one paper table share: protocols' hashes are each benchmark's own.
_TOGETHER = ("protocol", "answer", "limit")
_UNFINISHED = "(n of N): unfinished, n of the benchmark's N answers are there"


@dataclass(frozen=True)
class PaperColumn:
    """A figure of a benchmark.

    Attributes:
        key: its name in JSON and CSV.
        heading: in tables.
        task: the benchmark.
        group: (name, value) of the questions that it is over; None for all.
        is_macro: the mean over the benchmark's own groups, in place of that over questions.
    """

    key: str
    heading: str
    task: str
    group: tuple[str, str] | None = None
    is_macro: bool = False


PAPER_COLUMNS = (
    PaperColumn("longvideobench", "LongVideoBench", "longvideobench"),
    PaperColumn("mlvu_m_avg", "MLVU M-Avg", "mlvu", is_macro=True),
    PaperColumn("mlvu", "MLVU micro", "mlvu"),
    PaperColumn("videomme_long", "Video-MME long", "videomme", ("duration", "long")),
    PaperColumn("videomme", "Video-MME all", "videomme"),
    PaperColumn("lvbench", "LVBench", "lvbench"),
)
# The difference to the baseline is the mean over these: one figure a benchmark.
_AVERAGED = ("longvideobench", "mlvu", "videomme", "lvbench")


@dataclass(frozen=True)
class Figure:
    """One figure of a row; shares of 1.

    `is_finished`: all questions of its benchmark are answered; `num_done` of the `num_planned`
    answers are there (None where the run did not write it down).
    """

    accuracy: float | None
    ci95: Interval | None
    is_finished: bool
    num_done: int
    num_planned: int | None
    mark: Mark | None = None


@dataclass(frozen=True)
class PaperRow:
    """A model with a sampler and budget: its figures by column, where it was run.

    `difference` is the mean over the benchmarks of the accuracy over questions minus the
    baseline's; None for the baseline, and unless both have all benchmarks of the table, finished.
    `difference_ci95` is its interval, by the paired differences.
    """

    model: str
    sampler: str
    budget: str
    figures: Mapping[str, Figure]
    difference: float | None
    difference_ci95: Interval | None


@dataclass(frozen=True)
class Paper:
    """One paper table: rows that were asked in the same way."""

    shared: Mapping[str, Any]
    baseline: str
    columns: tuple[PaperColumn, ...]
    rows: tuple[PaperRow, ...]


def papers_of(tables: Sequence[ComparisonTable]) -> list[Paper]:
    """The paper tables of these standings, one for each protocol, answering mode and limit.

    Raises:
        UserError: none of the benchmarks is there, or a row would have two figures for one.
    """
    sections: dict[tuple[Any, ...], list[ComparisonTable]] = {}
    for table in tables:
        if any(column.task == table.shared["task"] for column in PAPER_COLUMNS):
            key = tuple(table.shared[name] for name in _TOGETHER)
            sections.setdefault(key, []).append(table)
    if not sections:
        known = ", ".join(dict.fromkeys(column.task for column in PAPER_COLUMNS))
        raise UserError(f"no cell is of a benchmark that --layout paper has a column for: {known}")
    return [_paper(dict(zip(_TOGETHER, key, strict=True)), some) for key, some in sections.items()]


_Key = tuple[str, str, str, str]  # model, its id, budget, sampler


def _paper(shared: Mapping[str, Any], tables: Sequence[ComparisonTable]) -> Paper:
    _check_one_question_set(tables)
    found: dict[_Key, dict[str, ComparedRow]] = {}
    for table in tables:
        for one in table.rows:
            task = str(table.shared["task"])
            model_id = str(table.shared["model_id"])
            settings = one.row.settings
            key = (settings.model, model_id, one.row.budget, settings.sampler)
            other = found.setdefault(key, {}).setdefault(task, one)
            if other is not one:
                raise UserError(
                    f"two runs of {key[3]} on {task} with {key[0]}, K = {key[2]}: "
                    f"{other.row.cells[0].folder} and {one.row.cells[0].folder}; name one of them"
                )
    tasks = {task for by_task in found.values() for task in by_task}
    columns = tuple(column for column in PAPER_COLUMNS if column.task in tasks)
    marked = _marked(found, columns)
    baselines = {
        (one.row.settings.model, str(table.shared["model_id"])): table.baseline
        for table in tables
        for one in table.rows
    }
    rows = [
        PaperRow(
            model=key[0],
            sampler=key[3],
            budget=key[2],
            figures={
                column.key: _figure(by_task[column.task], column, marked.get((key, column.key)))
                for column in columns
                if column.task in by_task
            },
            difference=mean,
            difference_ci95=ci95,
        )
        for key, by_task in sorted(found.items(), key=lambda item: _order(item[0], baselines))
        for mean, ci95 in [_difference(by_task, found.get((*key[:3], baselines[key[:2]])), tasks)]
    ]
    return Paper(shared, " or ".join(dict.fromkeys(baselines.values())), columns, tuple(rows))


def _check_one_question_set(tables: Sequence[ComparisonTable]) -> None:
    first: dict[str, ComparisonTable] = {}
    for table in tables:
        task = str(table.shared["task"])
        known = first.setdefault(task, table)
        if any(table.shared[key] != known.shared[key] for key in ("questions", "protocol_hash")):
            raise UserError(
                f"{task} was asked with different questions or protocols, so they fill no one "
                f"column: {_folder(table)} differs from {_folder(known)}; name the runs that "
                "belong together"
            )


def _folder(table: ComparisonTable) -> Path:
    return table.rows[0].row.cells[0].run_folder


def _order(key: _Key, baselines: Mapping[tuple[str, str], str]) -> tuple[Any, ...]:
    """By model and budget, the baseline first."""
    model, model_id, frames, sampler = key
    number = int(frames.lstrip("v"))
    return (model, model_id, frames.startswith("v"), number, sampler != baselines[key[:2]], sampler)


def _figure(one: ComparedRow, column: PaperColumn, mark: Mark | None) -> Figure:
    accuracy, ci95 = _value(one.row, column)
    return Figure(accuracy, ci95, one.row.is_finished, one.row.num_done, one.row.num_planned, mark)


def _value(row: Row, column: PaperColumn) -> tuple[float | None, Interval | None]:
    summary = row.summary
    if column.is_macro:
        return summary.macro, summary.macro_ci95
    if column.group is None:
        return summary.accuracy, summary.ci95
    entry = summary.groups.get(column.group[0], {}).get(column.group[1])
    return (entry.accuracy, entry.ci95) if entry else (None, None)


def _marked(
    found: Mapping[_Key, Mapping[str, ComparedRow]], columns: Sequence[PaperColumn]
) -> dict[tuple[_Key, str], Mark | None]:
    """The marks by row and column, among the samplers of one model and budget.

    A macro average has none: the paired test is over questions.
    """
    marked: dict[tuple[_Key, str], Mark | None] = {}
    for setting in dict.fromkeys(key[:3] for key in found):
        for column in columns:
            keys = [
                key
                for key, by_task in found.items()
                if key[:3] == setting
                and column.task in by_task
                and not is_bound(key[3])
                and not column.is_macro
            ]
            rows = [found[key][column.task].row for key in keys]
            records = [_asked(row, column) for row in rows]
            values = [_value(row, column)[0] if row.is_finished else None for row in rows]
            for key, mark in zip(keys, marks(records, values), strict=True):
                marked[key, column.key] = mark
    return marked


def _asked(row: Row, column: PaperColumn) -> list[Record]:
    if column.group is None:
        return row.records
    name, value = column.group
    return [record for record in row.records if value in values_of(record, name)]


def _difference(
    ours: Mapping[str, ComparedRow], theirs: Mapping[str, ComparedRow] | None, tasks: set[str]
) -> tuple[float | None, Interval | None]:
    """The mean over the benchmarks, and its interval."""
    if theirs is None or theirs is ours:
        return None, None
    found = []
    for task in (task for task in _AVERAGED if task in tasks):
        one, other = ours.get(task), theirs.get(task)
        if not (one and other and one.row.is_finished and other.row.is_finished and one.row.paired):
            return None, None
        found.append(one.row.paired)
    means = [paired.difference for paired in found if paired.difference is not None]
    errors = [paired.standard_error for paired in found if paired.standard_error is not None]
    if len(means) < len(found):
        return None, None
    mean = sum(means) / len(means)
    if len(errors) < len(found):
        return mean, None
    return mean, averaged_interval(means, errors, [paired.num_videos - 1 for paired in found])


def paper_grid(paper: Paper) -> Grid:
    """A paper table as texts, figures in percent."""
    shared = paper.shared
    asked = f"protocol {shared['protocol']}, --answer {shared['answer']}"
    asked += f", --limit {shared['limit']}" if shared["limit"] else ""
    unfinished = any(not one.is_finished for row in paper.rows for one in row.figures.values())
    return Grid(
        title="Accuracy in percent",
        headings=(
            *(Heading(name, is_name=True) for name in ("model", "sampler", "K")),
            *(Heading(column.heading) for column in paper.columns),
            Heading(f"mean minus {paper.baseline}", has_interval=True),
        ),
        rows=tuple(_entries(paper, row) for row in paper.rows),
        parts=parts_of([f"{row.model} {row.budget}" for row in paper.rows]),
        notes=(asked, *([_UNFINISHED] if unfinished else [])),
    )


def _entries(paper: Paper, row: PaperRow) -> tuple[Entry, ...]:
    names = [Entry(name, value=name) for name in (row.model, row.sampler, row.budget)]
    figures = [_entry(row.figures.get(column.key)) for column in paper.columns]
    if row.difference is None:
        return (*names, *figures, Entry(UNDEFINED))
    low, high = row.difference_ci95 or (None, None)
    difference = Entry(POINTS.value(row.difference), POINTS.interval(low, high), row.difference)
    return (*names, *figures, difference)


def _entry(figure: Figure | None) -> Entry:
    if figure is None or figure.accuracy is None:
        return Entry(UNDEFINED)
    text = f"{100 * figure.accuracy:.1f}"
    if not figure.is_finished:
        text += f" ({figure.num_done} of {figure.num_planned})"
    return Entry(text, value=figure.accuracy, mark=figure.mark)
