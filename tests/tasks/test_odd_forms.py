"""Answers and options as people write them: right, or left out with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tspo_bench.tasks import AnnotatedTask, load_task, parsers

TWO = ("red", "blue")


def own(options: Any, answer: Any, **fields: Any) -> tuple[tuple[str, ...], str | None]:
    record = {"video": "v.mp4", "question": "?", "options": options, "answer": answer, **fields}
    question = parsers.generic(record, "x")
    return question.options, question.answer


@pytest.mark.parametrize(
    ("options", "answer", "right"),
    [
        (["red", "blue"], "b", (TWO, "B")),
        (["red", "blue"], " B ", (TWO, "B")),
        (["red", "blue"], "(B)", (TWO, "B")),
        (["red", "blue"], "（B）", (TWO, "B")),
        (["red", "blue"], "B.", (TWO, "B")),
        (["red", "blue"], "B)", (TWO, "B")),
        (["red", "blue"], "B. blue", (TWO, "B")),
        (["red", "blue"], "(b) blue", (TWO, "B")),
        (["red", "blue"], "blue", (TWO, "B")),
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
        (["(B)", "red"], "(B)", None),  # one option's text, another one's letter
        (["b", "a"], "a", None),
        (["red", "blue"], 1, None),
        (["red", "blue"], "1", None),
        (["red", "blue"], True, None),
        (["red", "blue"], "B. red", None),
        (["red", "blue"], "C", None),
        (["red", "blue"], "A B", None),
        (["red", "blue"], "AB", None),
        (["red", "blue"], ["B"], None),
        (["red", "blue"], "", None),
        (["red", "red"], "red", None),
        (["red", ["blue"]], "A", None),
        (["red"], "A", None),
        ([f"option {n}" for n in range(27)], "A", None),
        ("['red', 'blue", "A", None),
        ("[red] | [blue]", "A", None),
        (7, "A", None),
    ],
    ids=repr,
)
def test_read_right_or_left_out(options: Any, answer: Any, right: Any) -> None:
    if right is None:
        with pytest.raises(ValueError, match=r"option|answer"):
            own(options, answer)
    else:
        assert own(options, answer) == right


def test_more_columns_than_letters_are_not_passed_over() -> None:
    columns = {letter: f"option {letter}" for letter in "ABCDEFGHIJKL"}
    with pytest.raises(ValueError, match="has 12 options; 2 to 10 are needed"):
        own(None, "A", **columns)


def test_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("video,question,A,B,B,answer\nv.mp4,?,x,y,z,B\n")
    with pytest.raises(Exception, match="has 2 columns 'B'; rename one"):
        load_task(str(path)).questions()


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
        own(["x", "y"], "A", **{field: value})


def test_a_rounded_rate_is_the_true_one() -> None:
    record = {"video": "v", "question": "?", "options": ["x", "y"], "answer": "A"}
    for given, rate in {29.97: 30000 / 1001, "30000/1001": 30000 / 1001, "25": 25.0}.items():
        question = parsers.generic({**record, "fps": given, "duration": "12.5"}, "x")
        assert question.frame_rate == pytest.approx(rate, rel=1e-12)
        assert question.duration_seconds == 12.5


def test_the_fields_files(real_data: Path) -> None:
    """Files made after public bug reports: no option "nan", and 24 odd forms."""
    nulls = load_task(str(real_data / "field" / "ann" / "nulls.jsonl"))
    assert {q.id: len(q.options) for q in nulls.questions()} == {
        **{"n1": 3, "n2": 3, "n3": 2, "nulls-4": 2},
        "n5": 2,
    }
    rows = load_task(str(real_data / "field" / "ann" / "nulls.parquet"))
    assert [q.options for q in rows.questions()] == [("1", "2", "3", "4"), ("Yes", "No")]
    odd = load_task(str(real_data / "field" / "ann" / "odd.jsonl"))
    assert isinstance(odd, AnnotatedTask)
    assert {one.where.split()[-1] for one in odd.skipped} == {"2", "9", "10", "16", "24"}
    answers = "".join(question.answer or "" for question in odd.questions())
    assert answers == "BBBBBBBCCCBBBBBBAAA"
