"""Callbacks of training: JSON lines on disk, and a progress bar's numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Protocol

from transformers import TrainerCallback, TrainerState


class TrainingProgress(Protocol):
    """The progress of training; the command line draws it."""

    def began(self, steps: int, done: int) -> None:
        """Training begins, or resumes after `done` of its steps."""
        ...

    def stepped(self, logs: dict[str, float]) -> None:
        """One more step is done; `logs` are the newest figures."""
        ...


class JsonLog(TrainerCallback):
    """Appends what is logged to a file of JSON lines, one a logging step.

    Args:
        path: the file. Lines of steps after the one that a run resumes from are dropped, and so is
            one that a kill left half written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Keep the lines up to the step that training resumes from."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        kept = [line for line in lines if _step(line) <= state.global_step]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("".join(f"{line}\n" for line in kept if state.global_step))

    def on_log(self, args: Any, state: TrainerState, control: Any, **known: Any) -> None:
        """Append one line."""
        with self._path.open("a") as file:
            file.write(json.dumps({"step": state.global_step, **known["logs"]}) + "\n")


class LogAtCheckpoints(TrainerCallback):
    """Has a line logged with each checkpoint.

    A line is of the steps since the last one: those before a checkpoint must not be left to a
    line of a resumed run, which knows nothing of them.
    """

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Log where a checkpoint is due."""
        control.should_log |= control.should_save


def _step(line: str) -> float:
    """The step of a line; infinite for a broken one, and for a run's totals."""
    try:
        entry = json.loads(line)
        return math.inf if "train_runtime" in entry else int(entry["step"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return math.inf


class ReportProgress(TrainerCallback):
    """Passes steps and figures on to a `TrainingProgress`."""

    def __init__(self, progress: TrainingProgress) -> None:
        self._progress = progress
        self._logs: dict[str, float] = {}

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """See `TrainingProgress.began`."""
        self._progress.began(state.max_steps, state.global_step)

    def on_log(self, args: Any, state: TrainerState, control: Any, **known: Any) -> None:
        """Keep the newest figures."""
        self._logs = {**self._logs, **known["logs"]}

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """See `TrainingProgress.stepped`."""
        self._progress.stepped(self._logs)
