"""Run directories: resume, mismatch, kills, and several processes in one run."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import little_room
from tspo_bench.errors import UserError
from tspo_bench.results import RunDirectory, cell_slug, read_run, record_to_line
from tspo_bench.types import Record

SETTINGS = {"task": "t", "sampler": "aks", "model": "m", "frames": 8, "protocol": "p", "seed": 0}


def record(question_id: str) -> Record:
    return Record(question_id=question_id, video="v.mp4", status="ok", gold="A", frames=(1, 2))


def test_a_cell_is_written_read_and_resumed(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "deep" / "run", command=["tspo-bench", "run"])
    with run.open_cell("cell", SETTINGS) as cell:
        assert cell.done == {}
        cell.append(record("q1"))
    with RunDirectory(run.path).open_cell("cell", SETTINGS) as cell:
        assert cell.done == {"q1": record("q1")}
        cell.append(record("q2"))
        cell.write_summary({"n": 2})
    (read,) = read_run(run.path)
    assert list(read.records) == [record("q1"), record("q2")]
    assert read.settings.to_json() == SETTINGS
    assert read.folder == run.path / "cell"
    assert read.run_folder == run.path
    assert json.loads((read.folder / "summary.json").read_text()) == {"n": 2}


def test_run_file_says_what_it_was_made_with(tmp_path: Path) -> None:
    import torch

    RunDirectory(tmp_path, command=["tspo-bench", "run", "--limit", "3"], settings={"seed": 7})
    RunDirectory(tmp_path, command=["tspo-bench", "run", "--fresh"], settings={"seed": 8})
    content = json.loads((tmp_path / "run.json").read_text())
    assert content["format"] == 1
    first, second = content["commands"]
    assert first["command"] == ["tspo-bench", "run", "--limit", "3"]
    assert (first["settings"], second["settings"]) == ({"seed": 7}, {"seed": 8})
    environment = first["environment"]
    assert environment["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert environment["python"] == ".".join(map(str, sys.version_info[:3]))
    assert len(environment["gpus"]) == torch.cuda.device_count()
    assert environment["num_cores"] == os.cpu_count()


def test_git_revision_is_the_checkouts_own() -> None:
    from tspo_bench.results.environment import git_revision

    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        pytest.skip("not run from a checkout")
    head = subprocess.check_output(["git", "-C", str(root), "rev-parse", "HEAD"], text=True)
    assert (git_revision() or "").removesuffix("-dirty") == head.strip()


def test_changed_settings_are_named_with_both_values(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    nested = SETTINGS | {"options": {"t1": 0.2, "depth": 3}}
    with run.open_cell("cell", nested) as cell:
        cell.append(record("q1"))
    changed = SETTINGS | {"options": {"t1": 0.8, "depth": 3}, "seed": 1, "limit": 5}
    with run.open_cell("cell", changed) as cell:
        assert cell.reason == "options.t1: 0.2 then, 0.8 now; seed: 0 then, 1 now"
        assert cell.done == {}
        assert re.fullmatch("cell--[0-9a-f]{8}", cell.folder.name)
    assert [cell.settings.to_json() for cell in read_run(tmp_path)] == [nested, changed]
    with run.open_cell("cell", changed) as cell:
        assert cell.reason is None
    with run.open_cell("cell", nested) as cell:
        assert list(cell.done) == ["q1"]


def test_a_change_is_named_beside_the_most_similar_cell(tmp_path: Path) -> None:
    """Not beside the newest, which may differ in what was asked for in between alone."""
    run = RunDirectory(tmp_path)
    whole = SETTINGS | {"limit": None, "num_questions": 12, "questions": "all"}
    reasons = []
    for changed in (
        {},
        {"candidate_fps": 2.0},
        {"limit": 5, "num_questions": 5, "questions": "five"},  # not reported
        {"questions": "corrected"},
        {"candidate_fps": 4.0},
    ):
        with run.open_cell("cell", whole | changed) as cell:
            cell.append(record("q1"))
            reasons.append(cell.reason)
    assert reasons == [
        None,
        "candidate_fps: absent then, 2.0 now",
        None,
        'questions: "all" then, "corrected" now',
        "candidate_fps: 2.0 then, 4.0 now",
    ]


def test_fresh_with_other_settings_leaves_the_finished_cell(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    with run.open_cell("cell", SETTINGS) as cell:
        cell.append(record("q1"))
        cell.write_summary({"n": 1})
    with run.open_cell("cell", SETTINGS | {"seed": 1}, fresh=True) as cell:
        assert cell.done == {}
        assert not (cell.folder / "summary.json").exists()
        cell.append(record("q1"))
    before, after = read_run(tmp_path)
    assert before.settings.to_json() == SETTINGS
    assert (before.folder / "summary.json").exists()
    assert (after.settings.seed, len(after.records)) == (1, 1)


def test_a_cell_without_records_takes_changed_settings(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.open_cell("cell", SETTINGS).close()
    run.open_cell("cell", SETTINGS | {"seed": 1}).close()
    assert read_run(tmp_path)[0].settings.seed == 1


def test_a_cut_last_line_is_removed_before_appending(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    with run.open_cell("cell", SETTINGS) as cell:
        cell.append(record("q1"))
    path = tmp_path / "cell" / "records.jsonl"
    with path.open("ab") as file:
        file.write(record_to_line(record("q2"))[:30].encode())
    with run.open_cell("cell", SETTINGS) as cell:
        assert list(cell.done) == ["q1"]
        cell.append(record("q2"))
    assert path.read_text() == "".join(record_to_line(record(q)) + "\n" for q in ("q1", "q2"))


def test_a_question_is_not_recorded_twice(tmp_path: Path) -> None:
    with RunDirectory(tmp_path).open_cell("cell", SETTINGS) as cell:
        cell.append(record("q1"))
        with pytest.raises(ValueError, match="'q1' has a record"):
            cell.append(record("q1"))


@pytest.mark.slow
def test_records_survive_a_kill(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.results.test_run import SETTINGS, record\n"
        "from tspo_bench.results import RunDirectory\n"
        "cell = RunDirectory(Path(sys.argv[1])).open_cell('cell', SETTINGS)\n"
        "[cell.append(record(f'q{i}')) for i in range(50)]\n"
        "print('written', flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    run = RunDirectory(tmp_path)
    with pytest.raises(UserError, match="being written by another process"):
        run.open_cell("cell", SETTINGS)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with run.open_cell("cell", SETTINGS) as cell:
        assert len(cell.done) == 50


def _add_cell(path: Path, number: int) -> None:
    slug = f"cell-{number}"
    with RunDirectory(path, command=[slug]).open_cell(slug, SETTINGS | {"frames": number}) as cell:
        cell.append(record("q1"))


def test_processes_that_add_cells_at_once_lose_none(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_add_cell, args=(tmp_path, n)) for n in range(12)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(cell.settings.frames for cell in read_run(tmp_path)) == list(range(12))
    assert len(json.loads((tmp_path / "run.json").read_text())["commands"]) == 12


def test_records_of_unknown_settings_are_not_adopted(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "records.jsonl").write_text(record_to_line(record("q1")) + "\n")
    with pytest.raises(UserError, match="does not say of which settings"):
        run.open_cell("cell", SETTINGS)
    with run.open_cell("cell", SETTINGS, fresh=True) as cell:
        assert cell.done == {}


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="is a file"):
        RunDirectory(tmp_path / "run")


def test_a_folder_of_something_else_stays_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match=r"holds 'thesis.tex' and no run\.json"):
        RunDirectory(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "not a run of format 1"),
        ('{"format": 99}', "not a run of format 1"),
        ('{"format": 1}', "commands is missing"),
        ("[" * 10**5, "is not JSON"),
    ],
)
def test_broken_run_file(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=message):
        read_run(tmp_path)
    with pytest.raises(UserError, match=message):
        RunDirectory(tmp_path)


def test_reading_a_folder_that_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run: no run\.json found"):
        read_run(tmp_path)


def test_files_beside_no_records_are_removed(tmp_path: Path) -> None:
    """A kill between a question's scores and its record, then the cell with other settings."""
    run = RunDirectory(tmp_path)
    with run.open_cell("cell", SETTINGS) as cell:
        (cell.folder / "scores.jsonl").write_text("{}\n")
        cell.write_summary({"n": 0})
    with run.open_cell("cell", {**SETTINGS, "protocol": "other"}) as cell:
        assert [path.name for path in cell.folder.iterdir()] == ["records.jsonl"]
        (cell.folder / "scores.jsonl").write_text("{}\n")
        cell.append(record("q1"))
    with run.open_cell("cell", {**SETTINGS, "protocol": "other"}) as cell:
        assert (cell.folder / "scores.jsonl").read_text() == "{}\n"


