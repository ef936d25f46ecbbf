"""Cells that differ in the seed alone, taken together; their baselines."""

from pathlib import Path

import numpy as np
import pytest

from tests.report.support import cell_with, record
from tspo_bench.report import paired_difference
from tspo_bench.report.baselines import Baselines, pooled_rows
from tspo_bench.results import Cell, RunDirectory, read_run

RIGHT = (6, 7, 8)  # of ten questions, by seed


def seeds_of(sampler: str = "tspo-q", **settings: object) -> list[Cell]:
    return [
        cell_with(sampler, right, seed=seed, num_questions=10, **settings)
        for seed, right in enumerate(RIGHT)
    ]


def test_seeds_are_one_row() -> None:
    (row,) = pooled_rows(seeds_of(), Baselines([]))
    assert (row.seeds, row.accuracies) == ((0, 1, 2), (0.6, 0.7, 0.8))
    assert row.summary.accuracy == pytest.approx(0.7)
    assert row.seed_std == pytest.approx(np.std([0.6, 0.7, 0.8], ddof=1))
    assert (row.summary.n, row.summary.num_videos) == (10, 5)
    assert row.summary.status_counts["ok"] == 30


def test_what_differs_in_more_than_the_seed_is_another_row() -> None:
    cells = [
        *seeds_of(),
        *seeds_of(frames=8),
        *seeds_of(task="mlvu"),
        *seeds_of("random"),
        cell_with("tspo-q", 5),
        *seeds_of(questions="others"),
        *seeds_of(limit=10),
    ]
    rows = pooled_rows(cells, Baselines(cells))
    assert [len(row.cells) for row in rows] == [3, 3, 3, 3, 1, 3, 3]
    assert [cell for row in rows for cell in row.cells] == cells


def test_one_cell_is_a_row_without_a_spread() -> None:
    plain, drawn = pooled_rows(
        [cell_with("uniform", 5), cell_with("random", 5, seed=3)], Baselines([])
    )
    assert (plain.seeds, plain.seed_std) == ((), None)
    assert (drawn.seeds, drawn.seed_std) == ((3,), None)


def test_a_row_is_compared_and_measured_by_its_mean() -> None:
    cells = [cell_with("uniform", 4), *seeds_of(), cell_with("oracle", 9)]
    uniform, ours, oracle = pooled_rows(cells, Baselines(cells))
    assert (uniform.paired, uniform.headroom, oracle.headroom) == (None, 0, 1)
    assert ours.headroom == pytest.approx((0.7 - 0.4) / (0.9 - 0.4))
    assert ours.paired is not None
    assert ours.paired.difference == pytest.approx(0.3)
    assert ours.paired.num_questions == 10
    # q4, q5 by every seed, q6 by two of three, q7 by one: sums 2 and 1 of videos 2 and 3.
    assert ours.paired.p_value == pytest.approx(2 / 4)


def test_the_baseline_may_have_seeds_and_options() -> None:
    cells = [*seeds_of("aks[depth=5,t1=0.8]"), cell_with("uniform", 4)]
    first, second = pooled_rows(cells, Baselines(cells, "aks[t1=0.8,depth=5]"))
    assert first.paired is None
    assert second.paired is not None
    assert second.paired.difference == pytest.approx(-0.3)
    assert [row.paired for row in pooled_rows(cells, Baselines(cells, "clip-topk"))] == [None, None]


def test_the_only_uniform_of_a_setting_is_the_baseline_with_any_options() -> None:
    short, qwen = "uniform[short=candidates]", "uniform[variant=qwen]"
    first = [cell_with(short, 4), *seeds_of(), cell_with("oracle", 9)]
    other = [cell_with(qwen, 5, model="m"), *seeds_of(model="m")]
    baselines = Baselines([*first, *other])
    rows = pooled_rows([*first, *other], baselines)
    differences = [row.paired and row.paired.difference for row in rows]
    assert differences == [None, pytest.approx(0.3), pytest.approx(0.5), None, pytest.approx(0.2)]
    assert [baselines.baseline(cells[0]) for cells in (first, other)] == [short, qwen]
    assert [row.headroom for row in rows] == [0, pytest.approx(0.6), 1, None, None]
    both = [*first, cell_with(qwen, 5)]
    assert [row.paired for row in pooled_rows(both, Baselines(both))] == [None] * 4


def write_cell(run: RunDirectory, sampler: str, right: int, seed: int | None = None) -> None:
    settings = {"task": "t", "sampler": sampler, "model": "m", "frames": 2, "protocol": "p"}
    with run.open_cell(f"{sampler}-{seed}", {**settings, "seed": seed}) as writer:
        for number in range(10):
            writer.append(record(number, number < right))


def test_baselines_are_read_from_the_run(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    for sampler, right in (("uniform", 4), ("oracle", 9), ("aks", 5)):
        write_cell(run, sampler, right)
    for seed, right in enumerate(RIGHT):
        write_cell(run, "random", right, seed)
    on_disk = read_run(run.path)
    shown = [cell for cell in on_disk if cell.settings.sampler == "aks"]
    (row,) = pooled_rows(shown, Baselines(shown))
    assert row.headroom == pytest.approx(0.2)
    assert row.paired == paired_difference(shown[0].records, on_disk[0].records)
    (row,) = pooled_rows(shown, Baselines(shown, "random"))
    assert row.paired is not None
    assert row.paired.difference == pytest.approx(0.5 - 0.7)
    two = [*shown, *(cell for cell in on_disk if cell.settings.seed in (0, 1))]
    row, _ = pooled_rows(two, Baselines(two, "random"))  # those that are shown count
    assert row.paired is not None
    assert row.paired.difference == pytest.approx(0.5 - 0.65)
