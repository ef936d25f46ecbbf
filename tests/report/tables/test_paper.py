"""The papers' main table."""

from pathlib import Path
from typing import Any

import pytest

from tests.report.support import cell, record
from tspo_bench.errors import UserError
from tspo_bench.report.comparison import comparison_tables
from tspo_bench.report.groups import by_value
from tspo_bench.report.tables.paper import Paper, paper_grid, papers_of
from tspo_bench.results import Cell

DURATIONS = ("short", "medium", "long")
TYPES = ("count", "order", "plot", "order")


def benchmark(task: str, sampler: str, right: int, n: int = 60, **settings: Any) -> Cell:
    records = [
        record(
            k,
            (7 * k) % n < right,
            groups={"duration": DURATIONS[k % 3], "task_type": TYPES[k % 4]},
        )
        for k in range(n)
    ]
    macro = {"macro": "task_type"} if task == "mlvu" else {}
    run = Path(f"/runs/{task}")
    return cell(sampler, records, run, **{"task": task, "num_questions": n, **macro, **settings})


ALL = ("longvideobench", "mlvu", "videomme", "lvbench")


def paper(cells: list[Cell]) -> Paper:
    (made,) = papers_of(comparison_tables(cells))
    return made


def test_a_row_has_the_figures_of_all_benchmarks() -> None:
    right = {"uniform": (20, 25, 30, 15), "aks": (26, 31, 42, 21)}
    cells = [
        benchmark(task, sampler, number)
        for sampler, numbers in right.items()
        for task, number in zip(ALL, numbers, strict=True)
    ]
    made = paper([*cells, cell("aks", [record(0)], task="haystack")])
    assert [column.key for column in made.columns] == [
        "longvideobench", "mlvu_m_avg", "mlvu", "videomme_long", "videomme", "lvbench",
    ]  # fmt: skip
    uniform, aks = made.rows
    assert (uniform.sampler, uniform.difference) == ("uniform", None)
    found = {key: figure.accuracy for key, figure in aks.figures.items()}
    assert [found[task] for task in ALL] == [26 / 60, 31 / 60, 42 / 60, 21 / 60]
    mlvu, videomme = (next(c for c in cells[4:] if c.settings.task == t) for t in ALL[1:3])
    types = by_value(mlvu.records)["task_type"].values()
    means = [sum(one.correct for one in some) / len(some) for some in types]
    assert found["mlvu_m_avg"] == pytest.approx(sum(means) / 3)
    long = by_value(videomme.records)["duration"]["long"]
    assert found["videomme_long"] == sum(one.correct for one in long) / 20
    assert aks.difference == pytest.approx((6 + 6 + 12 + 6) / 60 / 4)
    assert aks.difference_ci95 is not None
    assert sum(aks.difference_ci95) / 2 == pytest.approx(aks.difference)
    assert uniform.difference_ci95 is None


def test_the_mean_difference_is_over_all_benchmarks_or_undefined() -> None:
    cells = [benchmark(task, "uniform", 20) for task in ALL]
    cells += [benchmark(task, "aks", 30) for task in ALL[:3]]
    planned = {"mlvu": 99}
    cells += [benchmark(task, "bolt", 30, num_questions=planned.get(task, 60)) for task in ALL]
    by_name = {row.sampler: row for row in paper(cells).rows}
    assert by_name["aks"].difference is None
    assert "lvbench" not in by_name["aks"].figures
    assert by_name["bolt"].difference is None  # unfinished
    texts = {row[1].text: [entry.whole for entry in row] for row in paper_grid(paper(cells)).rows}
    assert texts["aks"][-2:] == ["n/a", "n/a"]
    assert texts["bolt"][5] == "50.0 (60 of 99)"
    assert texts["bolt"][3] == "50.0"
    assert any("60" not in note and "n of N" in note for note in paper_grid(paper(cells)).notes)


def test_marks_are_of_the_columns_own_questions_and_none_of_a_macro_average() -> None:
    cells = [
        benchmark(task, sampler, right, n=240)
        for task in ("mlvu", "videomme")
        for sampler, right in (("uniform", 60), ("aks", 120), ("bolt", 200))
    ]
    for row in paper(cells).rows:
        mark = {"uniform": None, "aks": "second", "bolt": "best"}[row.sampler]
        found = {key: figure.mark for key, figure in row.figures.items()}
        assert found == {"mlvu_m_avg": None, "mlvu": mark, "videomme": mark, "videomme_long": mark}


def test_what_was_asked_in_another_way_is_another_table() -> None:
    cells = [
        benchmark("mlvu", "uniform", 20),
        benchmark("lvbench", "uniform", 20, protocol="lmms-eval@1"),
        benchmark("lvbench", "aks", 20, limit=60),
        benchmark("lvbench", "bolt", 20, answer="options"),
    ]
    made = papers_of(comparison_tables(cells))
    assert sorted([row.sampler for one in made for row in one.rows]) == [
        "aks", "bolt", "uniform", "uniform",
    ]  # fmt: skip
    assert len(made) == 4


def test_budgets_and_models_are_rows_of_their_own() -> None:
    cells = [
        benchmark("mlvu", "uniform", 20, frames=frames, model=model)
        for model in ("b", "a")
        for frames in (64, 8)
    ]
    made = paper(cells)
    assert [(row.model, row.budget) for row in made.rows] == [
        ("a", "8"), ("a", "64"), ("b", "8"), ("b", "64"),
    ]  # fmt: skip
    assert paper_grid(made).parts == {1, 2, 3}


@pytest.mark.parametrize("key", ["questions", "protocol_hash"])
def test_two_question_sets_fill_no_column(key: str) -> None:
    cells = [benchmark("mlvu", "uniform", 20), benchmark("mlvu", "aks", 20, **{key: "other"})]
    with pytest.raises(UserError, match="mlvu was asked with different questions"):
        paper(cells)


def test_two_runs_of_one_figure_are_rejected() -> None:
    cells = [benchmark("mlvu", "uniform", 20), benchmark("mlvu", "uniform", 21)]
    cells[1] = Cell(cells[1].settings, cells[1].records, Path("/runs/again/cell"))
    with pytest.raises(UserError, match="two runs of uniform on mlvu"):
        paper(cells)


def test_without_a_benchmark_there_is_no_paper() -> None:
    with pytest.raises(UserError, match="no cell is of a benchmark"):
        papers_of(comparison_tables([cell("uniform", [record(0)])]))
