"""Many samplers against the budget, in a table."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console
from tspo_bench.report.terminal.comparison import (
    comparison_table,
)

from tests.report.support import compared_cells
from tspo_bench.results import Cell


def text_of(some: list[Cell]) -> list[list[str]]:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(comparison_table(some))
    lines = [line.split() for line in console.export_text().splitlines() if line.strip()]
    return [line for line in lines if not line[0].startswith("─")]


def test_the_table_has_the_best_sampler_first() -> None:
    lines = text_of(compared_cells())
    assert lines[1] == ["sampler", "K=4", "K=8"]
    assert lines[2] == ["good", "100.0", "/", "100.0", "100.0", "/", "100.0"]
    assert lines[3] == ["bad", "50.0", "/", "50.0", "50.0", "/", "50.0"]


def test_a_budget_that_one_lacks_is_undefined() -> None:
    lines = text_of(compared_cells()[:-1])
    assert lines[2] == ["good", "100.0", "/", "100.0", "n/a"]


def test_hostile_names_are_shown_as_text() -> None:
    hostile = "[red]\x1b]0;x\x07\u202e"
    some = [
        replace(one, settings={**one.settings, "sampler": hostile}) for one in compared_cells()[:2]
    ]
    assert any(r"[red]\x1b]0;x\x07\u202e" in "".join(line) for line in text_of(some))
