from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.real import ANNOTATIONS, LVBENCH
from tspo_bench.lmms.fields import answer_letter, id_of, question_of
from tspo_bench.tasks import parsers
from tspo_bench.types import Question, Span


def hub_form(record: dict[str, Any]) -> dict[str, Any]:
    """LongVideoBench's record as the hub has it, and lmms-eval with it."""
    options = [*record["candidates"], "N/A", "N/A", "N/A"][:5]
    rest = {key: value for key, value in record.items() if key != "candidates"}
    return {**rest, **{f"option{number}": option for number, option in enumerate(options)}}


def without_candidates(record: dict[str, Any]) -> dict[str, Any]:
    """MLVU's record as lmms-eval's copy has it: the options stand in the question."""
    return {key: value for key, value in record.items() if key != "candidates"}


FORMS = {"longvideobench": hub_form, "mlvu": without_candidates, "videomme": dict}
TARGETS = {"longvideobench": "correct_choice", "mlvu": "answer", "videomme": "answer"}


def of(doc: dict[str, Any], target: Any = None, prompt: str = "?") -> Question:
    return question_of(doc, id_of(doc, "0"), "a.mp4", prompt, target=target)


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_as_the_parsers_of_the_benchmarks_have_it(name: str, real_data: Path) -> None:
    """Options, right answers, evidence and ids of 6,211 documents, from fields alone."""
    records = json.loads((real_data / "annotations" / ANNOTATIONS[name]).read_text())
    parse = getattr(parsers, name)
    for number, record in enumerate(records):
        doc = FORMS[name](record)
        found, expected = of(doc, doc[TARGETS[name]]), parse(record, str(number))
        assert found.options == tuple(option.strip() for option in expected.options), record
        assert found.answer == expected.answer, record
        assert found.evidence == expected.evidence
        assert found.id == (expected.id if "question_id" in doc or "id" in doc else "0")
        assert found.text.startswith(expected.text)


def test_lvbench() -> None:
    lines = (LVBENCH / "video_info.meta.jsonl").read_text().splitlines()
    first, second = json.loads(lines[0])["qa"]
    found = of(first, first["answer"])
    assert found.id == "1"
    assert found.options == ("1636", "1366", "1363", "1633")
    assert found.answer == "D"
    assert found.evidence == (Span(15, 19),)
    assert of(second).groups == {"question_type": "entity recognition|event understanding"}
    assert of(second).answer is None


@pytest.mark.parametrize(
    "doc",
    [
        {"options": ["red", "blue", "green"]},
        {"candidates": ["A. red", "B. blue", "C. green"]},
        {"choices": {"A": "red", "B": "blue", "C": "green"}},
        {"option": "['red', 'blue', 'green']"},
        {"a0": "red", "a1": "blue", "a2": "green"},
        {"option_1": "red", "option_2": "blue", "option_3": "green"},
        {"A": "red", "B": "blue", "C": "green"},
        {"question": "Which?\n(A) red\n(B) blue\n(C) green\n"},
    ],
)
def test_where_options_stand(doc: dict[str, Any]) -> None:
    assert of(doc, "B") == of(doc, "blue") == of(doc, 1)
    assert (of(doc, "B").options, of(doc, "B").answer) == (("red", "blue", "green"), "B")


def test_options_that_are_nowhere_or_in_the_prompt_alone() -> None:
    assert of({"question": "Which?"}, "B", "Which?\nA. x\nB: y").options == ("x", "y")
    bare = of({"question": "Which?"}, "B")
    assert (bare.options, bare.answer) == (("A", "B", "C", "D"), "B")
    assert of({"question": "Which?"}, "F").options == ("A", "B", "C", "D", "E", "F")
    assert of({"question": "Which?"}, "B", "B. y\nA. x").options == ("A", "B", "C", "D")


@pytest.mark.parametrize(
    ("target", "letter"),
    [
        *[("B", "B"), ("(B)", "B"), ("B.", "B"), ("B. Two", "B"), ("(B) Two", "B")],
        *[("two", "B"), (" Two ", "B"), (1, "B"), ("1", "B"), ("3", "A")],
        *[(None, None), (-1, None), ("", None), (7, None), ("E", None), ("Five", None)],
        *[(True, None), ("A man", None)],
    ],
)
def test_the_right_option(target: Any, letter: str | None) -> None:
    """The text "3" is the first option, and no index."""
    assert answer_letter(target, ("3", "Two", "four")) == letter


def test_ids_that_published_selections_know() -> None:
    assert id_of({"question_id": "001-1", "id": 3}, "x") == "001-1"
    assert id_of({"uid": 3}, "x") == "3"
    assert id_of({"question": "?"}, "x") == "x"
