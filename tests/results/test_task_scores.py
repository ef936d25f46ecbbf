"""The figures of a task that scores by its own code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tspo_bench.errors import UserError
from tspo_bench.report.summary import summarise_cells
from tspo_bench.results import RunDirectory, read_run
from tspo_bench.tasks import TaskScores
from tspo_bench.types import JSON, Record

SETTINGS: dict[str, JSON] = {
    "task": "t", "sampler": "s", "model": "m", "frames": 4, "protocol": "p", "seed": 0,
}  # fmt: skip


def test_they_are_of_the_finished_cell_alone(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    with run.open_cell("cell", SETTINGS) as writer:
        writer.append(Record("1", "a.mp4", "ok", "A", "A", correct=True))
        writer.append(Record("2", "b.mp4", "decode_error", "A", error="?"))
        (cell,) = read_run(run.path)
        assert cell.task_scores is None
        assert summarise_cells([cell]).headline == 0.5
        writer.write_task_scores(TaskScores(0.25, {"macro": 25.0, "plain": 0.5}))
    (cell,) = read_run(run.path)
    assert cell.task_scores == TaskScores(0.25, {"macro": 25.0, "plain": 0.5})
    summary = summarise_cells([cell])
    assert (summary.headline, summary.headline_ci95, summary.accuracy) == (0.25, None, 0.5)
    with run.open_cell("cell", SETTINGS):  # the failed question is asked again
        assert read_run(run.path)[0].task_scores is None


def test_seeds_together(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    for seed, headline in enumerate((0.25, 0.75)):
        with run.open_cell(f"cell-{seed}", {**SETTINGS, "seed": seed}) as writer:
            writer.append(Record("1", "a.mp4", "ok", "A", "A", correct=True))
            writer.write_task_scores(TaskScores(headline, {}))
    assert summarise_cells(read_run(run.path)).headline == 0.5


def test_a_file_of_the_old_name_is_read(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.open_cell("cell", SETTINGS).close()
    (run.path / "cell" / "own_scores.json").write_text('{"headline": 0.5, "figures": {"acc": 50}}')
    assert read_run(run.path)[0].task_scores == TaskScores(0.5, {"acc": 50.0})


@pytest.mark.parametrize(
    "content",
    [
        *("[]", '{"headline": 1}', "{", "[" * 10**5),
        '{"headline": "x", "figures": {}}',
        '{"headline": NaN, "figures": {}}',
        '{"headline": true, "figures": {}}',
        '{"headline": 0.5, "figures": []}',
        '{"headline": 0.5, "figures": {"acc": Infinity}}',
        '{"headline": 0.5, "figures": {"acc": "x"}}',
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    run = RunDirectory(tmp_path / "run")
    run.open_cell("cell", SETTINGS).close()
    (run.path / "cell" / "task_scores.json").write_text(content)
    with pytest.raises(UserError, match=r"task_scores\.json.*remove it"):
        read_run(run.path)
