"""Finished work: a command with the preset, the agents and the reference weights of now."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import trials
from benchmarks.trials import Test, Trial, agent_sampler
from benchmarks.work import work
from tests.benchmarks.support import finish
from tspo_bench.types import Question

ROOT = Path("agents/trials")
AGENT = Path("agents/mine")
SAYS = "import sys; open('said', 'a').write(' '.join(['made', *sys.argv[1:]]) + ';')"


def put_agent(content: str, seed: int = 0) -> None:
    folder = AGENT / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_text(content)


def asked() -> Trial:
    """Agents that another process trains."""
    tests = (Test("5min"), Test("15min", "haystack[length=15min]"))
    return Trial(ROOT / "asked", (agent_sampler(AGENT, "tspo"), "uniform"), (0, 1), tests)


def made() -> Trial:
    """Something that a command makes, here into the file "said"."""
    return Trial(ROOT / "made", (), (0,), (), ("python", "-c", SAYS))


@pytest.fixture
def change_reference(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Other weights in the place of the package's."""
    folder = Path("reference")

    def change(content: str) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "model.safetensors").write_text(content)
        monkeypatch.setattr(trials, "packaged_checkpoint", lambda _: folder)
        trials._reference_weights.cache_clear()

    yield change
    trials._reference_weights.cache_clear()


def test_what_agents_answered_counts_for_these_agents_only(questions: tuple[Question, ...]):
    for seed in (0, 1):
        put_agent("first", seed)
    trial = asked()
    finish(trial, questions, lambda *_: True)
    assert trial.pending == ()
    assert not any(map(trial.begin, trial.commands))
    put_agent("second", 1)
    assert trial.pending == trial.commands
    assert trial.begin(trial.commands[0])
    put_agent("first", 1)  # the first command has begun to replace its answers, the other has not
    assert trial.pending == trial.commands[:1]
    assert [trial.begin(command) for command in trial.commands] == [True, False]
    trial.note(trial.commands[0], 1)
    assert trial.pending == ()
    assert len(json.loads((trial.folder / "done.json").read_text())) == len(trial.commands)


def test_answers_of_agents_that_are_gone_do_not_count(questions: tuple[Question, ...]):
    put_agent("first")
    finish(asked(), questions, lambda *_: True)
    shutil.rmtree(AGENT)
    assert asked().pending == asked().commands


def test_agents_that_are_trained_again_are_tested_again(questions: tuple[Question, ...]):
    trained = replace(asked(), training=("tspo-bench", "train", "--steps", "75"))
    finish(trained, questions, lambda *_: True)
    assert trained.pending == ()
    longer = replace(trained, training=("tspo-bench", "train", "--steps", "150"))
    assert longer.pending == longer.commands
    assert not longer.begin(longer.commands[0])


def test_what_was_made_with_other_reference_weights_starts_over(
    change_reference: Callable[[str], None],
):
    for content in ("a", "a", "b", "b"):
        change_reference(content)
        assert work([made()], ROOT, 1, lambda: None) == []
    assert Path("said").read_text() == "made;made --fresh;"
    assert [entry["command"][2] for entry in made().ledger] == [SAYS]


def test_a_trial_without_noted_weights_stays_in_place():
    trial = made()
    assert work([trial], ROOT, 1, lambda: None) == []
    path = trial.folder / "done.json"
    (entry,) = json.loads(path.read_text())
    del entry["weights"]
    path.write_text(json.dumps([entry]))
    assert trial.pending == trial.commands
    assert work([trial], ROOT, 1, lambda: None) == []
    assert Path("said").read_text() == "made;made;"
