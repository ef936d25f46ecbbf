"""The library: light to import, and the same as the command line."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import tspo_bench
from tests.cli.own import ALWAYS_A
from tests.films import make_films
from tests.support import read_number
from tspo_bench import mllms, samplers, tasks
from tspo_bench.cli import app
from tspo_bench.errors import UserError, VideoError
from tspo_bench.features import load_encoder


@pytest.fixture(autouse=True)
def films(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small task, where the examples run."""
    monkeypatch.chdir(tmp_path)
    return make_films(tmp_path)


def test_import_is_light() -> None:
    code = (
        "import sys, tspo_bench; tspo_bench.__version__; "
        "print({'numpy', 'torch', 'rich', 'typer', 'tspo_bench.api'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_public_name_is_there_and_documented() -> None:
    for name in tspo_bench.__all__:
        assert getattr(tspo_bench, name)
        assert name in dir(tspo_bench)
        assert name == "__version__" or getattr(tspo_bench, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        _ = tspo_bench.evalute


def test_examples_run() -> None:
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for function in (tspo_bench.evaluate, tspo_bench.select_frames):
        (test,) = finder.find(function)
        assert test.examples
        assert runner.run(test).failed == 0


@pytest.mark.slow
def test_evaluate_is_what_the_command_prints() -> None:
    result = tspo_bench.evaluate(
        "films.jsonl", ["oracle", "uniform"], ALWAYS_A, (1, 2), out="api", limit=2
    )
    args = ["run", "--task", "films.jsonl", "--sampler", "oracle,uniform", "--model", ALWAYS_A]
    args += ["--frames", "1,2", "--limit", "2", "--out", "cli", "--json"]
    printed = json.loads(CliRunner().invoke(app, args).stdout)
    assert without_clock(result.to_dict()) == without_clock(printed)
    assert result.folder == Path("api")
    assert [summary.n for summary in result.summaries] == [2, 2, 2, 2]
    assert [cell.settings.frames for cell in result.cells] == [1, 2, 1, 2]
    assert result.table()
    assert result.groups_table()


def without_clock(content: dict) -> list[dict]:
    rows = [row for table in content["tables"] for row in table["rows"]]
    assert all(row["seconds_per_question"] > 0 for row in rows)
    own = ("seconds_per_question", "runs")
    return [{key: value for key, value in row.items() if key not in own} for row in rows]


def test_a_text_is_split_at_commas_and_a_sequence_is_not(films: Path) -> None:
    films.rename("a,b.jsonl")
    result = tspo_bench.evaluate(["a,b.jsonl"], "uniform,random", ALWAYS_A, frames=1)
    assert [cell.settings.sampler for cell in result.cells] == ["uniform", "random"]


def test_evaluate_tells_of_progress_and_of_skipped_lines(films: Path) -> None:
    films.write_text(films.read_text() + "\nnot json")
    seen: list[object] = []

    class Watch:
        def started(self, task: str, model: str, pending: int, done: int) -> None:
            seen.append((task, model, pending, done))

        def on_record(self, record: object, sampler: str, frames: int) -> None:
            seen.append((record, sampler, frames))

    result = tspo_bench.evaluate("films.jsonl", model=ALWAYS_A, progress=Watch())
    assert seen[0] == ("films", "always-a", 3, 0)
    assert len(seen) == 4
    (skipped,) = result.skipped
    assert skipped.startswith("films.jsonl line 4: ")


def test_selected_frames_are_the_pixels_of_their_numbers() -> None:
    picked = tspo_bench.select_frames("film.mp4", "What?", "uniform", 7)
    assert picked.indices.tolist() == np.linspace(0, 49, 7, dtype=int).tolist()
    np.testing.assert_allclose(picked.timestamps, picked.indices / 10)
    frames = picked.fetch()
    assert [read_number(image) for image in frames.pixels] == picked.indices.tolist()
    assert (picked.scores, picked.frame_scores) == (None, None)
    np.testing.assert_allclose(picked.candidates.seconds, [0, 1, 2, 3, 4])
    assert picked.duration_seconds == 5.0


def test_an_encoder_can_be_used_again() -> None:
    encoder = load_encoder("reference")
    once = tspo_bench.select_frames("film.mp4", "What?", "clip-topk", 2, encoder=encoder)
    again = tspo_bench.select_frames("film.mp4", "What?", "clip-topk", 2)
    assert once.to_dict() == again.to_dict()
    assert once.scores is not None
    best = np.sort(np.argsort(-once.scores, kind="stable")[:2])
    np.testing.assert_array_equal(once.indices, best * 10)
    np.testing.assert_array_equal(once.frame_scores, once.scores[best])


def test_blind_picks_nothing_and_still_draws() -> None:
    picked = tspo_bench.select_frames("film.mp4", "", "blind", 4)
    assert len(picked) == 0
    picked.draw_sheet("nothing.png")
    assert Path("nothing.png").stat().st_size > 0


def test_select_frames_errors() -> None:
    with pytest.raises(VideoError, match=r"absent\.mp4"):
        tspo_bench.select_frames("absent.mp4", "What?", "uniform")
    with pytest.raises(UserError, match="needs annotated evidence"):
        tspo_bench.select_frames("film.mp4", "What?", "oracle")
    for call in (
        lambda **given: tspo_bench.select_frames("film.mp4", "What?", "uniform", **given),
        lambda **given: tspo_bench.select_task("films.jsonl", "s.json", "uniform", **given),
        lambda **given: tspo_bench.recall("films.jsonl", **given),
    ):
        with pytest.raises(UserError, match=r"--candidate-fps must be a number \(got '1'\)"):
            call(candidate_fps="1")


def test_registered_names_work(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (samplers.registry, tasks.registry, mllms.registry):
        monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    tspo_bench.register_sampler("chatty", "tests.cli.own:Chatty", "prints")
    tspo_bench.register_model("always-a", ALWAYS_A)
    tspo_bench.register_task(
        "films", "tspo_bench.tasks:AnnotatedTask", annotations=Path("films.jsonl")
    )
    result = tspo_bench.evaluate("films", "chatty", "always-a", frames=2)
    (cell,) = result.cells
    assert [getattr(cell.settings, key) for key in ("task", "sampler", "model")] == [
        *("films", "chatty", "always-a")
    ]
    assert [record.frames for record in cell.records] == [(0, 10)] * 3
    with pytest.raises(UserError, match="needs another name"):
        tspo_bench.register_sampler("aks", "tests.cli.own:Chatty")
