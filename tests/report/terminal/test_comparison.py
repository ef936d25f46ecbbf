"""Many samplers against the budget: the table's figures, and figures that are drawn."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import image
from rich.console import Console

from tests.report.support import cell, record
from tspo_bench.errors import UserError
from tspo_bench.report.terminal.comparison import (
    comparison_table,
    draw_comparison,
    draw_comparisons,
)
from tspo_bench.results import Cell


def cells() -> list[Cell]:
    """Two samplers and two budgets; "good" is right on all, "bad" on every second question."""
    return [
        cell(
            sampler,
            [
                record(
                    number,
                    number % step == 0,
                    evidence_recall=1 / step,
                    groups={"depth": f"{20 * (number % 5)}%", "length": "5min"},
                )
                for number in range(10)
            ],
            frames=k,
        )
        for sampler, step in (("bad", 2), ("good", 1))
        for k in (4, 8)
    ]


def text_of(some: list[Cell]) -> list[list[str]]:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(comparison_table(some))
    lines = [line.split() for line in console.export_text().splitlines() if line.strip()]
    return [line for line in lines if not line[0].startswith("─")]


def test_the_table_has_the_best_sampler_first() -> None:
    lines = text_of(cells())
    assert lines[1] == ["sampler", "K=4", "K=8"]
    assert lines[2] == ["good", "100.0", "/", "100.0", "100.0", "/", "100.0"]
    assert lines[3] == ["bad", "50.0", "/", "50.0", "50.0", "/", "50.0"]


def test_a_budget_that_one_lacks_is_undefined() -> None:
    lines = text_of(cells()[:-1])
    assert lines[2] == ["good", "100.0", "/", "100.0", "n/a"]


def test_figures(tmp_path: Path) -> None:
    paths = draw_comparisons(cells(), tmp_path)
    names = [path.name for path in paths]
    assert [name.rpartition(".")[2] for name in names] == ["png", "svg", "png"]
    assert names[-1] == "depth-by-length-reference-k8.png"
    for path in paths:
        if path.suffix == ".png":
            pixels = image.imread(path)
            assert pixels.std() > 0.02  # something is drawn
    assert "<svg" in paths[1].read_text()


def test_without_depths_there_is_no_map(tmp_path: Path) -> None:
    plain = [
        replace(one, records=tuple(replace(r, groups={}) for r in one.records)) for one in cells()
    ]
    assert len(draw_comparisons(plain, tmp_path)) == 2


def test_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown image format 'gif3'"):
        draw_comparison(cells(), tmp_path / "a.gif3")


def test_hostile_names_are_shown_as_text() -> None:
    hostile = "[red]\x1b]0;x\x07\u202e"
    some = [replace(one, settings={**one.settings, "sampler": hostile}) for one in cells()[:2]]
    assert any(r"[red]\x1b]0;x\x07\u202e" in "".join(line) for line in text_of(some))


def test_hostile_names_are_no_mathematics(tmp_path: Path) -> None:
    """matplotlib reads what stands between dollars as TeX, and stops at what is none."""
    groups = {"depth": r"$\frac$", "length": r"a $x_{$ b"}
    some = [
        replace(
            one,
            settings={**one.settings, "sampler": r"$\sqrt$"},
            records=tuple(replace(each, groups=groups) for each in one.records),
        )
        for one in cells()
    ]
    assert len(draw_comparisons(some, tmp_path)) == 3
