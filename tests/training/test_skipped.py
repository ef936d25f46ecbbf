"""Questions left out of a training run: their file, and the message before it starts."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch

from tests.training.support import line, make_videos, write_lines
from tspo_bench.agent.paper_agent import PaperAgent
from tspo_bench.features import load_encoder
from tspo_bench.training.episode import Skipped
from tspo_bench.training.settings import train_config
from tspo_bench.training.skipped import SkippedFile
from tspo_bench.training.train import new_agent, train_agent


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_each_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "skipped.jsonl"
    file = SkippedFile(path)
    assert not path.exists()
    some = [Skipped("line 1", "no\n\ud800 option"), Skipped("line 2", "no video")]
    file.add(some)
    file.add(some[:1])
    with path.open("a") as half:
        half.write('{"where": "lin')  # a kill
    again = SkippedFile(path)
    again.add(some)
    again.add_in_training("gone.mp4")
    assert _lines(path) == [
        *({"where": one.where, "reason": one.reason} for one in some),
        {"where": "training", "reason": "gone.mp4"},
    ]


@pytest.mark.slow
def test_a_run_says_first_what_it_leaves_out(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_videos(tmp_path)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    lines = [line("c.mp4"), line("d.mp4"), line("bad.mp4")]
    missing = [line(f"{number}.mp4") for number in range(30)]
    data = write_lines(tmp_path / "data.jsonl", *lines, *missing, "{")
    config = train_config(
        "tspo", tmp_path / "agent", data=data, video_root=tmp_path, rollouts=2, device="cpu"
    )
    with caplog.at_level(logging.WARNING):
        trained = train_agent(config)
    first = caplog.messages[0]
    assert first.startswith("31 of 34 training questions are left out (30 video not found, 1 not J")
    assert first.endswith("agent/skipped.jsonl names each")
    found = _lines(tmp_path / "agent" / "skipped.jsonl")
    assert [one["where"] for one in found] == [f"line {n}" for n in range(4, 35)] + ["training"]
    assert found[-1]["reason"].startswith("line 3: ")
    assert len(trained.skipped) == 31
    log = _lines(tmp_path / "agent" / "log.jsonl")
    assert sum(entry.get("left_out", 0) for entry in log) > 0
    assert {entry["redrawn"] for entry in log if "redrawn" in entry} == {0}
    config_json = json.loads((tmp_path / "agent" / "config.json").read_text())
    assert config_json["recipe"] == {
        "preset": "paper", "rewards": "answer-released,temporal", "frames": 16, "command": [],
    }  # fmt: skip
    assert config_json["tau"] == pytest.approx(0.01)


def test_the_paper_preset_starts_as_the_authors_agent_does(tmp_path: Path) -> None:
    encoder = load_encoder("reference")
    config = train_config("tspo", tmp_path, "paper", device="cpu")
    agent, again = new_agent(config, encoder), new_agent(config, encoder)
    assert isinstance(agent, PaperAgent)
    for linear in (agent.temporal.Self_q, agent.temporal.Self_k, agent.mlp[0], agent.mlp[2]):
        assert linear.weight.std().item() == pytest.approx(0.02, rel=0.03)
        assert linear.weight.mean().item() == pytest.approx(0, abs=1e-3)
        assert linear.bias.abs().max() == 0
    for one, other in zip(agent.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    own = new_agent(train_config("tspo", tmp_path, "haystack", device="cpu"), encoder)
    assert own.mlp[0].bias.abs().max() > 0