@pytest.mark.parametrize(
    ("labels", "slug"),
    [
        (("haystack", "clip-topk", "reference", "k8"), "haystack--clip-topk--reference--k8"),
        (("haystack", "random", "reference", "k8", 0), "haystack--random--reference--k8--seed0"),
        (
            ("haystack[length=15min]", "aks[t1=0.8,depth=5]", "llava-hf/ov 7B", "k64"),
            "haystack-length=15min--aks-t1=0.8,depth=5--llava-hf-ov-7B--k64--[0-9a-f]{8}",
        ),
    ],
)
def test_slugs(labels: tuple, slug: str) -> None:
    """Characters that file systems dislike are replaced, and a hash follows."""
    assert re.fullmatch(slug, cell_slug(*labels))


labels = st.text("aB1.-_/[]=,: é", min_size=0, max_size=6)
seeds = st.none() | st.integers(0, 12)
budgets = st.integers(0, 12).map("k{}".format)
cells = st.tuples(labels, labels, labels, budgets, seeds)


@given(st.lists(cells, max_size=20, unique=True))
def test_slugs_are_safe_and_distinct(some: list[tuple[str, str, str, str, int | None]]) -> None:
    slugs = [cell_slug(*cell) for cell in some]
    assert len(set(slugs)) == len(some)
    for slug in slugs:
        assert slug[0].isalnum()
        assert re.fullmatch(r"[A-Za-z0-9._=,+-]+", slug)


def test_slug_of_endless_labels_fits_a_file_system() -> None:
    one = cell_slug("t" * 500, "s" * 500, "m" * 500, "k64")
    other = cell_slug("t" * 501, "s" * 500, "m" * 500, "k64")
    assert len(one) < 255
    assert one != other


def test_a_full_disk(tmp_path: Path) -> None:
    """What is written before stays; the same run resumes once there is room."""
    run = RunDirectory(tmp_path)
    with run.open_cell("cell", SETTINGS) as cell:
        cell.append(record("q1"))
    cell = run.open_cell("cell", SETTINGS)
    with little_room((cell.folder / "records.jsonl").stat().st_size + 10):
        with pytest.raises(UserError, match=r"summary.json: File too .*make room, or name another"):
            cell.write_summary({"text": "x" * 1000})
        with pytest.raises(UserError, match=r"run.json: File too large; make room"):
            RunDirectory(tmp_path)
        full = r"cannot write .*records.jsonl: File too large; make room, then run the same"
        with pytest.raises(UserError, match=full), cell:
            cell.append(record("q2"))
    with RunDirectory(tmp_path).open_cell("cell", SETTINGS) as cell:
        assert cell.done == {"q1": record("q1")}
