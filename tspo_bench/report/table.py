"""Tables for the terminal: a row for each sampler and budget, and what its figures leave unsaid.

Cells that differ in the seed alone share a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tspo_bench.report.rows import BASELINE, Rivals, Row, pooled_rows
from tspo_bench.report.stats import Interval, PairedDifference
from tspo_bench.report.summary import GroupSummary
from tspo_bench.results import Cell

UNDEFINED = "n/a"
_CELLS_A_TABLE = 4


def _label(row: Row, key: str) -> str:
    return str(row.cells[0].settings[key])


def percent(share: float | None) -> str:
    """A share of 1 as "62.3%"."""
    return UNDEFINED if share is None else f"{100 * share:.1f}%"


def accuracy_text(accuracy: float | None, ci95: Interval | None) -> str:
    """An accuracy with its interval: "62.3% [58.1, 66.3]"."""
    if accuracy is None:
        return UNDEFINED
    interval = f"{100 * ci95[0]:.1f}, {100 * ci95[1]:.1f}" if ci95 else UNDEFINED
    return f"{percent(accuracy)} [{interval}]"


def results_table(cells: Sequence[Cell], baseline: str = BASELINE) -> Group:
    """The comparison of a run's cells, with foot notes, for `rich.print`.

    One table for each pair of task and model, named above it where there are several; below it the
    differences to the baseline, where that has run too. Labels are shown as they are, whatever
    markup they may look like.

    Args:
        cells: of one run or several.
        baseline: the sampler that each row is compared with, as a spec.
    """
    rivals = Rivals(cells, baseline)
    parts: list[RenderableType] = []
    for title, rows in _sections(cells, rivals):
        parts += [_accuracy_table(title, rows)]
        parts += [Text(note, style="dim") for note in _foot_notes(rows)]
        compared = [(row, row.paired) for row in rows if row.paired is not None]
        if compared:
            parts += [_difference_table(rivals.baseline, compared)]
    return Group(*parts)


def _accuracy_table(title: Text | None, rows: Sequence[Row]) -> Table:
    pooled = any(len(row.seeds) > 1 for row in rows)
    table = _empty_table(title)
    table.add_column("sampler", overflow="fold")
    for heading in ("K", "n", "accuracy\n[95% interval]"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    if pooled:
        table.add_column("seed\nstd", justify="right", no_wrap=True)
    for heading in ("evidence\nrecall", "headroom\nrecovered", "seconds /\nquestion"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        seconds = row.summary.seconds_per_question
        texts = [
            _sampler_text(row),
            _label(row, "frames"),
            str(row.summary.n),
            accuracy_text(row.summary.accuracy, row.summary.ci95),
            *([_spread_text(row)] if pooled else []),
            percent(row.summary.evidence_recall),
            percent(row.headroom),
            UNDEFINED if seconds is None else f"{seconds:.2f}",
        ]
        table.add_row(*map(Text, texts))
    return table


def _sampler_text(row: Row) -> str:
    """The sampler as a row's name: "aks-videomme*", "tspo-q (3 seeds)"."""
    tuned = "*" if row.cells[0].settings.get("tuned_for") else ""
    seeds = f" ({len(row.seeds)} seeds)" if len(row.seeds) > 1 else ""
    return _label(row, "sampler") + tuned + seeds


def _spread_text(row: Row) -> str:
    """The spread between seeds in points."""
    return "" if row.seed_std is None else f"{100 * row.seed_std:.1f}"


