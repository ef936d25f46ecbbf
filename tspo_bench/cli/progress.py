"""Progress on stderr: a bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from tspo_bench.types import Record

Item = TypeVar("Item")

_LINES = 20  # for a whole task, where there is no terminal
_CELLS = 6  # whose accuracies are shown beside the bar
_SHOWN = ("without_signal", "entropy", "seconds_per_step")  # of training


class Bar:
    """Counts what is done; use it as a context manager, one `start` after the other."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.table import Column

        self._console = Console(stderr=True)
        self._live = self._console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            # What room is left: a long note must not squeeze the bar and the counts away.
            TextColumn(
                "{task.fields[note]}", markup=False, table_column=Column(ratio=1, no_wrap=True)
            ),
            expand=True,
            console=self._console,
            disable=not self._live,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def start(self, what: str, total: int, done: int = 0) -> None:
        """Begin to count to `total`, of which `done` are there already."""
        self._what, self._total, self._done, self._before = what, total, done, done
        self._started = time.monotonic()
        self._task = self._progress.add_task(what, total=total, completed=done, note="")
        if done:
            self._line(f"{what}: {done} of {total} already done")
        elif not self._live:
            self._line(f"{what}: {done}/{total}")

    def advance(self, note: str = "") -> None:
        """One more is done."""
        self._done += 1
        self._progress.update(self._task, advance=1, note=note)
        lines = self._done * _LINES // self._total
        if not self._live and lines > (self._done - 1) * _LINES // self._total:
            spent = time.monotonic() - self._started
            left = spent / (self._done - self._before) * (self._total - self._done)
            rest = f", about {duration(left)} to go" if left else f" in {duration(spent)}"
            ending = f" ({note})" if note else ""
            self._line(f"{self._what}: {self._done}/{self._total}{rest}{ending}")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def tracked(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items, counted on stderr as they are worked off."""
    with Bar() as bar:
        bar.start(what, len(items))
        for item in items:
            yield item
            bar.advance()


class RunProgress:
    """Shows how a run goes: records done, stored ones too, and each sampler's accuracy so far.

    Seeds count together, as in tables. Beyond a few samplers and budgets no accuracy is shown:
    there is no room, and one over all of them would say nothing.
    """

    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def started(self, task: str, model: str, pending: int, done: int) -> None:
        """A task and model begin."""
        self._right: dict[tuple[str, str], list[bool]] = {}
        self._failed = 0
        self._bar.start(f"{task} x {model}", pending + done, done)

    def stored(self, record: Record, sampler: str, budget: str) -> None:
        """A record was there already."""
        if record.gold is not None:
            self._right.setdefault((sampler, budget), []).append(record.correct)

    def on_record(self, record: Record, sampler: str, budget: str) -> None:
        """One more record is there."""
        self.stored(record, sampler, budget)
        self._failed += record.failed
        self._bar.advance(", ".join(self._notes()))

    def _notes(self) -> Iterable[str]:
        shares = {cell: sum(right) / len(right) for cell, right in self._right.items()}
        if len(shares) == 1:
            yield f"accuracy {next(iter(shares.values())):.1%}"
        elif 1 < len(shares) <= _CELLS:
            several = len({budget for _, budget in shares}) > 1
            yield " · ".join(
                f"{sampler}{f' {budget}' if several else ''} {share:.0%}"
                for (sampler, budget), share in shares.items()
            )
        if self._failed:
            yield f"{self._failed} failed"


class TrainProgress:
    """Shows training on a bar, with the newest figures beside it."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def began(self, steps: int, done: int) -> None:
        """See `TrainingProgress`."""
        self._bar.start("train", steps, done)

    def stepped(self, logs: dict[str, float]) -> None:
        """See `TrainingProgress`."""
        shown = [key for key in logs if key.startswith("reward")]
        shown += [key for key in _SHOWN if key in logs]
        self._bar.advance(", ".join(f"{key.replace('_', ' ')} {logs[key]:.2f}" for key in shown))


class PicksMade:
    """Shows how many selections are made."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def started(self, task: str, total: int) -> None:
        """A task begins."""
        self._bar.start(f"select, {task}", total)

    def advance(self) -> None:
        """One more is made."""
        self._bar.advance()


def duration(seconds: float) -> str:
    """Seconds as "1:02:03"."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}"
