"""Questions on which two cells differ."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from tests.report.support import cell_with
from tspo_bench.errors import UserError
from tspo_bench.report.tables.differences import differences

OTHER = Path("/runs/two")


def test_two_cells() -> None:
    (found,) = differences([cell_with("uniform", 4), cell_with("aks", 7)], "uniform")
    assert found.heading == (
        "haystack, K = 2: uniform and aks: 3 of 10 questions differ; "
        "0 correct only with uniform, 3 only with aks"
    )
    assert [one.question_id for one, _ in found.records] == ["q4", "q5", "q6"]
    first = found.to_dict()["questions"][0]
    assert (first["letters"], first["correct"], first["gold"]) == (["B", "A"], [False, True], "A")
    console = Console(width=80)
    with console.capture() as capture:
        console.print(found.table())
    rows = [line.split() for line in capture.get().splitlines()]
    assert ["q4", "A", "B", "A"] in rows


def test_each_sampler_and_the_baseline_of_the_same_settings() -> None:
    cells = [
        cell_with(name, n, frames=k) for k in (2, 4) for name, n in (("uniform", 2), ("aks", 3))
    ]
    found = differences([*cells, cell_with("mmr", 5, frames=8)], "uniform")
    assert [(one.names, len(one.records)) for one in found] == [(("uniform", "aks"), 1)] * 2
    assert [one.heading.partition(":")[0] for one in found] == [
        "haystack, K = 2",
        "haystack, K = 4",
    ]
    with pytest.raises(UserError, match="none of the 3 cells has a counterpart"):
        differences([cells[1], cells[3], cell_with("mmr", 5)], "uniform")


def test_the_samplers_of_two_runs() -> None:
    mine = [cell_with(name, 4) for name in ("uniform", "aks")]
    theirs = [cell_with(name, 6, run=OTHER, model="other") for name in ("uniform", "mmr")]
    (found,) = differences([*mine, *theirs], "uniform")
    assert len(found.records) == 2
    assert found.names == ("reference, /runs/one", "other, /runs/two")
    (same,) = differences([mine[0], cell_with("uniform", 5, run=OTHER)], "uniform")
    assert same.heading.startswith("haystack, uniform, K = 2: /runs/one and /runs/two: 1 of 10 ")


def test_every_setting_is_named() -> None:
    one = cell_with("uniform", 4, frames=4, seed=0)
    (found,) = differences([one, cell_with("aks", 5, frames=8, seed=1, run=OTHER)], "uniform")
    assert found.names == ("uniform, K = 4, seed 0, /runs/one", "aks, K = 8, seed 1, /runs/two")
    first, second = found.to_dict()["cells"]
    assert first["folder"] == "/runs/one/uniform-4-0"
    assert second["folder"] == "/runs/two/aks-8-1"
    assert [second[key] for key in ("task", "sampler", "frames", "seed")] == [
        *("haystack", "aks", 8, 1)
    ]
    tokens = cell_with("uniform", 5, frames=None, visual_tokens=64, seed=0)
    (found,) = differences([one, tokens], "uniform")
    assert found.names == ("K = 4", "v64")


def test_other_questions() -> None:
    nothing = cell_with("aks", 0, 0)
    with pytest.raises(UserError, match="no question in common"):
        differences([cell_with("uniform", 4), nothing], "uniform")
