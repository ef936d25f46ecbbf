"""`tspo-bench bundle` and `rescore`: from a run to a file that others check."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A

RUN = ("--task", "films.jsonl", "--model", ALWAYS_A, "--sampler", "uniform", "--out", "r")


@pytest.fixture
def bundled(cli: Cli, films: Path) -> Path:
    """A bundle of a run of two cells."""
    assert cli("run", *RUN, "--frames", "1,2").code == 0
    done = cli("bundle", "r", "-o", "r.zip")
    assert done.err == ""
    digest = hashlib.sha256(Path("r.zip").read_bytes()).hexdigest()
    first, second = done.out.splitlines()
    assert first.startswith("r.zip: 2 cells, 6 records, ")
    assert second == f"SHA-256 {digest}"
    assert json.loads(cli("bundle", "r", "-o", "r.zip", "--json").out)["sha256"] == digest
    return Path("r.zip")


def test_a_bundle_is_checked_without_run_and_videos(cli: Cli, bundled: Path) -> None:
    tables = cli("report", "r").out
    shutil.rmtree("r")
    Path("film.mp4").unlink()
    assert cli("report", "r.zip").out == tables
    for given in ((), ("--task", "films.jsonl")):
        done = cli("rescore", "r.zip", *given)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("r.zip: 2 cells, 6 records, 6 replies read again\n")
        assert done.out.endswith("OK: all 6 records match\n")
        assert ("the task's" in done.out) == bool(given)
    assert cli("rescore", "r.zip", "--verbose").out.count("accuracy 66.7%") == 2


def test_a_difference_is_printed_and_exits_with_3(cli: Cli, bundled: Path) -> None:
    (path,) = Path("r").glob("*k1/records.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if line["question_id"] == "hat":
            line |= {"letter": "B", "correct": True}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = cli("rescore", "r")
    assert done.code == 3
    assert "1 of 3 records differ; accuracy 100.0%, now 66.7%" in done.out
    assert "  hat: letter B, now A; correct, now wrong" in done.out
    assert done.out.endswith("1 of 6 records differ\n")
    cells = json.loads(cli("rescore", "r", "--json").out)["cells"]
    (difference,) = cells[0]["differences"]
    assert difference["stored"] == {
        "letter": "B",
        "gold": "B",
        "correct": True,
        "status": "ok",
        "guessed": False,
    }
    assert difference["now"] == {
        "letter": "A",
        "gold": "B",
        "correct": False,
        "status": "ok",
        "guessed": False,
    }
    assert cells[1]["differences"] == []


def test_mistakes(cli: Cli, bundled: Path) -> None:
    assert "--protocol" not in cli("rescore", "none.zip").error
    assert "no protocol 'x'" in cli("rescore", "r.zip", "--protocol", "x").error
    assert "r.zip" in cli("bundle", "r.zip", "-o", "x.zip").error
