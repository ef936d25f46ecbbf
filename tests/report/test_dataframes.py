"""Results as pandas frames."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import tspo_bench
from tests.report.html.support import write_run
from tests.report.support import cell_with, record
from tspo_bench.errors import UserError
from tspo_bench.report.dataframes import records_frame, write_answers
from tspo_bench.report.summary import summarise
from tspo_bench.results import Cell, read_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_run(tmp_path / "run", 12, samplers=("uniform", "aks"))
    return tmp_path / "run"


def cells_of(run: Path) -> list[Cell]:
    return list(read_run(run))


def test_an_answer_is_a_row(run: Path) -> None:
    cells = cells_of(run)
    frame = tspo_bench.read_records(run)
    assert len(frame) == sum(len(cell.records) for cell in cells)
    for cell in cells:
        settings = cell.settings
        chosen = (frame["sampler"] == settings.sampler) & (frame["frames"] == settings.frames)
        own = frame[chosen]
        assert own["correct"].mean() == pytest.approx(summarise(cell.records).accuracy)
        assert own["question_id"].tolist() == [one.question_id for one in cell.records]
        assert own["picked"].tolist() == [list(one.frames) for one in cell.records]
        assert own["timestamps"].tolist() == [list(one.timestamps) for one in cell.records]
    groups = {f"group_{name}" for name in cells[0].records[0].groups}
    assert groups <= set(frame.columns)


def test_a_row_of_the_tables_is_a_row(run: Path) -> None:
    frame = tspo_bench.read_summaries(run, baseline="aks")
    assert set(frame["baseline"]) == {"aks"}
    best = frame.sort_values("accuracy").iloc[-1]
    expected = max(summarise(cell.records).accuracy or 0 for cell in cells_of(run))
    assert best["accuracy"] == pytest.approx(expected)
    assert frame.loc[frame["sampler"] == "aks", "difference"].isna().all()


def test_an_answer_that_several_limits_have_counts_once() -> None:
    """With a limit of 4 the first four questions, of which a larger cell holds copies."""
    all_of_them = cell_with("aks", 3, n=10, limit=None, num_questions=10, questions="all")
    first = cell_with("aks", 3, n=4, limit=4, num_questions=4, questions="first")
    retried = replace(first, records=[record(0, False, status="model_error"), *first.records[1:]])
    for some in ([all_of_them, first], [first, all_of_them], [all_of_them, retried]):
        frame = records_frame(some)
        assert len(frame) == 10
        assert frame["correct"].mean() == 0.3
    others = [cell_with("aks", 3, n=4, limit=4, **one) for one in ({"seed": 1}, {"frames": 4})]
    elsewhere = cell_with("aks", 3, n=4, limit=4, run=Path("/runs/two"))
    assert len(records_frame([all_of_them, *others, elsewhere])) == 22


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_answers_as_a_file(run: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"answers.{suffix}"
    write_answers(cells_of(run), path)
    found = pd.read_parquet(path) if suffix == "parquet" else pd.read_csv(path)
    frame = tspo_bench.read_records(run)
    assert found["correct"].tolist() == frame["correct"].tolist()
    assert found["question_id"].tolist() == frame["question_id"].tolist()


def test_what_cannot_be_read_is_an_error(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"ends in \.parquet or \.csv"):
        write_answers(cells_of(run), tmp_path / "answers.xlsx")
    next(run.glob("*/records.jsonl")).write_text("{\n{}\n")
    with pytest.raises(UserError, match="records"):
        tspo_bench.read_records(run)
