"""Settings of a run beside the grid: protocol, answering mode, bounds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.evaluation.own import FrameReader
from tests.evaluation.support import READER, run
from tspo_bench.errors import UserError
from tspo_bench.tasks.protocols import DEFAULT
from tspo_bench.types import Answer, Request, VisualInput

WEIGHER = "tests.evaluation.test_grid_protocol:Weigher"
CARD = """
name: quiz
class: tspo_bench.tasks:AnnotatedTask
options:
  splits: {{test: {{files: {file}}}}}
  protocols:
    official:
      version: "3"
      system: Look closely.
      prompt: "Q: {{record[question]}}\\n{{record[options]}}\\nBest:"
      reply_start: "("
      max_new_tokens: 5
    elsewhere: {{absent: nobody wrote it down}}
"""


class Weigher(FrameReader):
    """Prefers the last letter, and writes down what it was asked last."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return [self._weighed(request) for request in requests]

    def _weighed(self, request: Request) -> Answer:
        if self.log is not None:
            prompt = request.prompt
            parts = (prompt.system, prompt.text, prompt.reply_start, prompt.max_new_tokens)
            Path(self.log).write_text(json.dumps(parts))
        seen = VisualInput(len(request.frames), 28, 56, 2 * len(request.frames))
        if request.mode == "generate":
            return Answer("(A)", visual_input=seen)
        total = math.log(sum(range(1, len(request.letters) + 1)))
        weights = {x: math.log(i) - total for i, x in enumerate(request.letters, 1)}
        return Answer(request.letters[-1], weights, seen, {"prompt_tokens": 9})


def test_options_mode_takes_the_likeliest_letter_and_keeps_the_weights(
    questions: Path, tmp_path: Path
) -> None:
    (cell,) = run(questions, tmp_path / "run", models=(WEIGHER,), answer="options").cells
    assert cell.settings.answer == "options"
    for record in cell.records:
        assert (record.mode, record.letter, record.status) == ("options", "D", "ok")
        assert record.option_logprobs is not None
        assert sum(map(math.exp, record.option_logprobs.values())) == pytest.approx(1)
        assert record.correct == (record.gold == "D")
        assert record.visual_input == {"frames": 4, "height": 28, "width": 56, "visual_tokens": 8}
        assert record.usage == {"prompt_tokens": 9}


def test_a_model_without_log_probabilities_says_so(questions: Path, tmp_path: Path) -> None:
    (cell,) = run(questions, tmp_path / "run", answer="options").cells
    for record in cell.records:
        assert record.status == "model_error"
        assert "no log-probabilities of ABCD; use --answer generate" in str(record.error)


def test_another_mode_is_another_cell(
    questions: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (first,) = run(questions, tmp_path / "run", models=(WEIGHER,)).cells
    (second,) = run(questions, tmp_path / "run", models=(WEIGHER,), answer="options").cells
    assert first.folder != second.folder
    assert 'answer: "generate" then, "options" now' in caplog.text
    assert {record.mode for record in second.records} == {"options"}


def test_a_cards_protocol_asks_in_its_own_words(questions: Path, tmp_path: Path) -> None:
    card, log = tmp_path / "quiz.yaml", tmp_path / "asked"
    card.write_text(CARD.format(file=questions.name))
    model = f"{WEIGHER}[log={log}]"
    result = run(card, tmp_path / "run", models=(model,), protocol="official", limit=1)
    (record,) = result.cells[0].records
    assert record.protocol is not None
    assert record.protocol.startswith("official@3#")
    assert result.cells[0].settings.protocol == "official@3"
    assert record.protocol.endswith(str(result.cells[0].settings.protocol_hash))
    system, prompt, reply_start, most = json.loads(log.read_text())
    assert (system, reply_start, most) == ("Look closely.", "(", 5)
    first, *options, last = prompt.splitlines()
    assert first.startswith("Q: which thing")
    assert last == "Best:"
    assert all(option.startswith("frame ") for option in options)
    with pytest.raises(UserError, match=r"'elsewhere': nobody wrote it down; it has: strict, off"):
        run(card, tmp_path / "other", protocol="elsewhere")
    with pytest.raises(UserError, match=r"no protocol 'lmms-eval'; it has: strict, official"):
        run(card, tmp_path / "other", protocol="lmms-eval")


def test_an_annotation_that_a_prompt_may_quote_is_part_of_the_cell(
    questions: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(questions, tmp_path / "run", limit=2)
    questions.write_text(questions.read_text().replace('"id"', '"note": "reworded", "id"'))
    log = tmp_path / "log"
    run(questions, tmp_path / "run", limit=2, models=(f"{READER}[log={log}]",))
    assert re.search(r'\(questions: "\w+" then, "\w+" now\)', caplog.text)
    assert len(log.read_text().splitlines()) == 2


def test_the_default_is_strict(questions: Path, tmp_path: Path) -> None:
    (cell,) = run(questions, tmp_path / "run", limit=2).cells
    assert {record.protocol for record in cell.records} == {DEFAULT.label}
    assert cell.settings.scoring == {
        "average": "micro",
        "over": None,
        "values": [],
        "unparsed": "wrong",
    }


def test_bounds_are_added_where_the_task_can_give_them(questions: Path, tmp_path: Path) -> None:
    cells = run(questions, tmp_path / "run", with_bounds=True).cells
    assert [cell.settings.sampler for cell in cells] == ["uniform", "blind", "oracle"]
    bare = tmp_path / "bare.jsonl"
    bare.write_text(questions.read_text().replace('"evidence"', '"was"'))
    cells = run(bare, tmp_path / "bare", with_bounds=True, samplers=("blind", "uniform")).cells
    assert [cell.settings.sampler for cell in cells] == ["blind", "uniform"]
