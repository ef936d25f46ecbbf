"""Edited code of a user's own: its figures are never the old ones, and the message names it."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.evaluation.support import READER, run
from tspo_bench.evaluation import EvaluationResult
from tspo_bench.report.baselines import Baselines, pooled_rows
from tspo_bench.report.comparison import comparison_tables
from tspo_bench.results import read_run

SAMPLER = """
import numpy as np
from tspo_bench.types import Selection
from own_shift import SHIFT

class Mine:
    needs = frozenset({"probe"})
    def select(self, query, candidates, k):
        return Selection(np.arange(k) + SHIFT)
"""
MODEL = """
from tests.evaluation.own import FrameReader

class Model(FrameReader):
    def reply(self, request):
        return "The answer is A."
"""
PARSER = """
from tspo_bench.tasks.parsers import generic

def parse(record, default_id):
    return generic(record, default_id)
"""
READING = """
from tspo_bench.tasks import Reading

def read(reply, question):
    return Reading("A")
"""
TASK = """
from tests.evaluation.own_task import Drawn

class Asking(Drawn):
    def query_text(self, question):
        return "what ?"
"""
CARD = """
name: quiz
class: tspo_bench.tasks.annotated:AnnotatedTask
options:
  splits: {{test: {{files: [{file}]}}}}
  parser: {parser}
  protocols: {{mine: {{extractor: "{extractor}", version: "1", source: here, prompt: "{{text}}"}}}}
  protocol: mine
"""
Again = Callable[..., list[str]]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Writes a module of that name, and forgets those that were loaded, as a new process does."""
    folder = tmp_path / "code"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(module: str, text: str) -> None:
        (folder / f"{module}.py").write_text(text)
        for name in list(sys.modules):
            if name.startswith("own_"):
                del sys.modules[name]
        importlib.invalidate_caches()

    return write


def frames_of(result: EvaluationResult) -> set[tuple[int, ...]]:
    return {record.frames for cell in result.cells for record in cell.records}


