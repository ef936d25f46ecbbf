"""How far a run is, from its files alone: also of one that another process is writing."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tspo_bench.errors import UserError
from tspo_bench.report.stats import Interval, accuracy_interval
from tspo_bench.results import record_from_line
from tspo_bench.results.cell import RECORDS_FILE, SUMMARY_FILE
from tspo_bench.results.reading import cell_folder, check_is_run, read_run_file
from tspo_bench.results.run import RUN_FILE
from tspo_bench.types import Record

State = Literal["running", "idle", "stopped", "finished"]
WINDOW_SECONDS = 300.0  # over which the throughput is taken
STOPPED_SECONDS = 300.0  # without a new line and a process that writes: the run has ended
_LEAST_SECONDS = 5.0  # of watching, before growth gives a throughput
_FEW_RECORDS = 50  # whose timing gives it until then
_FEW_ERRORS = 5
_MOST = 10**12  # questions: a cell that names more was written by no run


@dataclass(frozen=True)
class CellView:
    """One cell: `done` of `planned` questions have a record (None if unknown)."""

    settings: Mapping[str, Any]
    done: int
    planned: int | None
    failed: int
    unparsed: int
    accuracy: float | None
    ci95: Interval | None


@dataclass(frozen=True)
class RecentError:
    """A question without an answer, or a line that is not a record."""

    what: str
    error: str


@dataclass(frozen=True)
class View:
    """A run at one moment.

    Attributes:
        state: "running": a process of this machine is writing it; "finished": every question of
            every cell has its record; "idle": neither, though something was written in the last
            minutes (a model is being loaded, or another machine works); "stopped": neither.
        cells: in the order in which they were begun.
        waiting: pairs of task and model that the commands ask and that have not begun.
        per_second: questions a second; None if unknown.
        seconds_left: for the cells that have begun; None if unknown.
        stages: mean seconds a question by stage, of the records that have a timing.
        recent_errors: the last few, the latest last.
        idle_seconds: since anything was written.
        environment: of the last command, as run.json has it.
    """

    state: State
    cells: tuple[CellView, ...]
    waiting: int
    per_second: float | None
    seconds_left: float | None
    stages: Mapping[str, float]
    recent_errors: tuple[RecentError, ...]
    idle_seconds: float
    environment: Mapping[str, Any]

    @property
    def done(self) -> int:
        """The records that are there."""
        return sum(cell.done for cell in self.cells)

    @property
    def planned(self) -> int:
        """The records that there will be of the cells that have begun."""
        return sum(cell.done if cell.planned is None else cell.planned for cell in self.cells)


class Watcher:
    """Looks at a run again and again; each look reads what was appended since the last.

    Args:
        run: the run's folder.
        is_written: whether a process of this machine has one of these files open for writing.
        clock: seconds since the epoch.

    Raises:
        UserError: the folder is not a run.
    """

    def __init__(
        self,
        run: Path,
        is_written: Callable[[Sequence[Path]], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_is_run(run)
        self.run = run
        self._is_written = is_written
        self._clock = clock
        self._tails: dict[str, _Tail] = {}
        self._seen: deque[tuple[float, int]] = deque()

    def look(self) -> View:
        """The run as it stands now.

        Raises:
            UserError: run.json cannot be read, or names what is not a cell's folder.
        """
        content = read_run_file(self.run / RUN_FILE)
        cells = []
        for slug, settings in content["cells"].items():
            path = cell_folder(self.run, slug) / RECORDS_FILE
            tail = self._tails.setdefault(slug, _Tail(path))
            tail.read_on()
            cells.append(tail.view(settings))
        now, tails = self._clock(), list(self._tails.values())
        idle = now - _last_written([self.run / RUN_FILE, *(tail.path for tail in tails)])
        waiting = _num_waiting(content)
        state = self._state(cells, waiting, idle)
        done = sum(cell.done for cell in cells)
        rate = self._per_second(now, done) if state in ("running", "idle") else None
        left = sum((cell.planned or cell.done) - cell.done for cell in cells)
        commands = content["commands"]
        return View(
            state,
            tuple(cells),
            waiting,
            rate,
            left / rate if rate and left else None,
            _stages(tails),
            tuple(error for tail in tails for error in tail.recent_errors)[-_FEW_ERRORS:],
            max(0.0, idle),
            commands[-1].get("environment", {}) if commands else {},
        )

    def _state(self, cells: Sequence[CellView], waiting: int, idle: float) -> State:
        paths = [tail.path for tail in self._tails.values()]
        if self._is_written(paths):
            return "running"
        whole = [cell.done >= (cell.planned or 0) for cell in cells]
        summed_up = [path.with_name(SUMMARY_FILE).is_file() for path in paths]
        if cells and all(whole) and all(summed_up) and not waiting:
            return "finished"
        return "idle" if idle < STOPPED_SECONDS else "stopped"

    def _per_second(self, now: float, done: int) -> float | None:
        """From the records that came while watching; before, from what the last of them took."""
        if self._seen and done < self._seen[-1][1]:  # a cell was started over
            self._seen.clear()
        self._seen.append((now, done))
        while self._seen[0][0] < now - WINDOW_SECONDS:
            self._seen.popleft()
        then, before = self._seen[0]
        if now - then >= _LEAST_SECONDS:
            return (done - before) / (now - then)
        last = [seconds for tail in self._tails.values() for seconds in tail.last_seconds]
        return len(last) / sum(last) if sum(last) else None


class _Tail:
    """A cell's records, read as they are appended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start_over()

    def _start_over(self) -> None:
        self._offset = self._num_lines = 0
        self._records: dict[str, Record] = {}
        self._accuracy: tuple[float | None, Interval | None] = None, None
        self.seconds: Counter[str] = Counter()
        self.num_timed = 0
        self.last_seconds: deque[float] = deque(maxlen=_FEW_RECORDS)
        self.recent_errors: deque[RecentError] = deque(maxlen=_FEW_ERRORS)

    def read_on(self) -> None:
        """Read the lines that are whole by now; a file that has shrunk is read from its start."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self._offset:
                    self._start_over()
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error
        num_bytes = content.rfind(b"\n") + 1
        for line in content[:num_bytes].split(b"\n")[:-1]:
            self._add(line)
        self._offset += num_bytes
        if num_bytes:
            known = [one for one in self._records.values() if one.gold is not None]
            right = [record.correct for record in known]
            interval = accuracy_interval(right, [record.video for record in known])
            self._accuracy = sum(right) / len(right) if right else None, interval

    def _add(self, line: bytes) -> None:
        self._num_lines += 1
        try:
            record = record_from_line(line.decode("utf-8"))
        except ValueError as error:
            where = f"{self.path.parent.name}/{self.path.name}, line {self._num_lines}"
            self.recent_errors.append(RecentError(where, f"no record: {error}"))
            return
        self._records[record.question_id] = record
        if record.failed:
            reason = f"{record.status}: {record.error}"
            self.recent_errors.append(RecentError(record.question_id, reason))
        if record.timing:
            self.seconds.update(record.timing)
            self.num_timed += 1
            self.last_seconds.append(sum(record.timing.values()))

    def view(self, settings: Any) -> CellView:
        """The cell as far as it was read."""
        settings = _mapping(settings)
        planned = settings.get("num_questions")
        statuses = Counter(record.status for record in self._records.values())
        done, unparsed = len(self._records), statuses["unparsed"]
        failed = done - unparsed - statuses["ok"]
        known = planned if type(planned) is int and 0 <= planned < _MOST else None
        return CellView(settings, done, known, failed, unparsed, *self._accuracy)


def _last_written(paths: Sequence[Path]) -> float:
    return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)


def _stages(tails: Sequence[_Tail]) -> dict[str, float]:
    totals = sum((tail.seconds for tail in tails), Counter[str]())
    number = sum(tail.num_timed for tail in tails)
    return {stage: seconds / number for stage, seconds in totals.most_common()} if number else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _num_waiting(content: Mapping[str, Any]) -> int:
    """How many pairs of a task and a model the commands ask beyond those that have begun.

    Only their numbers can be compared: a command names a checkpoint's folder, a cell the model.
    """
    asked = set()
    for command in content["commands"]:
        settings = command.get("settings", {})
        tasks, models = settings.get("tasks", ()), settings.get("models", ())
        asked |= {(str(task), str(model)) for task in tasks for model in models}
    cells = [_mapping(one) for one in content["cells"].values()]
    begun = {(str(cell.get("task")), str(cell.get("model"))) for cell in cells}
    return max(0, len(asked) - len(begun))
