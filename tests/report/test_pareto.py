"""Accuracy against cost: who is dominated, by a naive count."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.support import cell_with
from tspo_bench.errors import UserError
from tspo_bench.report.figures.pareto import draw_pareto, pareto_chart
from tspo_bench.report.pareto import COSTS, pareto_rows
from tspo_bench.results import Cell


def costly(sampler: str, right: int, tokens: int, flops: int | None, **settings: object) -> Cell:
    """A cell of 10 questions, each with these visual tokens and FLOPs."""
    cell = cell_with(sampler, right, **settings)
    costs = {} if flops is None else {"encoder": 10**12, "mllm": flops * 10**12}
    changed = {"visual_input": {"visual_tokens": tokens}, "flops": costs}
    return replace(cell, records=tuple(replace(one, **changed) for one in cell.records))


CELLS = [
    costly("uniform", 4, 100, 5),
    costly("aks", 6, 100, 9),
    costly("uniform", 6, 100, 4, model="reference[max_pixels=4096]"),
    costly("aks", 8, 200, 30, frames=4),
    costly("random", 8, 200, None, frames=4),
    costly("oracle", 10, 50, 1),  # a bound: neither shown nor dominating
]


def test_dominated() -> None:
    rows = {
        (row.model, row.values["sampler"], row.values["frames"]): row for row in pareto_rows(CELLS)
    }
    found = {key: row.dominated for key, row in rows.items()}
    tokens, compute = COSTS
    assert found == {
        ("reference", "uniform", 2): {tokens: True, compute: True},
        ("reference", "aks", 2): {tokens: False, compute: True},  # equal to another at its tokens
        ("reference[max_pixels=4096]", "uniform", 2): {tokens: False, compute: False},
        ("reference", "aks", 4): {tokens: False, compute: False},
        ("reference", "random", 4): {tokens: False},
    }
    assert [key for key, row in rows.items() if row.is_dominated] == [("reference", "uniform", 2)]
    assert rows["reference", "aks", 4].values["total_tflops"] == pytest.approx(31)
    assert json.loads(json.dumps([row.to_dict() for row in rows.values()]))


def test_figure(tmp_path: Path) -> None:
    rows = pareto_rows(CELLS)
    points = pareto_chart(rows, "total_tflops")["datasets"]["rows"]
    assert sum(point["dominated"] for point in points) == 2
    assert len(points) == 4
    draw_pareto(rows, tmp_path / "pareto.svg")
    text = (tmp_path / "pareto.svg").read_text()
    assert "visual tokens / question" in text
    assert "TFLOPs / question" in text
    with pytest.raises(UserError, match="unknown image format 'gif'"):
        draw_pareto(rows, tmp_path / "pareto.gif")
    others = pareto_rows([costly("uniform", 4, 100, 5, task="mlvu")])
    with pytest.raises(UserError, match="one task; choose with --task: haystack, mlvu"):
        draw_pareto([*rows, *others], tmp_path / "pareto.svg")
