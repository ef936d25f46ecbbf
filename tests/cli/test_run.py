"""`tspo-bench run`: tables, JSON, going on, and everything that can be asked wrongly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A, InterruptedOnce
from tests.support import little_room, table_rows
from tspo_bench.results import read_run
from tspo_bench.tasks import limit_questions, load_task

OWN = ("run", "--task", "films.jsonl", "--model", ALWAYS_A)
SCRIPT = Path(sys.executable).with_name("tspo-bench")


@pytest.mark.usefixtures("films")
def test_prints_the_comparison_and_where_the_files_are(cli: Cli) -> None:
    done = cli(*OWN, "--sampler", "uniform,oracle", "--frames", "1,2", "--groups")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    rows = [line for line in lines if line and line[0] in ("uniform", "oracle")]
    assert [row[:4] for row in rows[:4]] == [
        ["oracle", "1", "3", "66.7%"],
        ["uniform", "1", "3", "66.7%"],
        ["oracle", "2", "3", "66.7%"],
        ["uniform", "2", "3", "66.7%"],
    ]
    assert "accuracy by" in done.out
    folder = next(line[0] for line in lines if line and line[0].startswith("runs/"))
    assert Path(folder, "run.json").is_file()
    slugs = [line[0] for line in lines if line and line[0].startswith("films--")]
    assert len(slugs) == 4
    assert done.out.count("records.jsonl") == 1
    for slug in slugs:
        assert len(Path(folder, slug, "records.jsonl").read_text().splitlines()) == 3
        assert Path(folder, slug, "summary.json").is_file()
    commands = json.loads(Path(folder, "run.json").read_text())["commands"]
    assert commands[0]["command"] == sys.argv


@pytest.mark.usefixtures("films")
def test_json_is_all_that_stdout_holds(cli: Cli) -> None:
    done = cli(*OWN, "--sampler", "tests.cli.own:Chatty,oracle", "--frames", "2", "--json")
    assert done.code == 0
    chatty, oracle = sorted(table_rows(done.out), key=lambda row: row["sampler"] == "oracle")
    assert "looking at film.mp4" in done.err
    assert set(chatty) >= {
        *("sampler", "frames", "n", "accuracy", "accuracy_low", "groups", "evidence_recall"),
        *("headroom_recovered", "seconds_per_question", "num_failed", "runs"),
    }
    (table,) = json.loads(done.out)["tables"]
    assert (table["task"], table["model"], chatty["frames"]) == ("films", "always-a", 2)
    assert (chatty["n"], chatty["accuracy"]) == (3, pytest.approx(2 / 3))
    # Frames 0 and 10, at 0 s and 1 s: in hat's evidence and dog's, not in pan's.
    assert chatty["evidence_recall"] == pytest.approx(2 / 3)
    assert oracle["evidence_recall"] == 1
    assert Path(oracle["runs"][0], "run.json").is_file()


@pytest.mark.usefixtures("films")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--sampler", "akks"], "unknown sampler 'akks': did you mean 'aks'"),
        (["--sampler", "aks[deep=3]"], "has no option 'deep'; did you mean 'depth'?"),
        (["--sampler", "file:nowhere.json"], "cannot read frame selections nowhere.json"),
        (["--sampler", "uniform,uniform"], "--sampler: uniform is given twice"),
        (["--task", "haystak"], "unknown task 'haystak': did you mean 'haystack'"),
        (["--task", "haystack[length=2min]"], "it has: 1min, 5min, 15min, 60min"),
        (["--task", "nothing.jsonl"], "annotation file nothing.jsonl not found"),
        (["--split", "dev"], "has no split 'dev'; it has: test"),
        (["--model", "referense"], "unknown model 'referense': did you mean 'reference'"),
        (["--model", "./no/checkpoint"], "model './no/checkpoint': there is no such folder"),
        (["--encoder", "./no/clip", "--sampler", "aks"], "encoder './no/clip': there is no such"),
        (["--frames", "0"], "--frames must be >= 1 (got 0)"),
        (["--frames", "8,-1"], "--frames must be >= 1 (got -1)"),
        (["--frames", "many"], "--frames must be whole numbers, commas between them (got 'many')"),
        (["--frames", ""], "--frames needs at least one value"),
        (["--seeds", "a"], "--seeds must be whole numbers, commas between them (got 'a')"),
        (["--seeds", "0,0"], "--seeds: 0 is given twice"),
        (["--baseline", "aks[deep"], "cannot read 'aks[deep'"),
        (["--limit", "0"], "--limit must be >= 1 (got 0)"),
        (["--batch-size", "0"], "--batch-size must be >= 1 (got 0)"),
        (["--max-batch-tokens", "0"], "--max-batch-tokens must be >= 1 (got 0)"),
        (["--max-batch-tokens", "9"], "leave out --max-batch-tokens"),
        (["--candidate-fps", "0"], "--candidate-fps must be > 1e-12 (got 0.0)"),
        (["--data-root", "nowhere"], "data root nowhere is not a folder; set --data-root"),
        (["--out", "films.jsonl"], "run films.jsonl is a file; name a folder with --out"),
        (["--out", "films.jsonl/in"], "cannot make folder films.jsonl/in: Not a directory"),
        (["--out", "."], "it is not a run; name a new or empty folder with --out"),
        (["--device", "quantum", "--sampler", "aks"], "unknown device 'quantum'"),
    ],
)
def test_mistakes_end_in_one_line(cli: Cli, args: list[str], said: str) -> None:
    done = cli(*OWN, *args)  # the last of two equal options counts
    assert done.code == 2
    assert said in done.error


@pytest.mark.slow
@pytest.mark.usefixtures("films")
def test_a_cell_is_added_to_a_run_and_a_changed_one_beside_it(
    cli: Cli, caplog: pytest.LogCaptureFixture
) -> None:
    assert cli(*OWN, "--out", "mine", "--sampler", "uniform").code == 0
    again = cli(*OWN, "--out", "mine", "--sampler", "uniform,random", "--json")
    assert again.code == 0
    assert {row["sampler"] for row in table_rows(again.out)} == {"uniform", "random"}
    assert [cell.settings.sampler for cell in read_run(Path("mine"))] == ["uniform", "random"]
    fewer = cli(*OWN, "--out", "mine", "--sampler", "random", "--limit", "2", "--json")
    assert table_rows(fewer.out)[0]["n"] == 2
    assert "2 of 2 already done" in fewer.err
    changed = cli(*OWN, "--out", "mine", "--sampler", "random", "--candidates", "time")
    assert changed.code == 0
    assert 'candidates: "auto" then, "time" now' in caplog.text
    assert "0/3" in changed.err
    assert cli(*OWN, "--candidates", "even").code == 2
    fresh = cli(*OWN, "--out", "mine", "--sampler", "random", "--limit", "2", "--fresh", "--json")
    assert table_rows(fresh.out)[0]["n"] == 2
    assert [len(cell.records) for cell in read_run(Path("mine"))] == [3, 3, 2, 3]


@pytest.mark.slow
def test_missing_videos_are_recorded_and_asked_again(cli: Cli, films: Path) -> None:
    aside = films.with_name("aside.mp4")
    films.with_name("film.mp4").rename(aside)
    done = cli(*OWN, "--out", "mine", "--json")
    assert done.code == 3
    (cell,) = table_rows(done.out)
    assert cell["num_failed"] == 2
    assert (cell["n"], cell["accuracy"]) == (3, pytest.approx(1 / 3))
    assert "error: 2 of 3 records failed (2 decode_error)" in done.err
    assert "film.mp4 not found" in done.err
    table = cli(*OWN, "--out", "mine")
    assert table.code == 3
    assert "counted as wrong: 2 decode_error" in table.out
    aside.rename(films.with_name("film.mp4"))
    assert cli(*OWN, "--out", "mine").code == 0


def test_an_empty_data_root_is_a_mistake(cli: Cli, films: Path) -> None:
    films.with_name("empty").mkdir()
    done = cli(*OWN, "--data-root", "empty")
    assert done.code == 2
    assert "none of the 2 videos found" in done.error
    assert "not found under empty" in done.error
    assert cli(*OWN, "--data-root", "empty", "--sampler", "blind").code == 0


def test_skipped_annotation_lines_are_counted_and_named(cli: Cli, films: Path) -> None:
    films.write_text(films.read_text() + '\n{"video": "film.mp4"}\nnot json')
    done = cli(*OWN)
    assert done.code == 0
    assert "warning: 2 annotation lines skipped: films.jsonl line 4: " in done.err


@pytest.mark.slow
@pytest.mark.usefixtures("films")
def test_the_reference_is_warned_about_on_other_tasks_only(cli: Cli) -> None:
    args = ("run", "--task", "films.jsonl", "--limit", "1", "--frames", "1")
    warned = cli(*args, "--sampler", "clip-topk")
    assert "the reference model and encoder know the built-in pictogram world alone" in warned.err
    assert "on films scores are meaningless" in warned.err
    one = cli(*args, "--model", "reference[max_new_tokens=4]").err
    assert "the reference model knows the built-in" in one
    assert "on films scores are meaningless" in one
    own_model = cli(*OWN, "--limit", "1", "--sampler", "uniform,aks")
    assert "the reference encoder knows the" in own_model.err
    assert "warning" not in cli(*OWN, "--limit", "1").err  # uniform sampling uses no encoder


@pytest.mark.usefixtures("films")
def test_an_interrupted_run_goes_on(cli: Cli) -> None:
    InterruptedOnce.calls = 0
    own = ("run", "--task", "films.jsonl", "--model", "tests.cli.own:InterruptedOnce")
    own = (*own, "--batch-size", "1", "--out", "mine", "--json")
    stopped = cli(*own)
    assert (stopped.code, stopped.out) == (130, "")
    assert "interrupted; finished work is kept, and the same command resumes" in stopped.err
    (cell,) = read_run(Path("mine"))
    before = len(cell.records)
    assert before < 3
    done = cli(*own)
    assert (done.code, table_rows(done.out)[0]["n"]) == (0, 3)
    assert f": {before} of 3 already done" in done.err


@pytest.mark.slow
def test_haystack_with_the_reference_models(cli: Cli) -> None:
    args = ("--task", "haystack[length=1min]", "--limit", "2", "--frames", "4", "--json")
    done = cli("run", *args, "--sampler", "uniform,aks,oracle")
    assert done.code == 0
    assert "warning" not in done.err
    cells = table_rows(done.out)
    assert [cell["n"] for cell in cells] == [2, 2, 2]
    assert {cell["sampler"]: cell["evidence_recall"] for cell in cells}["oracle"] == 1
    assert set(cells[0]["groups"]) == {"type", "length", "depth"}


@pytest.mark.slow
def test_a_benchmark_from_its_own_annotations(cli: Cli, real_data: Path) -> None:
    annotations = str(real_data / "annotations" / "longvideobench_val.json")
    asked = limit_questions(
        load_task("longvideobench", annotations=Path(annotations)).questions(), 2
    )
    videos = Path("data", "videos")
    videos.mkdir(parents=True)
    for question in asked:
        (videos / question.video).symlink_to(real_data / "videos" / "water.mp4")
    args = ("--data-root", "data", "--annotations", annotations, "--limit", "2", "--frames", "4")
    done = cli("run", "--task", "longvideobench", "--sampler", "uniform,aks", *args, "--json")
    assert done.code == 0
    assert "the reference model and encoder know the built-in pictogram world alone" in done.err
    cells = table_rows(done.out)
    assert [cell["n"] for cell in cells] == [2, 2]
    assert set(cells[0]["groups"]) >= {"duration_group", "question_category"}


SAMPLER = """
import numpy as np
from tspo_bench import MLLM
from tspo_bench.types import Selection

