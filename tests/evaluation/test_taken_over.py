"""Cells take over from others: answers of other limits, of corrected files, of one video."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.support import READER, run, untimed, write_rows
from tests.support import make_video
from tspo_bench.evaluation import EvaluationResult
from tspo_bench.report.baselines import Baselines, pooled_rows
from tspo_bench.report.comparison import comparison_tables
from tspo_bench.report.notes import footnotes
from tspo_bench.results import read_run
from tspo_bench.tasks import limit_questions, load_task


class Log:
    """The texts of the questions that a model was asked, by call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = f"{READER}[log={path}]"

    def take(self) -> list[str]:
        """What was asked since the last call."""
        asked = self.path.read_text().splitlines() if self.path.exists() else []
        self.path.unlink(missing_ok=True)
        return asked


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


@pytest.fixture
def rows(questions: Path) -> list[dict]:
    """The questions' annotations, of videos named relative to a folder."""
    return [json.loads(line) for line in questions.read_text().splitlines()]


@pytest.fixture
def root(rows: list[dict], tmp_path: Path) -> Path:
    """A data root with copies of the videos, and `own.jsonl` about them."""
    folder = tmp_path / "root"
    folder.mkdir()
    for row in rows:
        source = Path(row["video"])
        row["video"] = source.name
        if not (folder / source.name).exists():
            shutil.copy(source, folder)
    write_rows(folder / "own.jsonl", rows)
    return folder


def accuracy(result: EvaluationResult) -> list[float]:
    return [float(np.mean([r.correct for r in cell.records])) for cell in result.cells]


