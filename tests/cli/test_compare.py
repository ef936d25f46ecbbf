"""`tspo-bench compare-samplers`: the table, the figures, the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A
from tests.support import table_rows

COMPARE = ("compare-samplers", "--task", "films.jsonl", "--model", ALWAYS_A, "--frames", "2,4")


@pytest.mark.slow
@pytest.mark.usefixtures("films")
def test_all_samplers(cli: Cli) -> None:
    done = cli(*COMPARE, "--out", "run")
    assert done.code == 0
    names = {line.split()[0] for line in done.out.splitlines() if " / " in line and "K" not in line}
    listed = json.loads(cli("list", "samplers", "--json").out)["samplers"]
    tuned = {entry["name"] for entry in listed if entry["tuned_for"]}
    assert names == {entry["name"] for entry in listed} - tuned - {"file"}
    assert {"blind", "oracle", "tspo-q", "focus", "scenes"} <= names
    drawn = [line.removeprefix("drawn: ") for line in done.out.splitlines() if "drawn: " in line]
    assert [Path(path).suffix for path in drawn] == [".png", ".svg"]
    assert all(Path(path).stat().st_size > 5000 for path in drawn)


@pytest.mark.usefixtures("films")
def test_some_samplers_and_json(cli: Cli) -> None:
    done = cli(*COMPARE, "--sampler", "uniform,random", "--out", "run", "--json")
    content = json.loads(done.out)
    samplers = sorted(row["sampler"] for row in table_rows(done.out))
    assert samplers == ["random"] * 2 + ["uniform"] * 2
    assert len(content["figures"]) == 2


@pytest.mark.usefixtures("films")
def test_failures_are_exit_code_3(cli: Cli) -> None:
    Path("short.mp4").unlink()
    done = cli(*COMPARE, "--sampler", "uniform", "--out", "run")
    assert done.code == 3
    assert "2 questions failed" in done.err
    assert cli(*COMPARE, "--frames", "x").code == 2
