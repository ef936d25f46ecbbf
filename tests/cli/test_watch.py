"""`tspo-bench watch`: one frame, a live view in a terminal, and its ends."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.report.live.test_watching import SETTINGS, opened
from tests.report.support import record
from tspo_bench.results import RunDirectory

COMMAND = [sys.executable, "-c", "from tspo_bench.cli import main; main()", "watch"]


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, run: Path) -> None:
        self._ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "150", "LINES": "40"}
        self.process = subprocess.Popen(
            [*COMMAND, str(run)], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        self.shown = ""

    def until(self, text: str, seconds: float = 60) -> None:
        """Read what is shown until a text is there."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            self.shown += os.read(self._ours, 10_000).decode()

    def end(self) -> int:
        """The exit code."""
        try:
            while chunk := os.read(self._ours, 10_000):
                self.shown += chunk.decode()
        except OSError:  # how Linux says that the other side is closed
            pass
        os.close(self._ours)
        return self.process.wait(timeout=60)


def test_one_frame(cli: Cli) -> None:
    with opened(Path("r")) as writer:
        for number in range(4):
            writer.append(record(number, number == 0, timing={"answer": 0.25}))
        broken = {"letter": None, "correct": False, "error": "no\x1b[2J \u202efile\n" + "x" * 999}
        writer.append(record(4, status="decode_error", **broken))
        for args in (("watch", "r"), ("watch", "r", "--once")):
            done = cli(*args)
            assert (done.code, done.err) == (0, "")
            assert "r: running" in done.out  # this very process has the file open
            assert "5 of 10 questions, 4 a second, about 0:00:01 to go" in done.out
            assert f"process {os.getpid()}: " in done.out
            assert "t, m, K=2" in done.out
            assert "uniform" in done.out
            assert "20.0% [" in done.out
            assert r"q4: decode_error: no\x1b[2J \u202efile\nxxx" in " ".join(done.out.split())
            assert "\x1b" not in done.out
            assert "\u202e" not in done.out
    done = cli("watch", "r")
    assert "r: idle" in done.out
    assert "no process of this machine writes it; the last line came 0:00:0" in done.out


def test_a_run_that_died_says_so(cli: Cli) -> None:
    with opened(Path("r")) as writer:
        writer.append(record(0))
    for path in (Path("r/run.json"), *Path("r").glob("*/records.jsonl")):
        os.utime(path, (time.time() - 7200,) * 2)
    done = cli("watch", "r")
    assert done.code == 0
    assert "r: stopped" in done.out
    assert "nothing came for 2:00:0" in " ".join(done.out.split())


def test_mistakes(cli: Cli) -> None:
    assert cli("watch", "nowhere").code == 2
    assert "nowhere is not a run: no run.json found" in cli("watch", "nowhere").error


@pytest.mark.slow
def test_it_follows_a_run_to_its_end(tmp_path: Path) -> None:
    run = tmp_path / "r"
    with opened(run, num_questions=2) as writer:
        writer.append(record(0))
        terminal = Terminal(run)
        terminal.until("r: running")
        terminal.until("1/2")
        writer.append(record(1))
        terminal.until("2/2")
        writer.write_summary({})
    assert terminal.end() == 0
    assert "r: finished" in terminal.shown


def test_ctrl_c_ends_it_well(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "r").open_cell("a--b--c--k2", SETTINGS) as writer:
        writer.append(record(0))
        terminal = Terminal(tmp_path / "r")
        terminal.until("r: running")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 0
    for said in ("stopping", "interrupted", "Traceback"):
        assert said not in terminal.shown
