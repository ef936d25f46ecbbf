"""Accuracy by evidence, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from tspo_bench.report.by_evidence import ByEvidence, EvidenceRow, HitAccuracy, Worth
from tspo_bench.report.escape import for_terminal
from tspo_bench.report.format import accuracy_text, budget_text, percent
from tspo_bench.report.tables.terminal import FittedTable
from tspo_bench.results import Cell

_HEADINGS = ("sampler", "K", "model", "scenes hit", "all hit", "some hit", "none hit")
_WORTH = ("model", "cells", "n", "changed", "accuracy per point of scene hit rate")


def by_evidence_table(found: ByEvidence, groups: bool = False) -> Group:
    """Both tables, for `rich.print`; with `groups` one more for each group."""
    whole = [row for row in found.rows if not row.group]
    parts: list[RenderableType] = []
    for task in dict.fromkeys(row.cell.settings.task for row in whole):
        some = [row for row in whole if row.cell.settings.task == task]
        parts += [_title(f"{task}: accuracy by evidence hit"), _table(some, "")]
        left_out = max(row.num_left_out for row in some)
        if left_out:
            text = f"questions without evidence or times of frames, left out: {left_out}"
            parts.append(Text(text, style="dim"))
        of_task = [row for row in found.rows if row.cell.settings.task == task]
        for group in dict.fromkeys(row.group for row in of_task if row.group) if groups else ():
            parts += [_title(group), _table([r for r in of_task if r.group == group], group)]
    if found.worth:
        parts += [_title("what evidence is worth, within questions"), _worth_table(found.worth)]
    return Group(*parts)


def cell_name(cell: Cell) -> str:
    """A cell in a row of its own: sampler, budget and seed."""
    settings = cell.settings
    seed = "" if settings.seed is None else f", seed {settings.seed}"
    return f"{settings.sampler} K={budget_text(settings)}{seed}"


def hit_text(one: HitAccuracy) -> str:
    """An accuracy with its number of questions: "74.9% [71.2, 78.3] (641)"."""
    return f"{accuracy_text(one.accuracy, one.ci95)} ({one.n})" if one.n else "- (0)"


def _table(rows: Sequence[EvidenceRow], group: str) -> FittedTable:
    shown = [
        (
            *((row.value,) if group else ()),
            row.cell.settings.sampler,
            budget_text(row.cell.settings),
            row.cell.settings.model,
            percent(row.scene_hit_rate),
            *map(hit_text, row.by_hit),
        )
        for row in rows
    ]
    headings = (*((group,) if group else ()), *_HEADINGS)
    return FittedTable(_texts(headings), tuple(map(_texts, shown)), num_names=len(headings) - 4)


def _worth_table(worth: Sequence[Worth]) -> FittedTable:
    shown = [
        (
            str(one.cells[0].settings.model),
            ", ".join(map(cell_name, one.cells)),
            str(one.n),
            str(one.num_changed),
            slope_text(one),
        )
        for one in worth
    ]
    return FittedTable(_texts(_WORTH), tuple(map(_texts, shown)), num_names=2)


def slope_text(one: Worth) -> str:
    """A slope with its interval: "+0.27 [+0.21, +0.33]"."""
    if one.slope is None:
        return "n/a"
    interval = "" if one.ci95 is None else f" [{one.ci95[0]:+.2f}, {one.ci95[1]:+.2f}]"
    return f"{one.slope:+.2f}{interval}"


def _title(text: str) -> Text:
    return Text(f"\n{for_terminal(text)}", style="bold")


def _texts(row: Sequence[str]) -> tuple[Text, ...]:
    return tuple(Text(for_terminal(text)) for text in row)
