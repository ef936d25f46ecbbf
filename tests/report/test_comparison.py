"""Which rows share a table, how they are ordered and compared, and what they cost."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.support import cell, cell_with, record
from tspo_bench.report.comparison import (
    ComparisonTable,
    Prices,
    comparison_tables,
)
from tspo_bench.report.paired import holm, paired_difference
from tspo_bench.report.tables.comparison import comparison_grid
from tspo_bench.results import Cell

RUNS = Path("/runs")


def only(tables: list[ComparisonTable]) -> ComparisonTable:
    (table,) = tables
    return table


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("task", "other"), ("model", "other"), ("model_id", "other"), ("protocol", "p+aligned")),
        *(("protocol_hash", "f"), ("answer", "options"), ("questions", "other"), ("limit", 7)),
    ],
)
def test_what_was_asked_in_another_way_is_another_table(key: str, value: Any) -> None:
    cells = [cell_with("uniform", 4), cell_with("aks", 6, **{key: value})]
    tables = comparison_tables(cells)
    assert [len(table.rows) for table in tables] == [1, 1]
    assert {table.shared[key] for table in tables} >= {value}
    assert all(one.row.paired is None for table in tables for one in table.rows)


def test_rows_are_sorted_by_budget_and_accuracy() -> None:
    cells = [
        cell_with(name, right, frames=frames)
        for frames in (16, 8)
        for name, right in (("uniform", 4), ("aks", 7), ("oracle", 9))
    ]
    expected = [(k, name) for k in (8, 16) for name in ("oracle", "aks", "uniform")]
    for some in (cells, cells[::-1]):
        table = only(comparison_tables(some))
        assert [(one.row.cells[0].settings.frames, one.name) for one in table.rows] == expected


def test_samplers_of_several_runs_are_compared_with_the_uniform_run_of_their_setting() -> None:
    uniform = cell_with("uniform", 4, run=RUNS / "a")
    aks = cell_with("aks", 7, run=RUNS / "b")
    table = only(comparison_tables([aks, uniform]))
    assert table.rows[0].row.paired == paired_difference(aks.records, uniform.records)
    other = cell_with("uniform", 4, run=RUNS / "a", frames=8)
    table = only(comparison_tables([aks, other]))
    assert [one.row.paired for one in table.rows] == [None, None]


def test_a_runs_own_baseline_goes_before_another_runs() -> None:
    cells = [cell_with("uniform", 2, run=RUNS / "a"), cell_with("uniform", 5, run=RUNS / "b")]
    table = only(comparison_tables([*cells, cell_with("aks", 7, run=RUNS / "b")]))
    assert table.rows[0].row.paired is not None
    assert table.rows[0].row.paired.difference == pytest.approx(0.2)
    assert [one.name for one in table.rows] == [
        "aks",
        "uniform (/runs/b)",
        "uniform (/runs/a)",
    ]


def test_of_a_runs_baselines_the_one_of_the_same_video_files_is_taken() -> None:
    """A video was replaced in between: cells of before and of after stand beside each other."""

    def made(sampler: str, num_correct: int, file: str) -> Cell:
        changed = {} if file == "old" else {"replaced": {"v0.mp4": file}}
        records = [
            record(n, n < num_correct, inputs={"video": file if n < 2 else "same"})
            for n in range(10)
        ]
        one = cell(sampler, records, **changed)
        return Cell(one.settings, one.records, one.folder.with_name(f"{sampler}-{file}"))

    before = [made("uniform", 4, "old"), made("aks", 7, "old")]
    table = only(comparison_tables([*before, made("uniform", 5, "new"), made("aks", 6, "new")]))
    differences = {
        one.row.cells[0].folder.name: one.row.paired and one.row.paired.difference
        for one in table.rows
    }
    assert differences == {
        "uniform-old": None,
        "uniform-new": None,
        "aks-old": pytest.approx(0.3),
        "aks-new": pytest.approx(0.1),
    }
    assert not any("replaced" in note for note in comparison_grid(table).notes)
    table = only(comparison_tables([*before, made("uniform", 5, "new"), made("bolt", 6, "newer")]))
    (note,) = [note for note in comparison_grid(table).notes if "replaced" in note]
    assert note.startswith("bolt: not compared with the baseline: 1 videos were replaced")


def test_tables_of_other_code_say_which() -> None:
    tables = comparison_tables(
        [cell_with("uniform", n, code=f"code{n}", run=RUNS / "a") for n in (1, 2)]
    )
    notes = [comparison_grid(table).notes[0] for table in tables]
    assert notes == ["code code1", "code code2"]


def seed_cell(run: str, seed: int, agent: str) -> Cell:
    options = {"options": {"agent": f"{agent}/seed-{seed}"}, "id": f"{agent}{seed}"}
    return cell_with("tspo-q", 5 + seed, run=RUNS / run, seed=seed, sampler_settings=options)


def test_rows_of_one_sampler_are_named_by_the_options_that_differ() -> None:
    def made(agent: str, k: int) -> Cell:
        options = {"options": {"agent": agent}, "id": agent}
        return cell_with("tspo-q", 5, frames=k, sampler_settings=options, folder=f"{agent}{k}")

    cells = [made("tspo-q", 8), made("tspo-q", 16), made("agents/mine", 8)]
    table = only(comparison_tables(cells))
    assert [(one.name, one.row.cells[0].settings.frames) for one in table.rows] == [
        ("tspo-q (agent=tspo-q)", 8),
        ("tspo-q (agent=agents/mine)", 8),
        ("tspo-q (agent=tspo-q)", 16),
    ]


def test_of_several_baselines_one_is_taken_by_a_rule_and_named() -> None:
    """A stranger's uniform run is not the one that mine is compared with, in any order."""
    runs = {name: Path(f"/runs/{name}") for name in ("a.zip", "b", "c", "mine")}
    unfinished = [record(n, False) for n in range(4)]
    cells = [
        cell("uniform", [record(n, n < 2) for n in range(10)], runs["a.zip"], num_questions=10),
        cell("uniform", unfinished, runs["b"], num_questions=10),
        cell("uniform", [record(n, n < 5) for n in range(10)], runs["c"], num_questions=10),
        cell("aks", [record(n, n < 6) for n in range(10)], runs["mine"], num_questions=10),
    ]
    for some in (cells, cells[::-1], [*cells[2:], *cells[:2]]):
        (table,) = comparison_tables(some)
        (aks,) = [one for one in table.rows if one.name == "aks"]
        assert aks.row.paired is not None
        assert aks.row.paired.difference == pytest.approx(0.1)
        assert aks.baseline_run == runs["c"]
        notes = comparison_grid(table).notes
        assert "of several runs with uniform, /runs/c is taken where one has none" in notes
    (table,) = comparison_tables(cells[2:])
    assert {one.baseline_run for one in table.rows} == {None}


