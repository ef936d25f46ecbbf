"""Tables for the terminal: a row for each cell, and what its figures leave unsaid in the foot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tspo_bench.report.stats import Interval
from tspo_bench.report.summary import GroupSummary, Summary, headrooms, summarise
from tspo_bench.results import Cell

UNDEFINED = "n/a"
_CELLS_A_TABLE = 4


@dataclass(frozen=True)
class _Row:
    cell: Cell
    summary: Summary
    headroom: float | None

    def label(self, key: str) -> str:
        return str(self.cell.settings[key])


def percent(share: float | None) -> str:
    """A share of 1 as "62.3%"."""
    return UNDEFINED if share is None else f"{100 * share:.1f}%"


def accuracy_text(accuracy: float | None, ci95: Interval | None) -> str:
    """An accuracy with its interval: "62.3% [58.1, 66.3]"."""
    if accuracy is None:
        return UNDEFINED
    interval = f"{100 * ci95[0]:.1f}, {100 * ci95[1]:.1f}" if ci95 else UNDEFINED
    return f"{percent(accuracy)} [{interval}]"


def results_table(cells: Sequence[Cell]) -> Group:
    """The comparison of a run's cells, with foot notes, for `rich.print`.

    One table for each pair of task and model, named above it where there are several. Labels are
    shown as they are, whatever markup they may look like.
    """
    parts: list[RenderableType] = []
    for title, rows in _sections(cells):
        table = _empty_table(title)
        table.add_column("sampler", overflow="fold")
        for heading in ("K", "n", "accuracy\n[95% interval]"):
            table.add_column(Text(heading), justify="right", no_wrap=True)
        for heading in ("evidence\nrecall", "headroom\nrecovered", "seconds /\nquestion"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*(Text(text) for text in _row_texts(row)))
        parts += [table, *(Text(note, style="dim") for note in _foot_notes(rows))]
    return Group(*parts)


def _row_texts(row: _Row) -> list[str]:
    seconds = row.summary.seconds_per_question
    return [
        _sampler_text(row),
        row.label("frames"),
        str(row.summary.n),
        accuracy_text(row.summary.accuracy, row.summary.ci95),
        percent(row.summary.evidence_recall),
        percent(row.headroom),
        UNDEFINED if seconds is None else f"{seconds:.2f}",
    ]


def _sampler_text(row: _Row) -> str:
    return row.label("sampler") + ("*" if row.cell.settings.get("tuned_for") else "")


def groups_table(cells: Sequence[Cell]) -> Group:
    """Accuracy by group: a table for each group, a row for each value, a column for each cell."""
    tables = [
        _group_table(group, title, rows[start:stop], _names(rows)[start:stop])
        for title, rows in _sections(cells)
        for group in dict.fromkeys(group for row in rows for group in row.summary.groups)
        for start in range(0, len(rows), _CELLS_A_TABLE)
        for stop in [start + _CELLS_A_TABLE]
    ]
    if not tables:
        return Group(Text("the questions have no groups", style="dim"))
    return Group(*tables)


def _group_table(
    group: str, title: Text | None, rows: Sequence[_Row], names: Sequence[str]
) -> Table:
    table = _empty_table(title)
    table.add_column(Text(group), overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    for name in names:
        table.add_column(Text(name), justify="right", overflow="fold")
    for value in dict.fromkeys(
        value for row in rows for value in row.summary.groups.get(group, {})
    ):
        found = [row.summary.groups.get(group, {}).get(value) for row in rows]
        sizes = sorted({entry.n for entry in found if entry})
        shown = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]}-{sizes[-1]}"
        table.add_row(Text(value), shown, *(Text(_entry_text(entry)) for entry in found))
    return table


def _empty_table(title: Text | None) -> Table:
    """A table with narrow gaps, so that eight figures fit the 80 columns of a pipe."""
    return Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        pad_edge=False,
        title=title,
        title_justify="left",
    )


def _entry_text(entry: GroupSummary | None) -> str:
    return accuracy_text(entry.accuracy, entry.ci95) if entry else UNDEFINED


def _sections(cells: Sequence[Cell]) -> list[tuple[Text | None, list[_Row]]]:
    """The cells by task and model, under a title where there are several such pairs."""
    summaries = [summarise(cell.records, frames=cell.settings["frames"]) for cell in cells]
    sections: dict[tuple[str, str], list[_Row]] = {}
    for fields in zip(cells, summaries, headrooms(cells, summaries), strict=True):
        row = _Row(*fields)
        sections.setdefault((row.label("task"), row.label("model")), []).append(row)
    if len(sections) == 1:
        return [(None, rows) for rows in sections.values()]
    return [
        (Text(f"\ntask {task}, model {model}", style="bold"), rows)
        for (task, model), rows in sections.items()
    ]


def _names(rows: Sequence[_Row]) -> list[str]:
    """What tells the cells of one task and model apart: the sampler, and K if there are several."""
    several = len({row.label("frames") for row in rows}) > 1
    return [row.label("sampler") + (f" K={row.label('frames')}" if several else "") for row in rows]


def _foot_notes(rows: Sequence[_Row]) -> list[str]:
    """What the figures leave unsaid: a note that not all cells share names those it holds for."""
    notes = []
    for make in _NOTES:
        holders: dict[str, list[str]] = {}
        for name, row in zip(_names(rows), rows, strict=True):
            if note := make(row):
                holders.setdefault(note, []).append(name)
        for note, names in holders.items():
            notes.append(note if len(names) == len(rows) else f"{', '.join(names)}: {note}")
    return notes


def _limit_note(row: _Row) -> str | None:
    limit = row.cell.settings.get("limit")
    return f"--limit {limit}: the first {limit} questions of a fixed shuffle" if limit else None


def _unfinished_note(row: _Row) -> str | None:
    planned = row.cell.settings.get("num_questions")
    if planned is None or row.summary.n >= planned:
        return None
    return f"unfinished: {row.summary.n} of {planned} questions"


def _status_note(row: _Row) -> str | None:
    counts = row.summary.status_counts
    wrong = [f"{number} {status}" for status, number in counts.items() if number and status != "ok"]
    if not wrong:
        return None
    answered = percent(row.summary.accuracy_answered)
    return f"counted as wrong: {', '.join(wrong)} (accuracy of the answered: {answered})"


def _withheld_note(row: _Row) -> str | None:
    number = row.summary.num_withheld
    return f"{number} questions without a public answer are in no accuracy" if number else None


def _short_note(row: _Row) -> str | None:
    if not row.summary.num_short or not row.summary.mean_frames:  # no frame at all: a blind sampler
        return None
    return f"{row.summary.num_short} questions were given fewer than {row.label('frames')} frames"


def _filled_note(row: _Row) -> str | None:
    number = row.summary.num_filled
    return f"{number} frames were added by the fill rule" if number else None


def _tuned_note(row: _Row) -> str | None:
    task = row.cell.settings.get("tuned_for")
    return f"settings tuned for {task} (*)" if task else None


_NOTES: tuple[Callable[[_Row], str | None], ...] = (
    _limit_note,
    _unfinished_note,
    _status_note,
    _withheld_note,
    _short_note,
    _filled_note,
    _tuned_note,
)
