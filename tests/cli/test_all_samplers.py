"""`run --sampler all`, then `report --budget-curves`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A
from tests.support import table_rows
from tspo_bench.evaluation.all_samplers import expand_all

RUN = ("run", "--task", "films.jsonl", "--model", ALWAYS_A, "--frames", "2,4", "--out", "run")


@pytest.mark.slow
@pytest.mark.usefixtures("films")
def test_all_samplers(cli: Cli) -> None:
    done = cli(*RUN, "--sampler", "all", "--with-bounds", "--json")
    assert done.code == 0
    names = {row["sampler"] for row in table_rows(done.out)}
    listed = json.loads(cli("list", "samplers", "--json").out)["samplers"]
    tuned = {entry["name"] for entry in listed if entry["tuned_for"]}
    assert names == {entry["name"] for entry in listed} - tuned - {"file"}
    assert {"blind", "oracle", "tspo-q", "focus", "scenes"} <= names


def test_all_beside_others() -> None:
    every = expand_all(["all"], None)
    assert expand_all(["uniform", "all", "aks[depth=5]"], None) == (*every, "aks[depth=5]")
    assert expand_all(["uniform"], None) == ("uniform",)
    assert set(every) - set(expand_all(["all"], "tspo-q")) == {"tspo"}


@pytest.mark.usefixtures("films")
def test_budget_curves(cli: Cli) -> None:
    assert cli(*RUN, "--sampler", "uniform,random").code == 0
    done = cli("report", "run", "--budget-curves", "curves")
    assert done.code == 0
    assert done.out == cli("report", "run").out
    drawn = [line.removeprefix("drawn: ") for line in done.err.splitlines()]
    assert [Path(path).suffix for path in drawn] == [".png", ".svg"]
    assert all(Path(path).stat().st_size > 5000 for path in drawn)