class First:
    needs = frozenset({"probe"})

    def __init__(self, step=1):
        self.step = step

    def select(self, query, candidates, k):
        return Selection(np.arange(k) * self.step)

class Model(MLLM):
    name, id, short_side = "mine", "mine", None

    def answer(self, requests):
        from tspo_bench.types import Answer
        return [Answer("B") for _ in requests]
"""


@pytest.mark.slow
def test_a_sampler_and_model_beside_the_shell(cli: Cli, films: Path) -> None:
    films.with_name("mine_own.py").write_text(SAMPLER)
    command = [SCRIPT, "run", "--task", films.name, "--frames", "3", "--json"]
    command += ["--sampler", "mine_own:First[step=5]", "--model", "mine_own:Model"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=films.parent, check=True)
    (cell,) = table_rows(done.stdout)
    assert cell["sampler"] == "mine_own:First[step=5]"
    assert cell["accuracy"] == pytest.approx(1 / 3)
    (kept,) = read_run(films.parent / cell["runs"][0])
    assert [record.frames for record in kept.records] == [(0, 5, 10)] * 3


SLOW = """
import time
from tests.cli.own import AlwaysA, Outside

class SlowModel(AlwaysA):
    def answer(self, requests):
        print("asked", flush=True)
        time.sleep(600)
        print("slept", flush=True)

