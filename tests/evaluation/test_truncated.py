"""Replies that were cut, refused, or hold what no file can: from a model's answer to the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tests.evaluation.own import FrameReader
from tests.evaluation.support import run
from tests.report.support import cell, record
from tspo_bench.report.baselines import Baselines, pooled_rows
from tspo_bench.report.notes import footnotes
from tspo_bench.types import Answer, Record, Request

HERE = "tests.evaluation.test_truncated"


class Cut(FrameReader):
    """Cuts every reply; every third one inside of its reasoning."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return [Answer(_said(r), truncated=True) for r in requests]


class Refuser(FrameReader):
    """Refuses in words that hold a letter."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return [Answer("", refusal="I cannot. The answer is B.") for _ in requests]


def _number(request: Request) -> int:
    return int(request.prompt.text.splitlines()[0].split()[2])


def _said(request: Request) -> str:
    return "<think>The answer is B." if _number(request) % 3 == 0 else "B, because"


def test_a_letter_outside_of_reasoning_counts_in_a_reply_that_was_cut(
    questions: Path, tmp_path: Path
) -> None:
    [found] = run(questions, tmp_path / "out", models=(f"{HERE}:Cut",)).cells
    assert all(each.truncated for each in found.records)
    for each in found.records:
        inside = each.reply == "<think>The answer is B."
        assert (each.status, each.letter) == (("unparsed", None) if inside else ("ok", "B"))
    assert {each.status for each in found.records} == {"ok", "unparsed"}
    summary = json.loads((found.folder / "summary.json").read_text())
    unparsed = summary["status_counts"]["unparsed"]
    assert (summary["num_truncated"], summary["num_unread_truncated"]) == (12, unparsed)


def test_a_refusal_is_unparsed_and_its_words_are_kept(questions: Path, tmp_path: Path) -> None:
    [found] = run(questions, tmp_path / "out", models=(f"{HERE}:Refuser",)).cells
    for each in found.records:
        assert (each.status, each.reply, each.letter) == ("unparsed", "", None)
        assert each.notes["refusal"] == "I cannot. The answer is B."


def notes_of(*records: Record) -> str:
    cells = [cell("uniform", records)]
    [row] = pooled_rows(cells, Baselines(cells))
    return "\n".join(footnotes([row]))


def test_the_foot_counts_them_and_names_the_remedy_where_it_may_help() -> None:
    unread = {"status": "unparsed", "letter": None, "correct": False, "reply": "x"}
    lost = record(0, **unread, truncated=True)
    read = record(1, truncated=True)
    assert "cut" not in notes_of(record(0), record(1, **unread))
    assert notes_of(read) == "1 replies were cut at the longest length"
    others = [record(number, **unread) for number in range(2, 101)]
    said = notes_of(read, lost, *others[:98])
    assert "2 replies were cut at the longest length, 1 of the 99 without a readable letter" in said
    assert "raise max_new_tokens" in said
    assert "raise" not in notes_of(read, lost, *others), "1 of 100 is not more than 1%"
    drawn = record(0, guessed=True, truncated=True)
    assert "raise max_new_tokens" in notes_of(drawn)
