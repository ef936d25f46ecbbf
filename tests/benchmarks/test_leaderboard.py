"""The committed leaderboard is what the committed runs and published figures say."""

from __future__ import annotations

import pytest

from benchmarks.leaderboard import PAGE, RESULTS, RUNS, leaderboard
from tspo_bench.report.loading import load_results
from tspo_bench.report.rescore import rescore


@pytest.mark.slow
def test_the_page_is_what_the_runs_give() -> None:
    assert PAGE.read_text() == leaderboard()


@pytest.mark.slow
def test_the_runs_are_whole_and_small() -> None:
    bundles = sorted(RUNS.glob("*.zip"))
    assert sum(path.stat().st_size for path in bundles) < 10 * 2**20
    found = load_results(bundles)
    assert found.errors == []
    for cell in found.cells:
        assert len(cell.records) == cell.settings.num_questions
    seeds = {cell.settings.seed for cell in found.cells if cell.settings.sampler == "tspo-q"}
    assert seeds == {0, 1, 2}
    assert {cell.settings.frames for cell in found.cells} == {4, 8, 16, 32}


@pytest.mark.slow
def test_the_present_reader_reads_the_same_letters() -> None:
    cells = rescore(RUNS / "haystack.zip", "strict@2")
    assert sum(one.num_read for one in cells) == 20_160
    assert all(one.from_task and not one.differences for one in cells)


@pytest.mark.parametrize("heading", ["## Measured here", "## Published by others, not measured"])
def test_measured_and_published_stand_apart(heading: str) -> None:
    assert heading in (RESULTS / "README.md").read_text()
