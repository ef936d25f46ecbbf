"""Each command is run once, after interruptions too; here with cheap commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.trials import Trial
from benchmarks.work import run, training_parser, work
from tspo_bench.errors import UserError

ROOT = Path("agents/trials")
REPOSITORY = Path(__file__).parents[2]


def trial(name: str, code: str) -> Trial:
    return Trial(ROOT / name, (), (0,), (), ("python", "-c", code))


def writes(name: str, word: str) -> Trial:
    return trial(name, f"open('said', 'a').write('{word}')")


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_command_is_run_once(jobs: int):
    trials = [writes("a", "a"), writes("b", "b"), writes("c", "c")]
    ended: list[int] = []
    pending = lambda: ended.append(sum(len(t.pending) for t in trials))  # noqa: E731
    for _ in range(2):
        assert work(trials, ROOT, jobs, pending) == []
    assert sorted(Path("said").read_text()) == ["a", "b", "c"]
    assert (len(ended), ended[-1]) == (3, 0)
    assert [entry["seconds"] > 0 for entry in trials[0].ledger] == [True]


def test_one_failure_does_not_stop_the_others(capfd: pytest.CaptureFixture[str]):
    broken = trial("broken", "import sys; print('no luck'); sys.exit(2)")
    other = writes("other", "x")
    assert work([broken, other], ROOT, 1, lambda: None) == [broken.training]
    assert (len(broken.pending), len(other.pending)) == (1, 0)
    said = capfd.readouterr().err
    log = next(word for word in said.split() if word.endswith(".log"))
    assert Path(log).read_text() == "no luck\n"


def test_several_at_once_have_one_thread_each():
    says = "import os; open('said', 'a').write(os.environ.get('OMP_NUM_THREADS', 'any'))"
    assert work([trial("a", says), trial("b", says)], ROOT, 2, lambda: None) == []
    assert Path("said").read_text() == "11"


START = """
from benchmarks.work import work
from tests.benchmarks.test_work import ROOT, slow
work([slow()], ROOT, 1, lambda: None)
"""


def slow() -> Trial:
    code = "import time; open('begun', 'w'); time.sleep(1.5); open('said', 'a').write('x')"
    return trial("slow", code)


def start_and(signal_number: int) -> None:
    """Start the slow trial in another process, which a signal ends in the midst of it."""
    parent = subprocess.Popen(
        [sys.executable, "-c", START], env={**os.environ, "PYTHONPATH": str(REPOSITORY)}
    )
    while not Path("begun").exists():
        assert parent.poll() is None
        time.sleep(0.02)
    parent.send_signal(signal_number)
    parent.wait()


@pytest.mark.slow
def test_what_a_killed_call_left_running_is_waited_for(capfd: pytest.CaptureFixture[str]):
    start_and(signal.SIGKILL)
    assert not Path("said").exists()
    assert work([slow()], ROOT, 1, lambda: None) == []
    assert "waiting for a command of an earlier start" in capfd.readouterr().err
    assert Path("said").read_text() == "xx"  # nothing saw the first one end


@pytest.mark.slow
def test_a_terminated_call_ends_its_commands():
    start_and(signal.SIGTERM)
    time.sleep(2)
    assert not Path("said").exists()


def test_a_mistake_is_one_line(capfd: pytest.CaptureFixture[str]):
    def main() -> int:
        raise UserError("no variant 'x';\n there are: a")

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 2
    assert capfd.readouterr().err == "error: no variant 'x'; there are: a\n"


@pytest.mark.parametrize(
    "given", [("--agents", "mine"), ("--seeds", "a"), ("--jobs", "0"), ("--steps", "-1")]
)
def test_options_that_cannot_be_read(given: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        training_parser("benchmarks.ablation", None).parse_args(given)
    assert ended.value.code == 2
    assert given[0] in capsys.readouterr().err
