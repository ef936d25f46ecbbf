"""`--only-present`: of a partly downloaded benchmark the questions whose videos are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tspo_bench
from tests.cli.conftest import Cli, cli  # noqa: F401
from tests.evaluation.support import question, run, write_rows
from tspo_bench.errors import UserError
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.report.comparison import comparison_tables
from tspo_bench.report.tables.comparison import comparison_grid
from tspo_bench.results import read_run
from tspo_bench.tasks import limit_questions, load_task, with_videos


@pytest.fixture
def partly(films: Path, tmp_path: Path, cache: Path) -> Path:
    """Twelve questions, of which those with even numbers have a video."""
    film = str(films / "middle.mp4")
    rows = [question(i, film if i % 2 == 0 else f"gone-{i}.mp4", 250) for i in range(12)]
    for row in rows:
        row |= {"evidence": [[1, 2]], "duration": 25}
    return write_rows(tmp_path / "rows.jsonl", rows)


def test_a_limit_draws_among_those_that_are_there(
    partly: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = run(partly, tmp_path / "whole")
    assert whole.num_failed == 6
    assert "--only-present asks the rest alone" in caplog.text
    result = run(partly, tmp_path / "run", only_present=True, limit=3)
    assert result.num_failed == 0
    questions = load_task(str(partly)).questions()
    present = [one for one in questions if int(one.id[2:]) % 2 == 0]
    expected = [one.id for one in limit_questions(present, 3)]
    assert [record.question_id for record in result.cells[0].records] == expected
    assert "--only-present leaves out 6 of 12 questions, on 6 missing videos" in caplog.text
    command = json.loads((tmp_path / "run" / "run.json").read_text())["commands"][0]
    assert command["settings"]["only_present"] is True
    assert command["settings"]["left_out"] == {"rows": 6}
    note = "--only-present: 6 questions of missing videos were left out"
    assert note in comparison_grid(comparison_tables(result.cells)[0]).notes
    assert not [cell for cell in whole.cells if any(cell.left_out)]
    run(partly, tmp_path / "run", limit=3)  # without it: which cell lacks them is unknown
    assert [cell.left_out for cell in read_run(tmp_path / "run")] == [(0, 6)] * 2


def test_the_other_commands(partly: Path, tmp_path: Path, cli: Cli) -> None:  # noqa: F811
    found = tspo_bench.recall(str(partly), "uniform", 4, fps=10, only_present=True)
    assert len(found.selections) == 6
    made = tspo_bench.select_task(
        str(partly), tmp_path / "sel.json", "uniform", 4, only_present=True
    )
    assert (len(made.selections.picks), made.errors) == (6, {})
    done = cli("encode", "--task", str(partly))
    assert done.code == 3
    named = [line for line in done.err.splitlines() if "not found under" in line]
    assert len(named) == 5
    assert "... and 1 more" in done.err
    assert cli("encode", "--task", str(partly), "--only-present").code == 0
    options = ("--sampler", "uniform", "--frames", "2", "--out", str(tmp_path / "cli"))
    assert cli("run", "--task", str(partly), *options, "--only-present").code == 0
    refused = cli("select", "film.mp4", "--only-present")
    assert refused.code == 2


def test_none_of_the_videos(tmp_path: Path, cache: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [question(i, f"{i}.mp4", 250) for i in range(3)])
    with pytest.raises(UserError, match="leaves no question, as none of its 3 videos is there"):
        run(path, tmp_path / "run", only_present=True)
    made_when_needed = HaystackTask(length="1min", videos=1)
    questions = made_when_needed.questions()
    assert tuple(with_videos(made_when_needed, questions)) == tuple(questions)


def test_annotations_left_out_are_logged(
    partly: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "more.jsonl"
    path.write_text(partly.read_text() + '{"id": "broken"}\n' * 7)
    tspo_bench.recall(str(path), "uniform", 4, fps=10)
    assert (
        "task 'more': annotations left out: 7: more.jsonl line 13: no field 'video'" in caplog.text
    )
    assert "... and 2 more" in caplog.text
