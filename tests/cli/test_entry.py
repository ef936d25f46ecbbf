"""`tspo-bench submit` and `check-entry`: from a run to a file that others check, and their ends."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A
from tspo_bench.report.entries.archive import MANIFEST, write_archive

RUN = ("--task", "films.jsonl", "--model", ALWAYS_A, "--sampler", "uniform", "--out", "r")


@pytest.fixture
def entry(cli: Cli, films: Path) -> Path:
    """An entry of a run of two cells, whose annotations and videos are then put elsewhere."""
    assert cli("run", *RUN, "--frames", "1,2").code == 0
    done = cli("submit", "r", "-o", "e.zip", "--name", "mine\x1b[31m", "--description", "By hand")
    assert done.err == ""
    digest = hashlib.sha256(Path("e.zip").read_bytes()).hexdigest()
    first, second = done.out.splitlines()
    assert first.startswith("e.zip: 2 cells, 6 records, ")
    assert second == f"SHA-256 {digest}"
    Path("else").mkdir()
    for name in ("films.jsonl", "film.mp4", "short.mp4"):
        shutil.move(name, f"else/{name}")
    shutil.rmtree("r")
    return Path("e.zip")


def test_an_entry_is_checked_without_run_and_videos(cli: Cli, entry: Path) -> None:
    done = cli("check-entry", "e.zip", "--task", "else/films.jsonl")
    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()
    assert "\x1b" not in done.out
    assert "By hand" in done.out
    assert "questions and right answers: the annotations given" in done.out
    assert "2 cells, 6 records, 6 answers read again" in done.out
    assert "accuracy" not in done.out
    assert done.out.endswith("all as it says\n")
    long = cli("check-entry", "e.zip", "--task", "else/films.jsonl", "--verbose").out
    assert long.count("accuracy 66.7% [") == long.count("0 of 3 records differ, of 3") == 2
    assert "as published" not in long
    result = json.loads(cli("check-entry", "e.zip", "--task", "else/films.jsonl", "--json").out)
    one, two = result["cells"]
    assert (one["n"], one["read_again"], one["differences"]) == (3, 3, [])
    assert one["accuracy"] == one["claimed_accuracy"] == two["accuracy"] == pytest.approx(2 / 3)
    assert one["right_answers"] == "annotations"


def test_without_its_task_the_letters_are_taken_for_it(cli: Cli, entry: Path) -> None:
    done = cli("check-entry", "e.zip")
    assert done.code == 3
    assert "task 'films' is none of the package's own" in done.out
    assert done.err == (
        "error: not all answers could be read again: the entry's own letters are taken for it\n"
    )


def test_a_lie_is_found(cli: Cli, entry: Path) -> None:
    with zipfile.ZipFile("e.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
    name = next(name for name in files if name.endswith("k1/records.jsonl"))
    lines = [json.loads(line) for line in files[name].splitlines()]
    (hat,) = [line for line in lines if line["question_id"] == "hat"]
    hat |= {"letter": "B", "correct": True}
    files[name] = "".join(json.dumps(line) + "\n" for line in lines).encode()
    write_archive(Path("lie.zip"), files.items(), {})
    done = cli("check-entry", "lie.zip", "--task", "else/films.jsonl")
    assert (done.code, "error: the entry's records differ" in done.err) == (3, True)
    assert "  hat: letter B, read again A; right, now wrong" in done.out
    assert "accuracy 66.7% [" in done.out
    assert "as published 100.0%" in done.out
    done = cli("check-entry", "lie.zip", "--task", "else/films.jsonl", "--json")
    (difference,) = json.loads(done.out)["cells"][0]["differences"]
    assert difference == {
        "question": "hat",
        "letter": ["B", "A"],
        "gold": ["B", "B"],
        "correct": [True, False],
        "status": ["ok", "ok"],
        "video": ["film.mp4", "film.mp4"],
        "groups": [{"of": "y"}, {"of": "y"}],
        "evidence": [[[0.0, 1.0]], [[0.0, 1.0]]],
        "duration_seconds": [5.0, 5.0],
        "evidence_recall": [1.0, 1.0],
    }


def test_mistakes(cli: Cli, films: Path) -> None:
    assert "nowhere is no run" in cli("submit", "nowhere", "-o", "e.zip").error
    done = cli("check-entry", "films.jsonl")
    assert (done.code, "films.jsonl is no zip file" in done.error) == (2, True)
    done = cli("check-entry", "none.zip")
    assert (done.code, "cannot read none.zip: No such file" in done.error) == (2, True)
    with zipfile.ZipFile("evil.zip", "w") as archive:
        archive.writestr(MANIFEST, '{"format": 1, "files": {}}')
        archive.writestr("../evil.txt", "x")
    done = cli("check-entry", "evil.zip")
    assert (done.code, "evil.zip: '../evil.txt' is no name" in done.error) == (2, True)
    assert not Path("../evil.txt").exists()


def test_pictures_of_what_the_model_was_shown(cli: Cli, films: Path) -> None:
    assert cli("run", *RUN, "--frames", "2").code == 0
    done = cli("submit", "r", "-o", "e.zip", "--with-frames", "--json")
    content = json.loads(done.out)
    assert (content["pictures"], content["cells"], content["warnings"]) == (4, 1, [])
    with zipfile.ZipFile("e.zip") as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".jpg")]
        assert len(pictures) == 4
        assert archive.read(pictures[0]).startswith(b"\xff\xd8")
    assert cli("check-entry", "e.zip", "--task", "films.jsonl").code == 0
