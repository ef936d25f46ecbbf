"""Tables for the terminal: a row for each sampler and budget, and what its figures leave unsaid.

Cells that differ in the seed alone share a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tspo_bench.report.escape import MOST_OF_NOTE, visible
from tspo_bench.report.notes import caption, foot_notes
from tspo_bench.report.paired import PairedDifference
from tspo_bench.report.rows import BASELINE, TOGETHER, Rivals, Row, pooled_rows
from tspo_bench.report.stats import Interval
from tspo_bench.report.summary import GroupSummary, Summary
from tspo_bench.report.texts import (
    UNDEFINED,
    accuracy_text,
    budget,
    cached_notes,
    difference_text,
    label,
    names_of,
    p_text,
    percent,
    timed_text,
)
from tspo_bench.results import Cell

WITHHELD = "withheld"
_CELLS_A_TABLE = 4
# What tells sections of one task and model apart, where neither caption nor foot note says it.
_TOLD = {"model_id": "weights", "questions": "question set", "limit": "limit", "code": "code"}


def results_table(cells: Sequence[Cell], baseline: str = BASELINE) -> Group:
    """The comparison of a run's cells, with foot notes, for `rich.print`.

    One table for each task, model with its weights, question set with its limit, protocol and
    answering mode; these are named above it where there are several tables, the last two below it.
    Then come the differences to the baseline,
    where that has run too. Labels are shown as they are, whatever markup they may look like.

    Args:
        cells: of one run or several.
        baseline: the sampler that each row is compared with, as a spec.
    """
    rivals = Rivals(cells, baseline)
    parts: list[RenderableType] = []
    for title, rows in _sections(cells, rivals):
        parts += [_accuracy_table(title, rows)]
        cached = cached_notes([row.summary.feature_sources for row in rows])
        parts += [_note(text) for text in [*caption(rows), *foot_notes(rows), *cached]]
        compared = [(row, row.paired) for row in rows if row.paired is not None]
        if compared:
            parts += [_difference_table(rivals.baseline(rows[0].cells[0]), compared)]
    return Group(*parts)


def _accuracy_table(title: Text | None, rows: Sequence[Row]) -> Table:
    columns = _columns(rows)
    table = empty_table(title)
    table.add_column("sampler", overflow="fold")
    for heading in columns:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for number, row in enumerate(rows):
        texts = [sampler_text(row), *(texts[number] for texts in columns.values())]
        table.add_row(*map(_shown, texts))
    return table


def _columns(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The figures of the rows by heading; a figure that no row has is no column."""
    sums = [row.summary for row in rows]
    columns = {
        "K": [budget(row) for row in rows],
        "n": [str(one.n) for one in sums],
        "accuracy\n[95% interval]": [_figure(one, one.accuracy, one.ci95) for one in sums],
    }
    if any(one.macro is not None for one in sums):
        columns["macro\n[95% interval]"] = [_figure(one, one.macro, one.macro_ci95) for one in sums]
    if any(one.headline not in (one.accuracy, one.macro) for one in sums):
        columns["headline\n[95% interval]"] = [
            _figure(one, one.headline, one.headline_ci95) for one in sums
        ]
    if any(len(row.seeds) > 1 for row in rows):
        columns["seed\nstd"] = [_spread_text(row) for row in rows]
    if any(one.evidence_recall is not None for one in sums):
        columns["evidence\nrecall"] = [percent(one.evidence_recall) for one in sums]
    if any(row.headroom is not None for row in rows):
        columns["headroom\nrecovered"] = [percent(row.headroom) for row in rows]
    columns["seconds /\nquestion"] = [
        timed_text(one.seconds_per_question, one.feature_sources) for one in sums
    ]
    return columns


def _figure(summary: Summary, share: float | None, ci95: Interval | None) -> str:
    """An accuracy with its interval, or why there is none."""
    if share is None and 0 < summary.n == summary.num_withheld:
        return WITHHELD
    return accuracy_text(share, ci95)