def test_seeds_of_several_runs_are_one_row_if_nothing_else_differs() -> None:
    table = only(comparison_tables([seed_cell("a", 0, "mine"), seed_cell("b", 1, "mine")]))
    assert [one.row.seeds for one in table.rows] == [(0, 1)]
    table = only(comparison_tables([seed_cell("a", 0, "mine"), seed_cell("b", 1, "yours")]))
    assert [one.row.seeds for one in table.rows] == [(1,), (0,)]
    table = only(comparison_tables([seed_cell("a", 0, "mine"), seed_cell("b", 0, "mine")]))
    assert [one.name for one in table.rows] == ["tspo-q (/runs/a)", "tspo-q (/runs/b)"]


def test_all_samplers_of_a_budget_are_one_family_of_tests() -> None:
    rng = np.random.default_rng(0)
    cells = [
        cell(
            name,
            [record(n, bool(ok)) for n, ok in enumerate(rng.random(120) < share)],
            frames=frames,
        )
        for frames in (8, 16)
        for name, share in (("uniform", 0.4), ("aks", 0.55), ("bolt", 0.6), ("focus", 0.5))
    ]
    for frames in (8, 16):
        table = only(comparison_tables(cells))
        some = [one for one in table.rows if one.row.cells[0].settings.frames == frames]
        raw = [one.row.paired.p_value if one.row.paired else None for one in some]
        assert [one.p_holm for one in some] == holm(raw)
        assert sum(p is not None for p in raw) == 3


def test_unfinished_rows_know_how_many_answers_are_missing() -> None:
    cells = [cell_with("random", 5, seed=seed, num_questions=12) for seed in (0, 1)]
    table = only(comparison_tables([*cells, cell_with("uniform", 4, num_questions=10)]))
    random, uniform = table.rows
    assert (random.row.num_done, random.row.num_planned) == (20, 24)
    assert not random.row.is_finished
    assert uniform.row.is_finished
    (old,) = only(comparison_tables([cell_with("uniform", 4)])).rows
    assert (old.row.num_planned, old.row.is_finished) == (None, True)


