"""Annotations, names and answers that no file can hold cost one question; reports read the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, cli  # noqa: F401
from tests.evaluation.own import FrameReader
from tests.evaluation.support import question, run
from tspo_bench.results import read_run
from tspo_bench.results.records import kept_record, record_from_line, record_to_line
from tspo_bench.types import Answer, Record, Request

MODEL = "tests.evaluation.test_hostile_input:Hostile"


class Hostile(FrameReader):
    """Replies and counts as a broken server may, by the question's number."""

    usages = ({"prompt_tokens": 10**400}, {"prompt_tokens": 10**13}, {"prompt_tokens": 7}, {})

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        answers = super().answer(requests)
        numbers = [int(request.prompt.text.split()[2]) for request in requests]
        return [
            Answer(
                f"{answer.text} \ud83d" if number % 2 else answer.text,
                usage=self.usages[number % 4],
            )
            for number, answer in zip(numbers, answers, strict=True)
        ]


@pytest.mark.slow
@pytest.mark.usefixtures("cache")
def test_a_run_over_hostile_lines_and_its_report(
    films: Path,
    tmp_path: Path,
    cli: Cli,  # noqa: F811
) -> None:
    film = str(films / "middle.mp4")
    rows = [question(i, film, 250) for i in range(8)]
    rows += [question(8, "x" * 5000, 250), question(9, "film\0.mp4", 250)]
    rows += [question(10, f"{film}\ud800", 250), {**question(11, film, 250), "id": "\udc00"}]
    task = tmp_path / "rows.jsonl"
    lines = [json.dumps(row) for row in rows]
    task.write_text("\n".join([*lines, "[" * 100_000, '{"n": ' + "9" * 5000 + "}"]))
    result = run(task, tmp_path / "run", models=(MODEL,))
    assert [text.partition(":")[0] for text in result.skipped] == [
        f"rows.jsonl line {number}" for number in (11, 12, 13, 14)
    ]
    [cell] = read_run(tmp_path / "run")
    records = {record.question_id: record for record in cell.records}
    assert len(records) == 10
    for number in range(8):
        record = records[f"q-{number}"]
        if number % 4 < 2:
            assert record.status == "model_error"
            assert "its record cannot be kept: key 'usage' has value" in (record.error or "")
        else:
            assert not record.failed
            assert (record.reply or "").endswith("\ud83d") == (number % 2 == 1)
    assert "File name too long" in (records["q-8"].error or "")
    assert "NUL" in (records["q-9"].error or "")
    for form in ("md", "csv", "latex", "json"):
        assert cli("report", str(tmp_path / "run"), "--format", form).code == 0
    page = cli("report", str(tmp_path / "run"), "--html", str(tmp_path / "page"))
    assert page.code == 0
    again = run(task, tmp_path / "run", models=(MODEL,))  # what failed is asked again
    assert again.num_failed == result.num_failed


def test_what_can_be_kept_is_kept_as_it_is() -> None:
    record = Record("q", "v.mp4", "ok", "A", reply="\U0001f600", usage={"prompt_tokens": 3})
    assert kept_record(record) is record
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    for broken in (
        Record("q", "v", "ok", "A", notes={"deep": deep}),  # type: ignore[dict-item]
        Record("q", "v", "ok", "A", timing={"answer": float("nan")}),
        Record("q", "v", "ok", "A", groups={"level": 3}),  # type: ignore[dict-item]
        Record("q", "v", "ok", "A", evidence=((0.0, 1e13),)),
    ):
        kept = kept_record(broken)
        assert kept.status == "model_error"
        assert "cannot be kept" in (kept.error or "")
        assert record_from_line(record_to_line(kept)) == kept
    failed = kept_record(Record("q", "v", "decode_error", "A", usage={"n": 10**400}))
    assert failed.status == "decode_error"
