"""Pages of real runs: texts and pictures come from the task, as long as it is there."""

from __future__ import annotations

import base64
import html
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.evaluation.support import run, write_questions
from tests.report.html.support import shown_frame, write_run
from tests.support import make_video, read_number
from tspo_bench.cli import app
from tspo_bench.errors import UserError
from tspo_bench.report.bundle import write_archive, write_bundle
from tspo_bench.report.html import TaskSource, write_html
from tspo_bench.report.loading import load_results
from tspo_bench.report.run_tasks import RunTasks
from tspo_bench.results import Cell, read_run

LENGTHS = {"long.mp4": 120, "short.mp4": 60}


def write_page(cells: Sequence[Cell], out: Path, trusts: bool = False, **options: Any) -> Path:
    return write_html(cells, out, source=TaskSource(RunTasks(trust_tasks=trusts)), **options)


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """An annotation file about two numbered videos, and a run of it."""
    (tmp_path / "films").mkdir()
    for name, num_frames in LENGTHS.items():
        make_video(tmp_path / "films" / name, num_frames, width=320, height=180)
    path = write_questions(tmp_path / "quiz.jsonl", tmp_path / "films", LENGTHS, n=6)
    run(path, tmp_path / "run", samplers=("uniform", "oracle"), limit=5)
    return path


def test_pictures_are_the_frames_that_were_picked(task: Path, tmp_path: Path) -> None:
    cells = read_run(tmp_path / "run")
    progress: list[tuple[int, int]] = []
    page = write_page(
        cells, tmp_path / "html", on_progress=lambda done, of: progress.append((done, of))
    )
    assert page == tmp_path / "html" / "index.html"
    assert progress == [(1, 2), (2, 2)]
    text = (tmp_path / "html/data/set0-0.js").read_text()
    details = json.loads(text.partition(",")[2].rpartition(")")[0])
    asked = {json.loads(line)["id"]: json.loads(line) for line in task.read_text().splitlines()}
    assert len(details) == 5
    for one in details.values():
        question = next(q for q in asked.values() if q["question"] == one["text"])
        assert one["options"] == question["options"]
        assert one["seconds"] == LENGTHS[Path(one["video"]).name] / 10
        for answer in one["answers"]:
            for frame in answer.get("frames", ()):
                picture = shown_frame(tmp_path / "html", one["thumbs"], frame)
                assert read_number(picture) == frame


