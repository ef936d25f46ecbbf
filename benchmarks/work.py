"""Runs what trials still lack, several commands at a time.

What is done is kept: killed at any time and started again, the same call resumes.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.trials import Command, Trial
from tspo_bench.cli.console import EXIT_MISTAKE, say
from tspo_bench.cli.progress import Bar
from tspo_bench.errors import UserError
from tspo_bench.files import make_folder
from tspo_bench.training.settings import AGENTS

_PATIENCE = 0.2  # seconds between two looks at what is running


def work(
    trials: Sequence[Trial], root: Path, jobs: int, finished: Callable[[], None]
) -> list[Command]:
    """Run the trials' pending commands; those that failed.

    Each command's output goes to a log in its trial's folder.

    Args:
        trials: all of them in folders below `root`.
        root: where one such call at a time works.
        jobs: how many trials are worked on at once; if it is more than one, on one thread each.
        finished: is called after each trial.
    """
    make_folder(root, hint="run this in the repository's root")
    total = sum(len(trial.commands) for trial in trials)
    failed: list[Command] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with _alone_in(root) as lock, Bar() as bar, contextlib.ExitStack() as started:
        # Only now: the call that held the lock may have done some of it.
        waiting = [trial for trial in trials if trial.pending]
        bar.start(root.name, total, total - sum(len(trial.pending) for trial in trials))
        running: list[_Running] = []
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_Running(waiting.pop(0), lock, one_thread=jobs > 1))
                started.callback(running[-1].end)
            time.sleep(_PATIENCE)
            for one in [one for one in running if one.has_ended()]:
                running.remove(one)
                if one.succeeded:
                    bar.advance(str(one.trial.folder.relative_to(root)))
                else:
                    failed.append(one.command)
                    say(f"failed: {shlex.join(one.command)}; see {one.log}")
                if one.succeeded and one.trial.pending:
                    waiting.insert(0, one.trial)
                else:
                    finished()
    return failed


class _Running:
    """The next command of a trial, at work. The lock stays held while it lives."""

    def __init__(self, trial: Trial, lock: int, one_thread: bool) -> None:
        self.trial = trial
        self.command = trial.pending[0]
        self.log = make_folder(trial.folder, hint="free the disk") / f"{self.command[1]}.log"
        begun = any(trial.folder.glob("seed-*/training.json"))
        option: tuple[str, ...] = ()  # only of this start, so no part of what is noted
        if trial.begin(self.command):
            option = ("--fresh",)
        elif self.command == trial.training and begun:
            option = ("--resume",)
        program = Path(sys.executable).with_name(self.command[0])
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [program, *self.command[1:], *option],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | ({"OMP_NUM_THREADS": "1"} if one_thread else {}),
                pass_fds=(lock,),
            )
        self._started = time.monotonic()

    @property
    def succeeded(self) -> bool:
        """Whether the command, which has ended, ended well."""
        return self._process.returncode == 0

    def has_ended(self) -> bool:
        """Look whether the command has ended, and if it ended well, keep that."""
        if self._process.poll() is None:
            return False
        if self.succeeded:
            self.trial.note(self.command, time.monotonic() - self._started)
        return True

    def end(self) -> None:
        """Stop the command if it is still at work."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


@contextlib.contextmanager
def _alone_in(root: Path) -> Iterator[int]:
    """Hold a folder's lock, which commands under way share: they may outlive a killed parent."""
    with (root / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for a command of an earlier start that is still at work in {root}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def run(main: Callable[[], int]) -> NoReturn:
    """End the process with what `main` returns; a user's mistake is one line."""
    try:
        sys.exit(main())
    except UserError as error:
        say(f"error: {' '.join(str(error).split())}")
        sys.exit(EXIT_MISTAKE)


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """The options that all such scripts have."""
    made = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--jobs", type=count, default=1, help="commands at once, one thread each")
    return made


def training_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """The options that all scripts which train agents have."""
    made = parser(module, description)
    kinds = ",".join(AGENTS)
    made.add_argument("--agents", type=_kinds, default=tuple(AGENTS), help=f"default: {kinds}")
    made.add_argument("--seeds", type=_numbers, default=(0, 1), help="default: 0,1")
    made.add_argument("--steps", type=count, help="of each training")
    made.add_argument("--videos", type=count, help="of each training, for a trial")
    made.add_argument("--limit", type=count, help="questions of each test, for a trial")
    return made


def names(text: str) -> tuple[str, ...]:
    """The parts of a text that commas separate."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def count(text: str) -> int:
    """A whole number, 1 or more."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("give 1 or more")
    return number


def _kinds(text: str) -> tuple[str, ...]:
    if unknown := set(names(text)) - set(AGENTS):
        raise argparse.ArgumentTypeError(f"no agent {unknown.pop()!r}: {' or '.join(AGENTS)}")
    return names(text)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, names(text)))