def test_a_cell_without_an_answer_yet_is_there_and_undefined() -> None:
    table = only(comparison_tables([cell("uniform", [], num_questions=5), cell_with("aks", 3)]))
    aks, uniform = table.rows
    assert (uniform.row.summary.accuracy, uniform.row.num_done) == (None, 0)
    assert (aks.row.paired, aks.p_holm) == (None, None)


def test_headroom_has_a_bootstrap_interval_between_its_ends() -> None:
    rng = np.random.default_rng(2)
    difficulty = rng.random(300)
    cells = [
        cell(name, [record(n, bool(difficulty[n] < share)) for n in range(300)])
        for name, share in (("uniform", 0.3), ("aks", 0.5), ("oracle", 0.9))
    ]
    found = {one.name: one for one in only(comparison_tables(cells)).rows}
    low, high = found["aks"].headroom_ci95 or (0, 0)
    assert low < (found["aks"].row.headroom or 0) < high
    drawn = []
    right = np.array([[one.correct for one in cell.records] for cell in cells], float)
    by_video = right.reshape(3, 150, 2).sum(2)
    for _ in range(2000):
        uniform, aks, oracle = by_video[:, rng.integers(0, 150, 150)].sum(1)
        drawn.append((aks - uniform) / (oracle - uniform))
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.01)
    assert (found["uniform"].headroom_ci95, found["oracle"].headroom_ci95) == (None, None)


def timed(on_cuda: bool, model: str = "m", **changes: Any) -> Cell:
    records = [record(n, timing={"select": 1.0, "answer": 0.5 + n}) for n in range(2)]
    made = cell("uniform", records, model=model, **changes)
    return Cell(made.settings, made.records, made.folder, on_cuda=on_cuda)


def test_gpu_seconds_are_those_of_answering_on_cuda() -> None:
    def seconds(*cells: Cell) -> float | None:
        return only(comparison_tables(cells)).rows[0].gpu_seconds

    assert seconds(timed(True)) == 1.0
    assert seconds(timed(False)) is None
    assert seconds(timed(True, model="openai:gpt")) is None  # a server's, if any
    assert seconds(timed(True, seed=0), timed(False, seed=1)) is None
    assert seconds(timed(True, seed=0), timed(True, seed=1)) == 1.0


def test_cost_is_that_of_the_tokens_billed() -> None:
    usage = {"prompt_tokens": 2000, "completion_tokens": 10}
    billed = cell("uniform", [record(n, usage=usage) for n in range(4)])

    def cost(answers: Cell, prices: Prices | None) -> float | None:
        return only(comparison_tables([answers], prices=prices)).rows[0].cost_per_question

    assert cost(billed, Prices(0.5, 2.0)) == pytest.approx(0.001 + 0.00002)
    assert cost(billed, None) is None
    assert cost(cell_with("aks", 3), Prices(0.5, 2.0)) is None


def test_oracle_and_blind_are_not_marked() -> None:
    cells = [
        cell(name, [record(n, n < right) for n in range(200)])
        for name, right in (("oracle", 190), ("aks", 120), ("uniform", 60), ("blind", 20))
    ]
    marked = {one.name: one.mark for one in only(comparison_tables(cells)).rows}
    assert marked == {"oracle": None, "aks": "best", "uniform": None, "blind": None}


def test_an_unfinished_row_is_not_marked_and_has_no_headroom() -> None:
    """Its accuracy is over other questions: here the easy first half, all answered right."""
    rights = {"uniform": 60, "aks": 120, "bolt": 100, "oracle": 190}
    cells = [
        cell(name, [record(n, n < right) for n in range(200)][: 100 if name == "bolt" else 200],
             num_questions=200)
        for name, right in rights.items()
    ]  # fmt: skip
    found = {one.name: one for one in only(comparison_tables(cells)).rows}
    assert found["bolt"].row.summary.accuracy == 1.0
    marked = {name: one.mark for name, one in found.items()}
    assert marked == {"uniform": None, "aks": "best", "bolt": None, "oracle": None}
    assert found["aks"].row.headroom == pytest.approx(60 / 130)
    assert (found["bolt"].row.headroom, found["bolt"].headroom_ci95) == (None, None)
    assert found["bolt"].row.paired is not None  # on the questions of both
    assert found["bolt"].row.paired.difference == pytest.approx(0.4)
    cells[0] = cell("uniform", cells[0].records[:150], num_questions=200)
    found = {one.name: one for one in only(comparison_tables(cells)).rows}
    assert found["aks"].row.headroom is None  # one end of its scale is unfinished
