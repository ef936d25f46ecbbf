"""`tspo-bench recall`: tables, JSON, exit codes."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Cli, without

RECALL = ("recall", "--task", "films.jsonl", "--sampler", "uniform,random", "--frames", "2,3")


@pytest.mark.usefixtures("films")
def test_table(cli: Cli) -> None:
    done = cli(*RECALL, "--groups")
    assert done.code == 0
    assert "films: evidence within 1 s" in done.out
    assert "evidence recall" in done.out
    assert "difference: points of evidence recall more than uniform" in done.out
    assert "frame placement and cost" in done.out


@pytest.mark.usefixtures("films")
def test_json(cli: Cli) -> None:
    done = cli(*RECALL, "--tolerance", "1,2", "--json")
    assert done.code == 0
    content = json.loads(done.out)
    assert content["errors"] == []
    keys = {(row["sampler"], row["frames"], row["tolerance"]) for row in content["rows"]}
    assert keys == {(name, k, t) for name in ("uniform", "random") for k in (2, 3) for t in (1, 2)}
    row = content["rows"][0]
    assert row["subset"] == "all"
    assert row["task"] == "films"
    assert set(row["groups"]["of"]["x"]) == {"evidence_recall", "ci95", "n", "paired"}


@pytest.mark.usefixtures("films")
def test_a_failed_question_is_exit_code_3(cli: Cli) -> None:
    with open("picks.json", "w") as file:
        file.write('{"pan": [0, 50], "hat": [0]}')
    done = cli("recall", "--task", "films.jsonl", "--sampler", "file:picks.json", "--frames", "2")
    assert done.code == 3
    assert "question 'pan': entry 1 is 50, but the video has frames 0 to 49" in done.err
    assert "2 questions have no selection (file:picks.json K=2: 2)" in done.err
    assert "questions without a selection, left out: file:picks.json K=2: 2" in done.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--tolerance", "x"], "cannot read --tolerance 'x'; write 1 or 1,2,5"),
        (["--frames", "2.5"], "--frames must be whole numbers, commas between them (got '2.5')"),
        (["--frames", ""], "--frames needs at least one value"),
        (["--fps", "0"], "--fps must be > 0 (got 0.0)"),
    ],
)
@pytest.mark.usefixtures("films")
def test_mistakes(cli: Cli, args: list[str], said: str) -> None:
    done = cli(*without(RECALL, args[0]), *args)
    assert done.code == 2
    assert said in done.error
