"""The committed leaderboard is what the committed runs and published figures say."""

from __future__ import annotations

import pytest

from benchmarks.leaderboard import PAGE, RESULTS, RUNS, leaderboard
from tspo_bench.report.loading import load_results
from tspo_bench.tasks import load_task


@pytest.mark.slow
def test_the_page_is_what_the_runs_give() -> None:
    assert PAGE.read_text() == leaderboard()


@pytest.mark.slow
def test_the_runs_are_whole_small_and_their_answers_are_as_they_say() -> None:
    entries = sorted(RUNS.glob("*.zip"))
    assert sum(path.stat().st_size for path in entries) < 10 * 2**20
    found = load_results(entries)
    assert found.errors == []
    for cell in found.cells:
        assert len(cell.records) == cell.settings.num_questions
    seeds = {cell.settings.seed for cell in found.cells if cell.settings.sampler == "tspo-q"}
    assert seeds == {0, 1, 2}
    assert {cell.settings.frames for cell in found.cells} == {4, 8, 16, 32}


@pytest.mark.slow
def test_the_present_reader_reads_the_same_letters() -> None:
    task = load_task("haystack")
    questions = {question.id: question for question in task.questions()}
    cells = load_results(sorted(RUNS.glob("*.zip"))).cells
    replies = [(r.reply, r.letter, questions[r.question_id]) for c in cells for r in c.records]
    assert len(replies) == 20_160
    for reply, letter, question in replies:
        assert reply is not None
        assert task.read_answer(reply, question).letter == letter


@pytest.mark.parametrize("heading", ["## Measured here", "## Published by others, not measured"])
def test_measured_and_published_stand_apart(heading: str) -> None:
    assert heading in (RESULTS / "README.md").read_text()
