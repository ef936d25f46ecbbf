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
    logs = [_log(folder / "log.jsonl") for folder in (whole, killed)]
    assert [line["step"] for line in logs[0]] == list(range(1, 9))
    assert logs[0] == logs[1]
    assert "--resume" not in (killed / "README.md").read_text()


def _log(path: Path) -> list[dict[str, float]]:
    """What the log says of each step, but for the time that it took."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    steps = [line for line in lines if "train_runtime" not in line]
    return [{k: v for k, v in line.items() if not k.startswith("seconds")} for line in steps]
