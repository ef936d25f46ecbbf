"""`tspo-bench train --data`: the paper's run, on real clips, with small random checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.features.checkpoints import clip
from tests.mllms.checkpoints import llava_onevision
from tests.training.support import line, write_lines
from tests.training.test_tspo10k_real import real_lines


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["tspo", "tspo-q"])
def test_the_papers_run_on_real_clips(
    cli: Cli, real_data: Path, tmp_path: Path, agent: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = write_lines(tmp_path / "real.jsonl", *real_lines(), line("none.mp4"))
    encoder = clip(tmp_path / "clip", width=32)
    done = cli(
        *("train", "--agent", agent, "--data", str(data)),
        *("--video-root", str(real_data / "videos"), "--encoder", str(encoder)),
        *("--model", str(llava_onevision(tmp_path / "llava")), "--rollouts", "3", "--frames", "6"),
    )
    assert (done.code, done.out) == (0, "")
    folder = tmp_path / "agents" / agent
    assert "1 of 11 training questions are left out" in caplog.text
    (skipped,) = (folder / "skipped.jsonl").read_text().splitlines()
    assert "none.mp4 not found" in skipped
    settings = json.loads((folder / "training.json").read_text())
    assert settings["preset"]["rewards"] == "answer-released,temporal"
    log = [json.loads(text) for text in (folder / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 5, "ten items, two a step: one epoch"
    config = json.loads((folder / "config.json").read_text())
    assert config["tau"] == pytest.approx(0.01, rel=1e-3), "the preset's, at the end of training"
    picked = cli(
        *("select", str(real_data / "videos" / "jobs.mp4"), "-q", "Who is it?", "--json"),
        *("--sampler", agent, "--agent", str(folder), "--encoder", str(encoder), "--frames", "4"),
    )
    assert picked.code == 0
    assert len(json.loads(picked.out)["frames"]) == 4
