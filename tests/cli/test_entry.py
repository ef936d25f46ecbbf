"""`tspo-bench submit` and `check-entry`: from a run to a file that others check, and their ends."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A
from tests.support import make_video
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
    for given in ((), ("--annotations", "else/films.jsonl")):  # where a task of one's own is not
        (source,) = (
            line
            for line in cli("check-entry", "e.zip", *given).out.splitlines()
            if line.startswith("questions and right answers: ")
        )
        assert "given to tspo-bench check-entry --task" in source
        assert "--annotations" not in source
    noted = " ".join(cli("report", "e.zip").err.split())
    assert noted.count("tspo-bench check-entry --task") == 2
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


def test_unfinished_cells_are_told(cli: Cli, entry: Path) -> None:
    """A question that was left out, a cell without a file, and one that says that it asked less."""
    with zipfile.ZipFile("e.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
    run = json.loads(files["run.json"])
    (one, two) = run["cells"]
    lines = files[f"{one}/records.jsonl"].splitlines(keepends=True)
    files[f"{one}/records.jsonl"] = b"".join(lines[:2])
    run["cells"][one]["num_questions"] = 2
    files["run.json"] = json.dumps(run).encode()
    write_archive(Path("less.zip"), files.items(), {})
    for given in ((), ("--task", "else/films.jsonl")):
        done = cli("check-entry", "less.zip", *given)
        assert done.code == 3
        assert f"problem: {one}: unfinished: 2 of 3 questions have a record" in done.out
        assert "all as it says" not in done.out
        said = f"problem: {one}: it says that 2 questions were asked; cells of the same set have 3"
        assert (said in done.out) == (not given)
    result = json.loads(cli("check-entry", "less.zip", "--json").out)
    assert [cell["num_questions"] for cell in result["cells"]] == [3, 3]
    table = cli("report", "less.zip").out
    assert "2 of 3" in table
    del files[f"{two}/records.jsonl"]
    write_archive(Path("none.zip"), files.items(), {})
    done = cli("check-entry", "none.zip", "--task", "else/films.jsonl")
    assert f"problem: {two}: unfinished: 0 of 3 questions have a record" in done.out


def test_a_large_entry_is_told_in_short(cli: Cli, entry: Path) -> None:
    """Of many cells and differences a few are shown, and the rest are counted."""
    with zipfile.ZipFile("e.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
    run = json.loads(files["run.json"])
    (slug, *_), (settings, *_) = run["cells"], run["cells"].values()
    lines = files[f"{slug}/records.jsonl"].splitlines()
    wrong = [json.dumps(json.loads(line) | {"letter": "B"}).encode() for line in lines]
    for number in range(12):
        run["cells"][f"more{number}"] = settings | {"sampler": f"s{number}"}
        files[f"more{number}/records.jsonl"] = b"\n".join(wrong) + b"\n"
    files["run.json"] = json.dumps(run).encode()
    write_archive(Path("large.zip"), files.items(), {})
    given = ("check-entry", "large.zip", "--task", "else/films.jsonl")
    done = cli(*given)
    assert done.code == 3
    assert "14 cells, 42 records, 42 answers read again" in done.out
    assert done.out.count("letter B, read again A") == 30
    assert "\n2 cells more with differences; --verbose lists them\n" in done.out
    assert done.out.endswith("\n36 records in 12 cells differ\n")
    done = cli(*given, "--verbose")
    assert done.out.count("letter B, read again A") == 36
    assert done.out.count("accuracy 66.7% [") == 14


@pytest.mark.parametrize("pts", [None, [40 * n + 15 * (n % 3) for n in range(150)]])
def test_evidence_by_a_run_is_the_evidence_that_is_checked(
    cli: Cli, tmp_path: Path, pts: list[int] | None
) -> None:
    """Of a benchmark that counts in frames; by samplers that see the video or not."""
    make_video(tmp_path / "one.mp4", 150, rate=Fraction(30000, 1001), pts=pts)
    asked = [
        {"id": f"q{number}", "video_path": "one.mp4", "question": "What?",
         "duration": 5 if pts is None else 6,
         "candidates": ["x", "y"], "correct_choice": 0, "position": moments,
         "duration_group": 15, "question_category": "T2E", "level": "L1-Perception",
         "topic_category": "c", "subtitle_path": "s.json"}
        for number, moments in enumerate([[11, 77], [149], [7, 290]])
    ]  # fmt: skip
    Path("lvb_val.json").write_text(json.dumps(asked))
    run = ("run", "--task", "longvideobench", "--data-root", ".", "--model", ALWAYS_A)
    assert cli(*run, "--sampler", "uniform,blind,oracle", "--frames", "1,3", "--out", "r").code == 0
    assert cli("submit", "r", "-o", "e.zip").code == 0
    done = cli("check-entry", "e.zip", "--data-root", ".", "--json")
    differences = [one for cell in json.loads(done.out)["cells"] for one in cell["differences"]]
    assert (done.code, done.err, differences) == (0, "", [])
    recalls = [cell["evidence_recall"] for cell in json.loads(done.out)["cells"]]
    assert 0.0 in recalls
    assert 1.0 in recalls


def test_broken_scores_cost_their_curves_alone(cli: Cli, entry: Path) -> None:
    with zipfile.ZipFile("e.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
    slug = next(iter(json.loads(files["run.json"])["cells"]))
    files[f"{slug}/scores.jsonl"] = b"{}\n"
    write_archive(Path("e.zip"), files.items(), {})
    told = f"{slug}: its curves are left out: {slug}/scores.jsonl, line 1: question_id is missing"
    done = cli("check-entry", "e.zip", "--task", "else/films.jsonl")
    assert done.code == 3
    assert f"problem: {told}" in done.out
    assert done.err == "error: the entry has other problems than its answers; they are listed\n"
    done = cli("report", "e.zip", "--html", "page")
    assert done.code == 0
    assert Path("page/index.html").is_file()
    assert f"note: e.zip: {told}" in " ".join(done.err.split())
    assert "/tspo-bench-" not in done.err


def test_mistakes(cli: Cli, films: Path) -> None:
    assert "nowhere is not a run" in cli("submit", "nowhere", "-o", "e.zip").error
    done = cli("check-entry", "films.jsonl")
    assert (done.code, "films.jsonl is no zip file" in done.error) == (2, True)
    assert cli("run", *RUN, "--frames", "1").code == 0
    done = cli("check-entry", "r")
    assert done.code == 2
    assert "r is a run's folder; pack it with tspo-bench submit r -o entry.zip" in done.error
    done = cli("check-entry", ".")
    assert (done.code, ". is a folder; name the entry, a zip file" in done.error) == (2, True)
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
