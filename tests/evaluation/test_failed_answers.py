"""A model that says for single requests that there is no answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from tests.evaluation.own import FrameReader
from tests.evaluation.support import run
from tspo_bench.evaluation.checks import checked_answers
from tspo_bench.results import read_records
from tspo_bench.types import Answer, Failed, Request

MODEL = "tests.evaluation.test_failed_answers:Choosy"


class Choosy(FrameReader):
    """Gives no answer about odd things; counts the requests it is asked."""

    asked: ClassVar[list[str]] = []

    def answer(self, requests: Sequence[Request]) -> list[Answer | Failed]:  # type: ignore[override]
        firsts = [request.prompt.text.splitlines()[0] for request in requests]
        self.asked.extend(firsts)
        odd = [int(first.split()[2]) % 2 == 1 for first in firsts]
        answers = super().answer(requests)
        return [Failed("odd") if no else yes for no, yes in zip(odd, answers, strict=True)]


def test_one_failure_costs_no_other_answer_and_nothing_is_asked_twice(
    questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Choosy, "asked", [])
    [cell] = run(questions, tmp_path / "out", models=(MODEL,), batch_size=5).cells
    assert len(Choosy.asked) == len(set(Choosy.asked)) == 12
    for record in cell.records:
        odd = int(record.question_id.partition("-")[2]) % 2 == 1
        assert record.failed == odd
        assert (record.status, record.error) == ("model_error", "odd") or not odd
    Choosy.asked.clear()
    run(questions, tmp_path / "out", models=(MODEL,), batch_size=5)
    assert len(Choosy.asked) == 6, "those without an answer are asked again"
    assert len(read_records(cell.folder / "records.jsonl")) == 12


def test_log_probabilities_of_some_letters_are_enough(questions: Path, tmp_path: Path) -> None:
    [cell] = run(
        questions,
        tmp_path / "out",
        models=("tests.evaluation.test_failed_answers:Partial",),
        answer="options",
    ).cells
    assert {record.letter for record in cell.records} == {"C"}
    assert {tuple(record.option_logprobs or ()) for record in cell.records} == {("B", "C")}


class Partial(FrameReader):
    """Lists two of the letters."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return [Answer("C", {"B": -2.0, "C": -0.5}) for _ in requests]


def test_log_probabilities_of_none_or_of_other_letters_are_not() -> None:
    from tests.mllms.conftest import make_request

    request = make_request([])
    asked = [type(request)(**{**vars(request), "mode": "options"})]
    for given in (None, {}, {"E": -1.0}):
        with pytest.raises(ValueError, match="no log-probabilities of ABCD"):
            checked_answers([Answer("A", given)], asked)
    assert checked_answers([Failed("why")], asked) == [Failed("why")]
    with pytest.raises(TypeError, match="text is a NoneType"):
        checked_answers([Answer(None)], [request])  # type: ignore[arg-type]