def _difference_table(baseline: str, compared: Sequence[tuple[Row, PairedDifference]]) -> Table:
    title = f"accuracy minus that of {baseline}, on the n questions that both gave an option for"
    table = _empty_table(Text(title))
    table.add_column("sampler", overflow="fold")
    for heading in ("K", "n", "videos", "points\n[95% interval]", "p"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for row, paired in compared:
        texts = [
            _sampler_text(row),
            _label(row, "frames"),
            str(paired.num_questions),
            str(paired.num_videos),
            difference_text(paired.difference, paired.ci95),
            p_text(paired.p_value),
        ]
        table.add_row(*map(Text, texts))
    return table


def difference_text(difference: float | None, ci95: Interval | None) -> str:
    """A difference of accuracies in points, with its interval: "+12.3 [+8.1, +16.5]"."""
    if difference is None:
        return UNDEFINED
    interval = f"{100 * ci95[0]:+.1f}, {100 * ci95[1]:+.1f}" if ci95 else UNDEFINED
    return f"{100 * difference:+.1f} [{interval}]"


def p_text(p_value: float | None) -> str:
    """A p-value to three places."""
    if p_value is None:
        return UNDEFINED
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def groups_table(cells: Sequence[Cell]) -> Group:
    """Accuracy by group: a table for each group, a row for each value, a column for each sampler.

    Cells that differ in the seed alone share a column.
    """
    tables = [
        _group_table(group, title, rows[start:stop], _names(rows)[start:stop])
        for title, rows in _sections(cells, Rivals(cells))
        for group in dict.fromkeys(group for row in rows for group in row.summary.groups)
        for start in range(0, len(rows), _CELLS_A_TABLE)
        for stop in [start + _CELLS_A_TABLE]
    ]
    if not tables:
        return Group(Text("the questions have no groups", style="dim"))
    return Group(*tables)


def _group_table(
    group: str, title: Text | None, rows: Sequence[Row], names: Sequence[str]
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


def _sections(cells: Sequence[Cell], rivals: Rivals) -> list[tuple[Text | None, list[Row]]]:
    """The rows by task and model, under a title where there are several such pairs."""
    sections: dict[tuple[str, str], list[Row]] = {}
    for row in pooled_rows(cells, rivals):
        sections.setdefault((_label(row, "task"), _label(row, "model")), []).append(row)
    if len(sections) == 1:
        return [(None, rows) for rows in sections.values()]
    return [
        (Text(f"\ntask {task}, model {model}", style="bold"), rows)
        for (task, model), rows in sections.items()
    ]


def _names(rows: Sequence[Row]) -> list[str]:
    """What tells the rows of one task and model apart: the sampler, and K if there are several."""
    several = len({_label(row, "frames") for row in rows}) > 1
    return [
        _label(row, "sampler") + (f" K={_label(row, 'frames')}" if several else "") for row in rows
    ]


def _foot_notes(rows: Sequence[Row]) -> list[str]:
    """What the figures leave unsaid: a note that not all rows share names those it holds for."""
    notes = []
    for make in _NOTES:
        holders: dict[str, list[str]] = {}
        for name, row in zip(_names(rows), rows, strict=True):
            if note := make(row):
                holders.setdefault(note, []).append(name)
        for note, names in holders.items():
            notes.append(note if len(names) == len(rows) else f"{', '.join(names)}: {note}")
    return notes


def _asked(row: Row) -> str:
    """What is counted: a question asked with three seeds has three answers."""
    return "answers" if len(row.cells) > 1 else "questions"


def _limit_note(row: Row) -> str | None:
    limit = row.cells[0].settings.get("limit")
    return f"--limit {limit}: the first {limit} questions of a fixed shuffle" if limit else None


def _unfinished_note(row: Row) -> str | None:
    planned = sum(cell.settings.get("num_questions", 0) for cell in row.cells)
    done = sum(len(cell.records) for cell in row.cells)
    return f"unfinished: {done} of {planned} {_asked(row)}" if done < planned else None


def _status_note(row: Row) -> str | None:
    counts = row.summary.status_counts
    wrong = [f"{number} {status}" for status, number in counts.items() if number and status != "ok"]
    if not wrong:
        return None
    answered = percent(row.summary.accuracy_answered)
    return f"counted as wrong: {', '.join(wrong)} (accuracy of the answered: {answered})"


def _withheld_note(row: Row) -> str | None:
    number = row.summary.num_withheld
    return f"{number} questions without a public answer are in no accuracy" if number else None


def _short_note(row: Row) -> str | None:
    if not row.summary.num_short or not row.summary.mean_frames:  # no frame at all: a blind sampler
        return None
    frames = _label(row, "frames")
    return f"{row.summary.num_short} {_asked(row)} were given fewer than {frames} frames"


def _filled_note(row: Row) -> str | None:
    number = row.summary.num_filled
    return f"{number} frames were added by the fill rule" if number else None


def _tuned_note(row: Row) -> str | None:
    task = row.cells[0].settings.get("tuned_for")
    return f"settings tuned for {task} (*)" if task else None


_NOTES: tuple[Callable[[Row], str | None], ...] = (
    _limit_note,
    _unfinished_note,
    _status_note,
    _withheld_note,
    _short_note,
    _filled_note,
    _tuned_note,
)