def test_a_task_that_is_gone_or_another_now(task: Path, tmp_path: Path) -> None:
    (cell, _) = read_run(tmp_path / "run")
    lines = task.read_text()
    task.write_text(lines.replace("which thing", "which other thing"))
    with pytest.raises(UserError, match="the questions of task 'quiz' have changed"):
        RunTasks().load(cell)[1]
    task.unlink()
    with pytest.raises(UserError, match=r"annotation file .* not found"):
        RunTasks().load(cell)[1]
    write_page([cell], tmp_path / "html")
    index = (tmp_path / "html/data/set0.js").read_text()
    assert "Texts and pictures are not shown: " in index
    assert "not found; check its path" in index
    task.write_text(lines)
    shutil.rmtree(tmp_path / "films")
    assert len(RunTasks().load(cell)[1]) == 5
    write_page([cell], tmp_path / "html")
    assert "2 of 2 videos cannot be shown" in (tmp_path / "html/data/set0.js").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["command", "label", "both"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_run_names_is_not_run(
    place: str, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder or a bundle may come from a stranger; `Popen` stands for any class."""
    monkeypatch.chdir(tmp_path)
    spec = 'subprocess:Popen[args="touch ran",shell=true]'
    label = "mine" if place == "command" else spec
    (cell,) = write_run(tmp_path / "run", 3, samplers=("uniform",), task=label)
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    if place != "label":
        content["commands"] = [{"command": [], "settings": {"tasks": [spec]}}]
    (tmp_path / "run" / "run.json").write_text(json.dumps(content))
    if packed:
        names = ("run.json", f"{cell.folder.name}/records.jsonl")
        files = {name: (tmp_path / "run" / name).read_bytes() for name in names}
        write_archive(tmp_path / "run.zip", files, {})
        cell = replace(cell, folder=tmp_path / "run.zip" / cell.folder.name)
    page = write_page([cell], tmp_path / "html", trusts=packed)
    time.sleep(0.1)
    assert not (tmp_path / "ran").exists()
    index = (page.parent / "data/set0.js").read_text()
    assert "Texts and pictures are not shown: task 'mine" in index or "subprocess:Popen" in index
    assert "is not one of the package's and may run code" in index
    assert ("if the run is your own, add --trust-tasks" in index) != packed


def test_a_class_is_loaded_when_the_run_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    make_video(tmp_path / "films" / "a.mp4", 40, width=320, height=180)
    path = write_questions(tmp_path / "quiz.jsonl", tmp_path / "films", {"a.mp4": 40}, n=2)
    spec = f"tspo_bench.tasks.annotated:AnnotatedTask[name=quiz,annotations={path}]"
    run(spec, tmp_path / "run", samplers=("uniform",))
    (cell,) = read_run(tmp_path / "run")
    with pytest.raises(UserError, match="add --trust-tasks"):
        RunTasks().load(cell)[1]
    assert len(RunTasks(trust_tasks=True).load(cell)[1]) == 2


def test_a_built_in_task_without_its_run(tmp_path: Path) -> None:
    """As of an entry: the records' folder is not a folder, and no command is known."""
    from tspo_bench.results import CellSettings
    from tspo_bench.tasks import digest_of, limit_questions, load_task

    label = "haystack[length=1min,videos=7]"
    questions = limit_questions(load_task(label).questions(), 3)
    labels = {"task": label, "sampler": "s", "model": "m", "protocol": "strict@2", "frames": 1}
    settings = CellSettings(**labels, questions=digest_of(questions), limit=3)
    (tmp_path / "entry.zip").write_bytes(b"")
    cell = Cell(settings, (), tmp_path / "entry.zip" / "cell")
    assert list(RunTasks().load(cell)[1]) == questions


def test_bundles_bring_scores(task: Path, tmp_path: Path) -> None:
    """Where the videos are gone, and the task too."""
    cell = read_run(tmp_path / "run")[0]
    levels = base64.b64encode(bytes(range(40))).decode()
    numbers = {"seconds_per_candidate": 1.0, "low": 0.0, "high": 1.0}
    line = {"question_id": cell.records[0].question_id, **numbers, "levels": levels}
    (cell.folder / "scores.jsonl").write_text(json.dumps(line) + "\n")
    write_bundle(tmp_path / "run", tmp_path / "mine.zip")
    cells = load_results([tmp_path / "mine.zip"]).cells
    shutil.rmtree(tmp_path / "films")
    shutil.rmtree(tmp_path / "run")
    write_page(cells, tmp_path / "html")
    index = (tmp_path / "html/data/set0.js").read_text()
    assert "task 'quiz' is not one of the package's" in index
    text = (tmp_path / "html/data/set0-0.js").read_text()
    details = json.loads(text.partition(",")[2].rpartition(")")[0])
    assert [one["levels"] for each in details.values() for one in each["curves"]] == [levels]


def test_the_page_says_what_the_command_says(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "runs" / "a", 3, samplers=("uniform", "aks", "tspo-q"))
    cut = cells[1].folder / "records.jsonl"
    cut.write_text(cut.read_text()[:-40])
    (cells[2].folder / "records.jsonl").write_text("{}\n")
    shutil.copytree(tmp_path / "runs" / "a", tmp_path / "runs" / "b")
    said = CliRunner().invoke(
        app, ["report", str(tmp_path / "runs"), "--html", str(tmp_path / "html")]
    )
    assert said.exit_code == 3
    page = html.unescape((tmp_path / "html" / "index.html").read_text(encoding="utf-8"))
    lines = [line.partition(": ") for line in said.stderr.splitlines() if ": " in line]
    shown = [text for kind, _, text in lines if kind in ("note", "error")]
    assert len(shown) >= 5
    assert [text for text in shown if text not in page] == []
