"""Missing options, ids and fields: null, NaN, pandas.NA and "" in every form of file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest

from tspo_bench.tasks import AnnotatedTask, load_task, parsers
from tspo_bench.types import Question

BASE: dict[str, Any] = {"video": "v.mp4", "question": "What?", "answer": "B"}
MISSING = [None, math.nan, np.float32("nan"), pandas.NA, pandas.NaT]


def read(path: Path) -> tuple[dict[str, Question], list[str]]:
    task = load_task(str(path))
    assert isinstance(task, AnnotatedTask)
    return {q.id: q for q in task.questions()}, [one.reason for one in task.skipped]


@pytest.mark.parametrize("missing", [*MISSING, ""], ids=repr)
def test_a_missing_option_ends_them(missing: Any) -> None:
    columns = {**BASE, "A": "red", "B": "None", "C": missing, "D": missing}
    lists = {**BASE, "options": ["red", "None", missing]}
    objects = {**BASE, "options": {"A": "red", "B": "None", "C": missing}}
    for record in (columns, lists, objects):
        assert parsers.generic(record, "x").options == ("red", "None")
    with pytest.raises(ValueError, match="answer 'C' is neither a letter out of AB"):
        parsers.generic({**columns, "answer": "C"}, "x")
    with pytest.raises(ValueError, match=r"option C is missing \(.*\), but D is 'blue'"):
        parsers.generic({**columns, "D": "blue"}, "x")
    with pytest.raises(ValueError, match=r"option A is missing \(.*\), but B is 'blue'"):
        parsers.generic({**BASE, "options": [missing, "blue"]}, "x")


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_benchmarks_with_fewer_options(missing: Any) -> None:
    hub = {"video_path": "v.mp4", "question": "What?", "option0": "x", "option1": "y"}
    hub |= {"option2": "z", "option3": missing, "option4": missing, "id": missing}
    question = parsers.longvideobench({**hub, "correct_choice": 2}, "x")
    assert (question.options, question.answer, question.id) == (("x", "y", "z"), "C", "x")
    assert parsers.longvideobench({**hub, "correct_choice": missing}, "x").answer is None
    for wrong in (3, 7, -2, 1.5, True, "two"):
        with pytest.raises(ValueError, match="correct_choice"):
            parsers.longvideobench({**hub, "correct_choice": wrong}, "x")
    with pytest.raises(ValueError, match="option D is missing"):
        parsers.longvideobench({**hub, "option4": "w", "correct_choice": 0}, "x")
    file = {"video_path": "v", "question": "?", "candidates": ["x", "y", missing]}
    assert parsers.longvideobench({**file, "correct_choice": 1.0}, "x").options == ("x", "y")

    mlvu = {"video_name": "v.mp4", "question": "?", "task_type": "ego", "duration": missing}
    options = ["x", "", "None", missing]  # MLVU has empty options, and "None"
    question = parsers.mlvu({**mlvu, "candidates": options, "answer": "None"}, "x")
    assert (question.options, question.answer) == (("x", "", "None"), "C")
    assert question.duration_seconds is None
    with pytest.raises(ValueError, match="answer 'D' is not one of the options"):
        parsers.mlvu({**mlvu, "candidates": options, "answer": "D"}, "x")

    mme = {"videoID": "v", "question": "?", "options": ["A. x", "B. y", missing, missing]}
    assert parsers.videomme({**mme, "answer": "B"}, "x").options == ("x", "y")
    with pytest.raises(ValueError, match="answer 'C' is not one of its options"):
        parsers.videomme({**mme, "answer": "C"}, "x")
    with pytest.raises(ValueError, match="options must be a list"):
        parsers.videomme({**mme, "options": 7, "answer": "A"}, "x")
    with pytest.raises(KeyError, match="videoID"):
        parsers.videomme({**mme, "videoID": missing, "answer": "A"}, "x")

    lvbench = {"key": "k", "question": "?\n(A) x\n(B) y", "time_reference": missing, "answer": "A"}
    assert parsers.lvbench({**lvbench, "video_info": missing}, "x").evidence == ()
    with pytest.raises(KeyError, match="answer"):
        parsers.lvbench({**lvbench, "answer": missing}, "x")


ROWS: list[dict[str, Any]] = [
    {"id": "three", **BASE, "A": "1", "B": "2", "C": "3", "D": None},
    {"id": None, **BASE, "A": "None", "B": "2", "C": None, "D": None},
    {"id": "gap", **BASE, "A": "1", "B": None, "C": "3", "D": None},
    {"id": "gone", **BASE, "answer": "D", "A": "1", "B": "2", "C": "3", "D": None},
]


@pytest.mark.parametrize("suffix", ["parquet", "json", "jsonl", "csv", "tsv"])
def test_every_form_of_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{suffix}"
    table = pandas.DataFrame(ROWS)
    if suffix == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    elif suffix == "json":
        path.write_text(json.dumps(ROWS))
    elif suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        table.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    found, skipped = read(path)
    number = 3 if suffix in ("csv", "tsv") else 2  # lines, the header among them
    assert {key: q.options for key, q in found.items()} == {
        "three": ("1", "2", "3"),
        f"rows-{number}": ("None", "2"),
    }
    assert "option B is missing" in skipped[0]
    assert "answer 'D' is neither" in skipped[1]


def test_numbers_that_a_column_with_gaps_has_made_floats(tmp_path: Path) -> None:
    """pandas turns 3 into 3.0 beside a NaN."""
    path = tmp_path / "rows.parquet"
    rows = [{**BASE, "id": 3, "A": 1, "B": 2, "C": 3}, {**BASE, "id": None, "A": 1, "B": 2}]
    pandas.DataFrame(rows).to_parquet(path)
    found, _ = read(path)
    assert {key: q.options for key, q in found.items()} == {
        "3": ("1", "2", "3.0"),
        "rows-2": ("1", "2"),
    }


def test_a_text_that_tables_write_for_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rows.csv"
    lines = ["1,v.mp4,What?,red,None,nan,B", "2,v.mp4,What?,red,None,<NA>,C"]
    path.write_text("\n".join(["id,video,question,A,B,C,answer", *lines]))
    found, (reason,) = read(path)
    assert found["1"].options == ("red", "None")
    assert "answer 'C' is neither" in reason
    assert "options that read 'nan'" in caplog.text
    assert "questions: 1, the first: rows.csv line 2" in caplog.text


def test_missing_fields_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    empty = dict.fromkeys(("evidence", "groups", "subtitles", "duration", "fps"), math.nan)
    rows = [{**BASE, "options": ["x", "y"], **empty}, {**BASE, "options": ["x", "y"], "id": ""}]
    rows.append({**BASE, "options": ["x", "y"], "groups.level": None, "groups": {"kind": None}})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, skipped = read(path)
    assert not skipped
    assert list(found) == ["rows-1", "rows-2", "rows-3"]
    for question in found.values():
        assert question.groups == {}
        assert (question.duration_seconds, question.subtitles, question.evidence) == (
            None,
            None,
            (),
        )


def test_a_null_is_not_quoted() -> None:
    """Video-MME's own prompts quote the annotation's list."""
    task = load_task("videomme", annotations=Path(__file__), protocol="official")
    record = {"question": "What?", "options": ["A. x", "B. y", None], "answer": "A", "videoID": "v"}
    question = Question("1", "v.mp4", "What?", ("x", "y"), "A", record=record)
    assert "A. x\nB. y\nThe best answer is:" in task.prompt(question).text


@pytest.mark.parametrize("text", ["nan", "NaN", "<NA>", "NA", "NULL", "null"])
def test_what_tables_write_for_nothing_is_neither_option_nor_id(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rows.tsv"
    row = {**BASE, "A": "x", "B": "y"}
    rows = [{**row, "id": None, "C": "z", "D": None}, {**row, "id": None, "C": None, "D": None}]
    pandas.DataFrame(rows).to_csv(path, index=False, sep="\t", na_rep=text)
    found, skipped = read(path)
    assert not skipped
    assert {key: q.options for key, q in found.items()} == {
        "rows-2": ("x", "y", "z"),
        "rows-3": ("x", "y"),
    }
    assert f"options that read {text!r}" in caplog.text


def test_other_fields_of_such_a_text_are_no_options(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rows.jsonl"
    row = {**BASE, "options": ["x", "y"], "duration": "NaN", "groups": {"continent": "NA"}}
    path.write_text(json.dumps(row))
    found, _ = read(path)
    assert found["rows-1"].groups == {"continent": "NA"}
    assert "options that read" not in caplog.text


@pytest.mark.parametrize("missing", ["", "nan"])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_ids_of_a_column_with_gaps_are_whole_numbers(
    tmp_path: Path, missing: str, separator: str
) -> None:
    rows = [{**BASE, "A": "x", "B": "y", "id": one} for one in (1, None, 30)]
    path = tmp_path / ("rows.csv" if separator == "," else "rows.tsv")
    pandas.DataFrame(rows).to_csv(path, index=False, sep=separator, na_rep=missing)
    assert "30.0" in path.read_text()
    assert list(read(path)[0]) == ["1", "rows-3", "30"]


def test_other_ids_with_dots_stay(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [{**BASE, "A": "x", "B": "y", "id": one} for one in ("1.0", "1.1", "2.0")]
    pandas.DataFrame(rows).to_csv(path, index=False)
    assert list(read(path)[0]) == ["1.0", "1.1", "2.0"]