@pytest.mark.slow
def test_a_larger_limit_asks_only_what_is_new(
    questions: Path, tmp_path: Path, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    out, grid = tmp_path / "run", {"samplers": ("uniform", "random"), "models": (log.model,)}
    alone = {n: run(questions, tmp_path / f"alone-{n}", **grid, limit=n) for n in (5, 10)}
    log.take()
    five = run(questions, out, **grid, limit=5)
    assert len(log.take()) == 10
    ten = run(questions, out, **grid, limit=10)
    known = {q.text for q in limit_questions(load_task(str(questions)).questions(), 5)}
    new = log.take()
    assert len(new) == 10
    assert not known.intersection(new)
    again = run(questions, out, **grid, limit=5)
    assert log.take() == []
    whole = run(questions, out, **grid)
    assert len(log.take()) == 4
    for found, n in ((five, 5), (ten, 10), (again, 5), (whole, 12)):
        assert [len(cell.records) for cell in found.cells] == [n, n]
        assert [cell.settings.limit for cell in found.cells] == [n if n < 12 else None] * 2
        summaries = [json.loads((c.folder / "summary.json").read_text()) for c in found.cells]
        assert [summary["n"] for summary in summaries] == [n, n]
    assert again.cells == five.cells
    for found, n in ((again, 5), (ten, 10)):
        for cell, other in zip(found.cells, alone[n].cells, strict=True):
            assert sorted(untimed(cell.records)) == sorted(untimed(other.records))
    assert accuracy(again) == accuracy(alone[5])
    assert not caplog.records  # a limit is nothing to be warned of
    assert len(read_run(out)) == 6


def test_limits_are_tables_of_their_own(questions: Path, tmp_path: Path) -> None:
    for limit in (4, 8):
        run(questions, tmp_path / "run", samplers=("uniform", "random"), limit=limit)
    tables = comparison_tables(read_run(tmp_path / "run"))
    assert [(t.shared["limit"], [s.row.summary.n for s in t.rows]) for t in tables] == [
        (4, [4, 4]),
        (8, [8, 8]),
    ]
    assert all(one.row.paired.num_questions <= t.shared["limit"]
               for t in tables for one in t.rows if one.row.paired)  # fmt: skip


def test_a_smaller_limit_resumes_a_larger_one(questions: Path, tmp_path: Path, log: Log) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(questions, tmp_path / "run", models=(f"{READER}[log={log.path},stop_after=7]",))
    asked = set(log.take())
    run(questions, tmp_path / "run", models=(log.model,), limit=9)
    both = {q.text for q in limit_questions(load_task(str(questions)).questions(), 9)}
    assert len(log.take()) == len(both - asked) + 1  # the seventh had no answer yet


@pytest.mark.slow
def test_what_asks_nothing_else_is_taken_over(
    root: Path, clip: Path, other_clip: Path, tmp_path: Path, log: Log
) -> None:
    """Batch size, place of the data, and for uniform sampling the encoder."""
    grid = {"models": (log.model,), "data_root": root}
    task = root / "own.jsonl"
    run(task, tmp_path / "run", **grid, encoder=str(clip))
    assert len(log.take()) == 12
    moved = tmp_path / "moved"
    shutil.copytree(root, moved)
    grid["data_root"] = moved
    task = moved / "own.jsonl"
    run(task, tmp_path / "run", **grid, encoder=str(other_clip), batch_size=1)
    run(task, tmp_path / "run", **grid, samplers=("blind",))
    log.take()
    run(task, tmp_path / "run", **grid, samplers=("blind",), candidate_fps=5.0, candidates="time")
    assert log.take() == []


@pytest.mark.slow
def test_a_video_that_was_replaced_is_asked_about_again(
    root: Path, tmp_path: Path, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """Its questions alone; the old records stay as they are, and count again with the old file."""
    task, grid = root / "own.jsonl", {"models": (log.model,), "data_root": root}
    (first,) = run(task, tmp_path / "run", **grid).cells
    of_short = {r.question_id for r in first.records if r.video == "short.mp4"}
    log.take()
    old = (root / "short.mp4").read_bytes()
    make_video(root / "short.mp4", 88)
    (second,) = run(task, tmp_path / "run", **grid).cells
    assert len(log.take()) == len(of_short) == 4
    assert second.folder != first.folder
    assert "replaced.short.mp4: absent then, " in caplog.text
    assert len(second.records) == 12
    same = {r.question_id: r for r in second.records}
    for record in first.records:
        assert (same[record.question_id] == record) == (record.question_id not in of_short)
    assert read_run(tmp_path / "run")[0].records == first.records
    caplog.clear()
    (again,) = run(task, tmp_path / "run", **grid).cells
    assert again == second
    (root / "short.mp4").write_bytes(old)
    (back,) = run(task, tmp_path / "run", **grid).cells
    assert back == first
    assert log.take() == []
    assert not caplog.records


def test_a_missing_video_is_not_asked_about_again(root: Path, tmp_path: Path, log: Log) -> None:
    task, grid = root / "own.jsonl", {"models": (log.model,), "data_root": root}
    first = run(task, tmp_path / "run", **grid)
    log.take()
    (root / "short.mp4").unlink()
    assert run(task, tmp_path / "run", **grid) == first
    assert log.take() == []


def test_cells_of_two_files_of_a_video_are_not_compared(root: Path, tmp_path: Path) -> None:
    task, grid = root / "own.jsonl", {"data_root": root, "limit": 8}
    run(task, tmp_path / "run", **grid, samplers=("uniform",))
    make_video(root / "short.mp4", 88)
    result = run(task, tmp_path / "run", **grid, samplers=("random", "blind"))
    cells = read_run(tmp_path / "run")
    by_name = {row.cells[0].settings.sampler: row for row in pooled_rows(cells, Baselines(cells))}
    assert by_name["random"].paired is None
    assert by_name["blind"].paired is not None  # it saw neither
    (note,) = [note for note in footnotes(list(by_name.values())) if "replaced" in note]
    assert note.startswith("random: not compared with the baseline: 1 videos were replaced")
    assert "short.mp4" in note
    assert len(EvaluationResult(result.cells, ()).table().renderables) > 1
    run(task, tmp_path / "run", **grid, samplers=("uniform",))
    rows = pooled_rows(result.cells, Baselines(result.cells))
    assert [row.replaced for row in rows] == [(), ()]
    assert rows[0].paired is not None


def test_a_replaced_video_with_seeds(root: Path, tmp_path: Path, log: Log) -> None:
    task, grid = root / "own.jsonl", {"models": (log.model,), "data_root": root}
    run(task, tmp_path / "run", **grid, samplers=("random",), seeds=(0, 1))
    log.take()
    make_video(root / "short.mp4", 88)
    cells = run(task, tmp_path / "run", **grid, samplers=("random",), seeds=(0, 1)).cells
    assert len(log.take()) == 8
    (row,) = pooled_rows(cells, Baselines(cells, others=()))
    assert row.seeds == (0, 1)


def test_broken_records_of_other_settings_do_no_harm(
    questions: Path, tmp_path: Path, log: Log
) -> None:
    (cell,) = run(questions, tmp_path / "run", limit=5).cells
    (cell.folder / "records.jsonl").write_text("{}\n")
    (other,) = run(questions, tmp_path / "run", models=(log.model,), limit=6).cells
    assert len(log.take()) == len(other.records) == 6


def test_scores_come_along(questions: Path, clip: Path, tmp_path: Path) -> None:
    grid = {"samplers": ("clip-topk",), "encoder": str(clip)}
    run(questions, tmp_path / "run", **grid, limit=5)
    (cell,) = run(questions, tmp_path / "run", **grid, limit=8).cells
    lines = (cell.folder / "scores.jsonl").read_text().splitlines()
    assert {json.loads(line)["question_id"] for line in lines} == {
        record.question_id for record in cell.records
    }
    assert len(lines) == 8


def test_uneven_films_are_said_once_and_noted(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pts = [*range(0, 20_000, 1000), *range(20_000, 24_000, 50)]
    make_video(tmp_path / "uneven.mp4", len(pts), pts=pts)
    make_video(tmp_path / "even.mp4", 60)
    asked = {"question": "what ?", "options": ["frame 1", "frame 20"], "answer": "A"}
    rows = [
        {**asked, "id": f"{v}-{n}", "video": f"{v}.mp4"} for v in ("uneven", "even") for n in "ab"
    ]
    task = write_rows(tmp_path / "own.jsonl", rows)
    found = {}
    for rule in ("auto", "stride", "time"):
        caplog.clear()
        (cell, blind) = run(
            task, tmp_path / rule, samplers=("random", "blind"), frames=(99,), candidates=rule
        ).cells
        found[rule] = {record.question_id: record for record in cell.records}
        (line,) = [record.message for record in caplog.records]
        assert line.startswith("candidates of 1 video (uneven.mp4) are taken by ")
        taken = "stride" if rule == "stride" else "time"
        assert f"taken by {taken}, " in line
        notes = {key: record.notes for key, record in found[rule].items()}
        assert notes["uneven-a"]["candidates"] == notes["uneven-b"]["candidates"] == taken
        assert "candidates" not in notes["even-a"]
        assert all("candidates" not in record.notes for record in blind.records)
    assert found["auto"]["uneven-a"].timestamps == tuple(map(float, range(24)))
    assert found["time"].keys() == found["auto"].keys()
    for number in ("uneven-a", "even-a"):
        assert found["auto"][number].frames == found["time"][number].frames
    assert found["stride"]["uneven-a"].frames == tuple(range(0, 100, 4))
    assert found["stride"]["even-a"].frames == tuple(range(0, 60, 10))