@pytest.mark.slow
def test_an_edited_sampler_and_an_edited_helper(
    questions: Path,
    tmp_path: Path,
    own: Callable[[str, str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = tmp_path / "log"
    own("own_shift", "SHIFT = 0\n")
    own("own_sampler", SAMPLER)
    card = tmp_path / "card.yaml"
    card.write_text("class: own_sampler:Mine\nname: carded\n")
    grid = {
        "samplers": ("own_sampler:Mine", str(card), "router[local='own_sampler:Mine']", "uniform"),
        "models": (f"{READER}[log={log}]",),
        "frames": (2,),
        "limit": 4,
    }
    own_samplers = {**grid, "samplers": grid["samplers"][:3]}
    run(questions, tmp_path / "run", **grid)
    assert frames_of(run(questions, tmp_path / "run", **own_samplers)) == {(0, 1)}
    log.unlink()
    own("own_shift", "SHIFT = 5\n")
    assert frames_of(run(questions, tmp_path / "run", **own_samplers)) == {(5, 6)}
    assert "3 cells are begun beside" in caplog.text
    assert re.search(r'\(sampler_settings.code.own_shift: "\w+" then, "\w+" now\)', caplog.text)
    assert len(log.read_text().splitlines()) == 12
    log.unlink()
    run(questions, tmp_path / "run", **grid)
    assert not log.exists(), "uniform sampling is as it was"
    own("own_sampler", SAMPLER + "# a remark\n")
    run(questions, tmp_path / "run", **own_samplers)
    assert "sampler_settings.code.own_sampler: " in caplog.text
    own("own_shift", "SHIFT = 0\n")
    own("own_sampler", SAMPLER)
    log.unlink()
    assert frames_of(run(questions, tmp_path / "run", **own_samplers)) == {(0, 1)}
    assert not log.exists(), "as it was at first: those records hold"


def test_variants_of_a_sampler_are_rows_of_their_own(
    questions: Path, tmp_path: Path, own: Callable[[str, str], None]
) -> None:
    own("own_sampler", SAMPLER)
    for shift in (0, 5):
        own("own_shift", f"SHIFT = {shift}\n")
        samplers = ("uniform", "own_sampler:Mine")
        run(questions, tmp_path / "run", samplers=samplers, limit=4, frames=(2,))
    cells = read_run(tmp_path / "run")
    rows = pooled_rows(cells, Baselines(cells))
    assert [len(row.cells) for row in rows] == [1, 1, 1]
    assert all(row.summary.n == 4 for row in rows)
    (table,) = comparison_tables(cells)
    names = [one.name for one in table.rows if one.name != "uniform"]
    assert len(set(names)) == 2
    assert all(name.startswith("own_sampler:Mine (") for name in names)


def test_an_edited_model(
    questions: Path,
    tmp_path: Path,
    own: Callable[[str, str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its `id` says nothing of its code; what may not be compared stands in tables of its own."""
    own("own_model", MODEL)
    (first,) = run(questions, tmp_path / "run", models=("own_model:Model",), limit=4).cells
    own("own_model", MODEL.replace("is A", "is B"))
    (second,) = run(questions, tmp_path / "run", models=("own_model:Model",), limit=4).cells
    assert {record.letter for record in first.records} == {"A"}
    assert {record.letter for record in second.records} == {"B"}
    assert re.search(r'\(model_code.own_model: "\w+" then, "\w+" now\)', caplog.text)
    assert len(comparison_tables(read_run(tmp_path / "run"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("edited", ["own_parser", "own_reading"])
def test_an_edited_parser_or_extractor(
    edited: str,
    questions: Path,
    tmp_path: Path,
    own: Callable[[str, str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    own("own_parser", PARSER)
    own("own_reading", READING)
    card = tmp_path / "quiz.yaml"
    names = {"parser": "own_parser:parse", "extractor": "own_reading:read"}
    card.write_text(CARD.format(file=questions.name, **names))
    run(card, tmp_path / "run", data_root=tmp_path, limit=4)
    text = {"own_parser": PARSER, "own_reading": READING.replace('"A"', '"B"')}[edited]
    own(edited, text + "# edited\n")
    (cell,) = run(card, tmp_path / "run", data_root=tmp_path, limit=4).cells
    assert re.search(rf'\(task_code.{edited}: "\w+" then, "\w+" now\)', caplog.text)
    letters = {record.letter for record in cell.records}
    assert letters == ({"A"} if edited == "own_parser" else {"B"})


def test_an_edited_task(
    films: Path,
    tmp_path: Path,
    cache: Path,
    own: Callable[[str, str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    own("own_asking", TASK)
    task = f"own_asking:Asking[video={films / 'short.mp4'}]"
    run(task, tmp_path / "run")
    own("own_asking", TASK.replace("what ?", "where ?"))
    run(task, tmp_path / "run")
    assert re.search(r'\(task_code.own_asking: "\w+" then, "\w+" now\)', caplog.text)


def test_built_in_classes_have_no_code(questions: Path, tmp_path: Path) -> None:
    (cell,) = run(questions, tmp_path / "run", limit=2).cells
    assert "code" not in cell.settings.sampler_settings
    assert "task_code" not in cell.settings.to_json()
    assert "tests.evaluation.own" in json.dumps(cell.settings.model_code)


def test_a_crash_costs_its_question_and_names_the_line(
    questions: Path, tmp_path: Path, own: Callable[[str, str], None]
) -> None:
    """Of a model and of an extractor; the reply is kept."""
    own("own_parser", PARSER)
    crash = "    if int({}.split()[2]) % 2: {}\n"
    asked = READING.replace(
        '    return Reading("A")', crash.format("question.text", "{}['gone']") + "    return 'A'"
    )
    own("own_reading", asked)
    own(
        "own_model",
        MODEL.replace(
            "        return",
            "    " + crash.format("request.prompt.text", "raise SystemExit(3)") + "        return",
        ),
    )
    card = tmp_path / "quiz.yaml"
    card.write_text(
        CARD.format(file=questions.name, parser="own_parser:parse", extractor="own_reading:read")
    )
    code = tmp_path / "code"
    errors = {}
    for model in ("own_model:Model", READER):
        (cell,) = run(card, tmp_path / "run", data_root=tmp_path, models=(model,)).cells
        errors[model] = {record.error for record in cell.records}
        assert {record.status for record in cell.records} == {"model_error"}
        assert all(record.reply for record in cell.records if "cannot be read" in record.error)
    no_reading = "the reply cannot be read: TypeError: the extractor returned str, not a Reading"
    assert errors == {
        "own_model:Model": {f"SystemExit: 3 ({code}/own_model.py:6)", no_reading},
        READER: {
            f"the reply cannot be read: KeyError: 'gone' ({code}/own_reading.py:5)",
            no_reading,
        },
    }
