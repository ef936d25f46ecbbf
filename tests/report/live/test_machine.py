"""This machine: real processes, and a driver's answer in its documented form."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tspo_bench.report.live.machine import Gpu, Writer, gpus

HOLD = "import sys; file = open(sys.argv[1], sys.argv[2]); print(flush=True); sys.stdin.read()"


def holding(path: Path, mode: str) -> subprocess.Popen[bytes]:
    """A process that has a file open until its input ends."""
    command = [sys.executable, "-c", HOLD, str(path), mode]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_the_process_that_writes_is_found(tmp_path: Path) -> None:
    path, link = tmp_path / "records.jsonl", tmp_path / "link"
    link.symlink_to(tmp_path)
    path.touch()
    writer = Writer()
    assert (writer.is_writing([path]), writer.usage()) == (False, None)
    with holding(path, "r") as reading:
        assert not Writer().is_writing([path])
        reading.communicate()
    with holding(path, "ab") as process:
        assert not writer.is_writing([path])  # looked a moment ago
        writer = Writer()
        assert not writer.is_writing([tmp_path / "other"])
        writer = Writer()
        assert writer.is_writing([tmp_path / "other", link / "records.jsonl"])
        first, then = writer.usage(), writer.usage()
        assert first is not None
        assert then is not None
        assert first.pid == process.pid
        assert (first.cores, (then.cores or 0) >= 0) == (None, True)
        assert 1 << 20 < first.memory < first.machine_memory
        assert first.num_cores == os.cpu_count()
        process.communicate()
    assert (writer.is_writing([path]), writer.usage()) == (False, None)


def test_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == []
    said = "NVIDIA H100 80GB HBM3, 97, 40536, 81559\nNVIDIA A100 MIG, [N/A], [N/A], 81920"
    script = tmp_path / "nvidia-smi"
    script.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{said}\nEND\n")
    script.chmod(0o755)
    mib = 1 << 20
    assert gpus() == [
        Gpu("NVIDIA H100 80GB HBM3", 0.97, 40536 * mib, 81559 * mib),
        Gpu("NVIDIA A100 MIG", None, None, 81920 * mib),
    ]
    script.write_text("#!/bin/sh\necho no devices were found\nexit 6\n")
    assert gpus() == []
