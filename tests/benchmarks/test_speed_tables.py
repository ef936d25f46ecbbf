"""The page of the speed benchmarks."""

from __future__ import annotations

from pathlib import Path

from benchmarks.speed.measure import RESULTS
from benchmarks.speed.tables import page, read

FOLDER = Path(__file__).parents[2] / RESULTS


def test_the_page_is_what_the_measurements_give() -> None:
    assert (FOLDER / "speed.md").read_text() == page(read(FOLDER))


def test_a_way_that_was_not_measured_keeps_its_reason() -> None:
    row = {"median_seconds": 1.5, "rounds": 3}
    cases = {"short": {"ours": row, "other": "not measured: not installed"}, "ratio": {"of": 2.53}}
    machine = {"packages": {"av": "1"}, "gpus": [], "num_cores": 2, "cpu": "any"}
    made = page({"scan": {"command": "x", "environment": machine, "cases": cases}})
    assert "| ours | 1.5 | 3 |\n| other | not measured: not installed |" in made
    assert "- ratio: of: 2.53" in made
