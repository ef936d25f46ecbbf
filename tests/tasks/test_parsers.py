"""Annotation parsers: answers, options and missing values as people and benchmarks write them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from tests.tasks.own_data import loaded, write_rows
from tspo_bench.tasks import load_task, parsers
from tspo_bench.tasks.parsers import read_time_reference, split_options, without_letters
from tspo_bench.types import Question, Span

TWO = ("red", "blue")
BASE: dict[str, Any] = {"video": "v.mp4", "question": "What?", "answer": "B"}
MISSING = [None, math.nan, np.float32("nan"), pandas.NA, pandas.NaT]


def generic(options: Any, answer: Any, **fields: Any) -> tuple[tuple[str, ...], str | None]:
    record = {**BASE, "options": options, "answer": answer, **fields}
    question = parsers.generic(record, "x")
    return question.options, question.answer


@pytest.mark.parametrize(
    ("options", "answer", "right"),
    [
        *((["red", "blue"], b, (TWO, "B")) for b in ("b", " B ", "(B)", "（B）", "B.", "B)")),
        *((["red", "blue"], b, (TWO, "B")) for b in ("B. blue", "(b) blue", "blue")),
        ("['red', 'blue']", "B", (TWO, "B")),
        ('["red", "blue"]', "B", (TWO, "B")),
        ('["red|x", "blue"]', "B", (("red|x", "blue"), "B")),
        ("red | blue|", "A", (TWO, "A")),
        ({"A": "red", "B": "blue", "C": None}, "B", (TWO, "B")),
        (np.array(["red", "blue"]), "B", (TWO, "B")),
        (("red", "blue"), "B", (TWO, "B")),
        (["A", "B", "C"], "C", (("A", "B", "C"), "C")),
        (["B", "A"], "A", (("B", "A"), "A")),  # a capital is the option's letter
        (["a", "b"], "b", (("a", "b"), "B")),
        (["1", "2", "3"], 2, (("1", "2", "3"), "B")),
        ([0, 1], 1, (("0", "1"), "B")),
        ([1.0, 2.5], "2.5", (("1.0", "2.5"), "B")),
        ([np.int64(3), np.float64(0.5), np.True_], "C", (("3", "0.5", "True"), "C")),
        ([True, False], False, (("True", "False"), "B")),
        (["A. red", "B. blue"], "B", (TWO, "B")),
        (["A、red", "B、blue"], "B", (TWO, "B")),
        (["A．red", "B．blue"], "B", (TWO, "B")),
        (["red", "red"], "B", (("red", "red"), "B")),
    ],
    ids=repr,
)
def test_options_and_answers(options: Any, answer: Any, right: Any) -> None:
    assert generic(options, answer) == right


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["(B)", "red"], "(B)"),  # one option's text, another one's letter
        (["b", "a"], "a"),
        *((["red", "blue"], wrong) for wrong in (1, "1", True, "B. red", "C", "A B", "AB", "")),
        (["red", "blue"], ["B"]),
        (["red", "red"], "red"),
        (["red", ["blue"]], "A"),
        (["red"], "A"),
        ([f"option {n}" for n in range(27)], "A"),
        ("['red', 'blue", "A"),
        ("[red] | [blue]", "A"),
        (7, "A"),
    ],
    ids=repr,
)
def test_wrong_options_and_answers(options: Any, answer: Any) -> None:
    with pytest.raises(ValueError, match=r"option|answer"):
        generic(options, answer)


def test_more_options_than_letters() -> None:
    with pytest.raises(ValueError, match="has 27 options; 2 to 26 are needed"):
        generic([f"option {number}" for number in range(27)], "A")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("duration", value) for value in ("abc", -1, float("inf"), "1e400", 10**400, True, [])),
        *(("fps", value) for value in (0, -30, "1/0", "fast", float("inf"), True)),
        *(("evidence", value) for value in ([[1]], [1, 2], [[2, 1]], [[0, 1e13]], "[[1, null]]")),
        *(("evidence", value) for value in ("[" * 3, [[0, 10**400]], [[0, float("nan")]], 5)),
        *(("groups", value) for value in ("easy", ["easy"])),
        *(("id", value) for value in (["a"], {})),
        *(("video", value) for value in (["v.mp4"], 7, "", " ")),
    ],
)
def test_fields_of_another_kind(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        generic(["x", "y"], "A", **{field: value})


def test_a_rounded_rate_is_the_true_one() -> None:
    record = {**BASE, "options": ["x", "y"], "duration": "12.5"}
    for given, rate in {29.97: 30000 / 1001, "30000/1001": 30000 / 1001, "25": 25.0}.items():
        question = parsers.generic({**record, "fps": given}, "x")
        assert question.frame_rate == pytest.approx(rate, rel=1e-12)
        assert question.duration_seconds == 12.5


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
def test_missing_values_of_longvideobench(missing: Any) -> None:
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


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_missing_values_of_the_other_benchmarks(missing: Any) -> None:
    mlvu = {"video_name": "v.mp4", "question": "?", "task_type": "ego", "duration": missing}
    mlvu["candidates"] = ["x", "", "None", missing]  # MLVU has empty options, and "None"
    question = parsers.mlvu({**mlvu, "answer": "None"}, "x")
    assert (question.options, question.answer) == (("x", "", "None"), "C")
    assert question.duration_seconds is None
    with pytest.raises(ValueError, match="answer 'D' is not one of the options"):
        parsers.mlvu({**mlvu, "answer": "D"}, "x")

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


def test_a_null_is_not_quoted() -> None:
    """Video-MME's own prompts quote the annotation's list."""
    task = load_task("videomme", annotations=Path(__file__), protocol="official")
    record = {"question": "What?", "options": ["A. x", "B. y", None], "answer": "A", "videoID": "v"}
    question = Question("1", "v.mp4", "What?", ("x", "y"), "A", record=record)
    assert "A. x\nB. y\nThe best answer is:" in task.prompt(question).text


def test_mlvu_test_with_and_without_answers(tmp_path: Path) -> None:
    asked = {
        "question_id": "SQA_0",
        "question_type": "sportsQA",
        "video": "sports_1.mp4",
        "question": "How many goals are there?",
        "candidates": ["one", "two", "three", "four", "five", "six"],
        "duration": 300,
    }
    write_rows(tmp_path / "test_multi_choice_tasks.json", [asked])
    (question,) = load_task("mlvu", split="test", data_root=tmp_path).questions()
    assert (question.id, question.letters, question.answer) == ("SQA_0", "ABCDEF", None)
    assert question.groups == {"task_type": "sportsQA"}
    # The file with the answers comes first.
    write_rows(tmp_path / "test-ground-truth" / "test_mcq_gt.json", [{**asked, "answer": "six"}])
    (answered,) = load_task("mlvu", split="test", data_root=tmp_path).questions()
    assert answered.answer == "F"


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("00:15-00:19", (Span(15, 19),)),
        ("01:02:03-01:02:09", (Span(3723, 3729),)),
        ("59:50 - 1:00:10", (Span(3590, 3610),)),
        ("75:20", (Span(4520, 4520),)),
        ("00：15–00：19", (Span(15, 19),)),
        *((text, ()) for text in ("00:19-00:15", "00:15-00:19-00:30", "at the end", "")),
    ],
)
def test_time_references(text: str, spans: tuple[Span, ...]) -> None:
    assert read_time_reference(text) == spans


def test_options_in_the_question() -> None:
    assert split_options("Order: (1)a; (2)b?\n(A) 1->2\n(B)2->1\n") == (
        "Order: (1)a; (2)b?",
        ("1->2", "2->1"),
    )
    assert split_options("No options (A) here") == ("No options (A) here", ())
    with pytest.raises(ValueError, match="lettered A, C"):
        split_options("Who?\n(A) He\n(C) She")


def test_letters_are_removed_only_together() -> None:
    assert without_letters(["A. x", "B. y"]) == ("x", "y")
    assert without_letters(["(A) x", "(B) y"]) == ("x", "y")
    assert without_letters(["A. Lincoln", "J. Davis"]) == ("A. Lincoln", "J. Davis")


def test_files_after_public_bug_reports(real_data: Path) -> None:
    """No option "nan", and 24 odd forms."""
    folder = real_data / "field" / "ann"
    numbers = {q.id: len(q.options) for q in loaded(folder / "nulls.jsonl").questions()}
    assert numbers == {"n1": 3, "n2": 3, "n3": 2, "nulls-4": 2, "n5": 2}
    rows = loaded(folder / "nulls.parquet")
    assert [q.options for q in rows.questions()] == [("1", "2", "3", "4"), ("Yes", "No")]
    odd = loaded(folder / "odd.jsonl")
    assert {one.where.split()[-1] for one in odd.skipped} == {"2", "9", "10", "16", "24"}
    answers = "".join(question.answer or "" for question in odd.questions())
    assert answers == "BBBBBBBCCCBBBBBBAAA"
