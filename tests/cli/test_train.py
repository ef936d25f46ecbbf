"""`tspo-bench train` with the shipped models, on films of a minute."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tspo_bench.agent.checkpoint import load_agent

TRAIN = (
    "train", "--task", "haystack[length=1min]", "--videos", "7", "--steps", "2",
    "--questions", "2", "--rollouts", "2", "--frames", "4", "--no-evaluate",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["tspo-q", "tspo"])
def test_an_agent_is_made_and_used(kind: str, cli: Cli, tmp_path: Path) -> None:
    done = cli(*TRAIN, "--agent", kind, "--name", "mine")
    assert (done.code, done.out) == (0, "")
    folder = tmp_path / "agents" / "mine"
    assert load_agent(str(folder)).kind == kind
    assert "base_model" not in (folder / "README.md").read_text()
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 2
    assert list((folder / "tensorboard").glob("events*"))
    run = ("run", "--task", "haystack[length=1min]", "--limit", "2", "--frames", "4")
    used = cli(*run, "--sampler", kind, "--agent", str(folder), "--json")
    assert used.code == 0
    assert json.loads(used.out)["cells"][0]["n"] == 2


def test_a_folder_is_not_overwritten(cli: Cli, tmp_path: Path) -> None:
    assert cli(*TRAIN).code == 0
    again = cli(*TRAIN)
    assert again.code == 2
    assert "--resume goes on with it, --fresh throws it away" in again.error
    other = cli(*TRAIN, "--resume", "--seeds", "1")
    assert (other.code, "with another seed" in other.error) == (2, True)
    before = (tmp_path / "agents/tspo-q/model.safetensors").read_bytes()
    assert cli(*TRAIN, "--resume").code == 0
    assert (tmp_path / "agents/tspo-q/model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--agent", "mine"), "no agent 'mine'; there are: tspo, tspo-q"),
        (("--rollouts", "1"), "1 rollouts a question"),
        (("--rewards", "luck"), "luck"),
        (("--preset", "fast"), "no preset 'fast'; there are: paper, haystack"),
        (("--tau", "0"), "tau=0.0; give a number above 0"),
        (("--seeds", "a"), "cannot read --seeds 'a'"),
        (("--data", "none.jsonl"), "say where its videos are with --video-root"),
        (("--without", "luck"), "without=luck; the parts are"),
        (("--frames", "0"), "frames=0; give 1 or more"),
    ],
)
def test_a_mistake_is_one_line(given: tuple[str, ...], said: str, cli: Cli) -> None:
    done = cli(*TRAIN, *given)
    assert done.code == 2
    assert said in done.error