def sampler_text(row: Row) -> str:
    """The sampler as a row's name: "aks-videomme*", "tspo-q (3 seeds)"."""
    tuned = "*" if row.cells[0].settings.get("tuned_for") else ""
    seeds = f" ({len(row.seeds)} seeds)" if len(row.seeds) > 1 else ""
    return label(row, "sampler") + tuned + seeds


def _spread_text(row: Row) -> str:
    """The spread between seeds in points."""
    return "" if row.seed_std is None else f"{100 * row.seed_std:.1f}"


def _difference_table(baseline: str, compared: Sequence[tuple[Row, PairedDifference]]) -> Table:
    title = f"accuracy minus that of {baseline}, on the n questions that both were asked"
    table = empty_table(Text(title))
    table.add_column("sampler", overflow="fold")
    for heading in ("K", "n", "videos", "points\n[95% interval]", "p"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for row, paired in compared:
        texts = [
            sampler_text(row),
            budget(row),
            str(paired.num_questions),
            str(paired.num_videos),
            difference_text(paired.difference, paired.ci95),
            p_text(paired.p_value),
        ]
        table.add_row(*map(_shown, texts))
    return table


def groups_table(cells: Sequence[Cell]) -> Group:
    """Accuracy by group: a table for each group, a row for each value, a column for each sampler.

    Cells that differ in the seed alone share a column.
    """
    tables = [
        _group_table(group, title, rows[start:stop], names_of(rows)[start:stop])
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
    table = empty_table(title)
    table.add_column(_shown(group), overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    for name in names:
        table.add_column(_shown(name), justify="right", overflow="fold")
    for value in dict.fromkeys(
        value for row in rows for value in row.summary.groups.get(group, {})
    ):
        found = [row.summary.groups.get(group, {}).get(value) for row in rows]
        sizes = sorted({entry.n for entry in found if entry})
        shown = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]}-{sizes[-1]}"
        texts = [_entry_text(row.summary, entry) for row, entry in zip(rows, found, strict=True)]
        table.add_row(_shown(value), shown, *map(_shown, texts))
    return table


def empty_table(title: Text | None) -> Table:
    """A table with narrow gaps, so that eight figures fit the 80 columns of a pipe."""
    return Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        pad_edge=False,
        title=title,
        title_justify="left",
    )


def _shown(text: str) -> Text:
    """A text that may be others': no markup, and nothing that a terminal acts upon."""
    return Text(visible(text))


def _note(text: str) -> Text:
    return Text(visible(text, MOST_OF_NOTE), style="dim")


def _entry_text(summary: Summary, entry: GroupSummary | None) -> str:
    return _figure(summary, entry.accuracy, entry.ci95) if entry else UNDEFINED


def _sections(cells: Sequence[Cell], rivals: Rivals) -> list[tuple[Text | None, list[Row]]]:
    """The rows that may stand in one table, under a title where there are several tables."""
    sections: dict[tuple[Any, ...], list[Row]] = {}
    for row in pooled_rows(cells, rivals):
        settings = row.cells[0].settings
        sections.setdefault(tuple(settings.get(key) for key in TOGETHER), []).append(row)
    if len(sections) == 1:
        return [(None, rows) for rows in sections.values()]
    shared = [dict(zip(TOGETHER, key, strict=True)) for key in sections]
    several = [key for key in _TOLD if len({one[key] for one in shared}) > 1]
    return [
        (Text(f"\n{_title(one, several)}", style="bold"), rows)
        for one, rows in zip(shared, sections.values(), strict=True)
    ]


def _title(shared: Mapping[str, Any], several: Sequence[str]) -> str:
    named = [f"task {visible(shared['task'])}", f"model {visible(shared['model'])}"]
    named += [f"{_TOLD[key]} {visible(str(shared[key]))}" for key in several if shared[key]]
    return ", ".join(named)