class SlowSampler(Outside):
    def select(self, query, candidates, k):
        print("asked", flush=True)
        time.sleep(600)
        print("slept", flush=True)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("cli")
@pytest.mark.parametrize(
    ("own", "presses"),
    [
        (["--model", "slow_own:SlowModel"], 1),
        # In a thread, which cannot be interrupted.
        (["--model", ALWAYS_A, "--sampler", "slow_own:SlowSampler"], 2),
    ],
)
def test_ctrl_c_ends_a_real_process(films: Path, own: list[str], presses: int) -> None:
    films.with_name("slow_own.py").write_text(SLOW)
    command = [SCRIPT, "run", "--task", films.name, "--out", "mine", *own]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert process.stderr is not None
    while "asked" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    while "Ctrl-C again stops at once" not in process.stderr.readline():
        assert process.poll() is None
    if presses == 2:
        process.send_signal(signal.SIGINT)
    _, rest = process.communicate()
    assert process.returncode == 130
    assert "slept" not in rest
    assert ("interrupted; finished work is kept" in rest) == (presses == 1)
    assert "Traceback" not in rest
    assert (films.parent / "mine" / "run.json").is_file()


def test_a_full_disk_ends_in_one_line(cli: Cli) -> None:
    task = "haystack[length=1min]"
    with little_room(20_000):
        done = cli("run", "--task", task, "--model", ALWAYS_A, "--limit", "1")
    assert done.code == 2
    assert "mp4: File too large; make room, or set TSPO_BENCH_CACHE" in done.error


def test_says_how_many_have_no_subtitles(cli: Cli, films: Path) -> None:
    rows = [json.loads(line) for line in films.read_text().splitlines()]
    named = [{**row, "subtitles": f"{i}.srt"} for i, row in enumerate(rows)]
    films.write_text("\n".join(map(json.dumps, named)))
    (films.parent / "0.srt").write_text("1\n00:00:00,000 --> 00:01:00,000\nHello\n")
    done = cli(*OWN, "--sampler", "uniform,oracle", "--subtitles", "full", "--json")
    assert done.code == 0
    assert json.loads(done.out)["tables"][0]["protocol"] == "strict@2+full"
    missing = len(rows) - 1
    assert f"warning: {missing} of {len(rows)} questions were asked without subtitles" in done.err
    assert (
        "--subtitles must be 'none', 'aligned' or 'full' (got 'all')"
        in cli(*OWN, "--subtitles", "all").error
    )
    refused = cli("run", "--task", "haystack", "--model", ALWAYS_A, "--subtitles", "aligned")
    assert refused.code == 2
    assert "task 'haystack' has no subtitles; drop --subtitles aligned" in refused.error
