"""`tspo-bench train`, killed at its work and resumed: nothing of the kill may remain."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TRAIN = (
    sys.executable, "-c", "from tspo_bench.cli import main; main()", "train",
    "--task", "haystack[length=1min,videos=2]", "--videos", "2", "--steps", "8",
    "--questions", "1", "--rollouts", "2", "--frames", "2", "--no-evaluate",
)  # fmt: skip


def _train(folder: Path, cache: Path, *more: str) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "TSPO_BENCH_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*TRAIN, *more], cwd=folder, env=environment)


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_in_the_same_weights(tmp_path: Path) -> None:
    cache, agent = tmp_path / "cache", Path("agents/tspo-q")
    whole, killed = tmp_path / "whole" / agent, tmp_path / "killed" / agent
    assert _train(tmp_path / "whole", cache).wait() == 0

    process = _train(tmp_path / "killed", cache)
    state = killed / "checkpoints" / "checkpoint-3" / "trainer_state.json"
    while not state.exists():
        assert process.poll() is None, "training ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "model.safetensors").exists()
    # The kill may also hit a checkpoint or a line of the log half-way.
    half = killed / "checkpoints" / "checkpoint-7"
    half.mkdir()
    (half / "model.safetensors").write_bytes((whole / "model.safetensors").read_bytes()[:1000])
    with (killed / "log.jsonl").open("a") as log:
        log.write('{"step": 5, "rew')

    assert _train(tmp_path / "killed", cache, "--resume").wait() == 0
    weights = [(folder / "model.safetensors").read_bytes() for folder in (whole, killed)]
    assert weights[0] == weights[1]
    for folder in (whole, killed):
        lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines if "reward" in line] == [5]
        assert [line["step"] for line in lines if "train_runtime" in line] == [8]
    assert "--resume" not in (killed / "README.md").read_text()
