"""A run is watched by its files: finished, growing, cut, started over, dead."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.report.support import record
from tspo_bench.errors import UserError
from tspo_bench.report.live.watching import STOPPED_SECONDS, Watcher
from tspo_bench.report.summary import summarise
from tspo_bench.results import CellWriter, RunDirectory, read_run, record_to_line
from tspo_bench.types import Record

SETTINGS: dict[str, Any] = {
    "task": "t",
    "sampler": "uniform",
    "model": "m",
    "frames": 2,
    "protocol": "p",
    "num_questions": 10,
}
RECORDS = [
    record(number, number % 3 == 0, timing={"scan": 0.1, "answer": 0.3}) for number in range(10)
]


class Clock:
    """Seconds since the epoch, and some more."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def never(paths: Sequence[Path]) -> bool:
    return False


def opened(run: Path, slug: str = "a--b--c--k2", **settings: Any) -> CellWriter:
    directory = RunDirectory(run, settings={"tasks": ["t"], "models": ["m"]})
    return directory.open_cell(slug, {**SETTINGS, **settings})


def append(writer: CellWriter, records: Sequence[Record]) -> None:
    for one in records:
        writer.append(one)


def test_a_finished_run(tmp_path: Path) -> None:
    with opened(tmp_path) as writer:
        append(writer, RECORDS)
        writer.write_summary({})
    watcher = Watcher(tmp_path, never)
    view = watcher.look()
    assert (view.state, view.done, view.planned) == ("finished", 10, 10)
    assert (view.per_second, view.seconds_left) == (None, None)
    assert view.stages == pytest.approx({"answer": 0.3, "scan": 0.1})
    (cell,) = view.cells
    truth = summarise(read_run(tmp_path)[0].records)
    assert (cell.accuracy, cell.ci95) == (truth.accuracy, truth.ci95)
    assert watcher.look().cells == view.cells
    assert "cpu" in view.environment


def test_throughput_by_timing_at_first_and_by_growth_then(tmp_path: Path) -> None:
    clock = Clock()
    watcher = None
    with opened(tmp_path) as writer:
        append(writer, RECORDS[:2])
        watcher = Watcher(tmp_path, never, clock)
        view = watcher.look()
        assert view.state == "idle"  # no process is known
        assert view.per_second == pytest.approx(1 / 0.4)
        assert view.seconds_left == pytest.approx(8 * 0.4)
        append(writer, RECORDS[2:6])
        clock.ahead = 20
        view = watcher.look()
        assert view.per_second == pytest.approx(4 / 20, rel=0.05)
        assert view.seconds_left == pytest.approx(4 * 5, rel=0.05)
        clock.ahead = 20 + STOPPED_SECONDS / 2
        assert watcher.look().state == "idle"


def test_without_growth_and_process_it_has_stopped(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path) as writer:
        append(writer, RECORDS[:6])
    clock.ahead = STOPPED_SECONDS + 60
    view = Watcher(tmp_path, never, clock).look()
    assert (view.state, view.per_second, view.seconds_left) == ("stopped", None, None)
    assert view.idle_seconds == pytest.approx(STOPPED_SECONDS + 60, abs=20)
    seen: list[Path] = []

    def always(paths: Sequence[Path]) -> bool:
        seen.extend(paths)
        return True

    assert Watcher(tmp_path, always, clock).look().state == "running"
    assert seen == [tmp_path / "a--b--c--k2" / "records.jsonl"]


def test_a_run_that_grows_meanwhile(tmp_path: Path) -> None:
    """Another thread appends whole and half lines while it is looked at."""
    num = 300
    with opened(tmp_path, num_questions=num) as writer:
        path = writer.folder / "records.jsonl"
    lines = "".join(record_to_line(record(number)) + "\n" for number in range(num)).encode()

    def grow() -> None:
        with path.open("ab") as file:
            for start in range(0, len(lines), 777):
                os.write(file.fileno(), lines[start : start + 777])
                time.sleep(0.002)

    thread = threading.Thread(target=grow)
    watcher, seen = Watcher(tmp_path, never), [0]
    thread.start()
    while seen[-1] < num:
        view = watcher.look()
        assert view.recent_errors == ()
        seen.append(view.done)
    thread.join()
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert watcher.look().cells[0].accuracy == 1


def test_a_cut_line_waits_for_its_end(tmp_path: Path) -> None:
    with opened(tmp_path) as writer:
        append(writer, RECORDS[:2])
        path = writer.folder / "records.jsonl"
    line = record_to_line(RECORDS[2]).encode()
    with path.open("ab") as file:
        file.write(line[:40])
    watcher = Watcher(tmp_path, never)
    assert (watcher.look().done, watcher.look().recent_errors) == (2, ())
    with path.open("ab") as file:
        file.write(line[40:] + b"\n")
    assert watcher.look().done == 3


def test_a_broken_line_is_reported(tmp_path: Path) -> None:
    with opened(tmp_path) as writer:
        path = writer.folder / "records.jsonl"
    path.write_bytes(b'{"x": 1}\n' + record_to_line(RECORDS[0]).encode() + b"\n\xff\n")
    view = Watcher(tmp_path, never).look()
    assert view.done == 1
    assert [one.what for one in view.recent_errors] == [
        "a--b--c--k2/records.jsonl, line 1",
        "a--b--c--k2/records.jsonl, line 3",
    ]


def test_a_cell_that_is_started_over(tmp_path: Path) -> None:
    with opened(tmp_path) as writer:
        append(writer, RECORDS)
    watcher = Watcher(tmp_path, never)
    assert watcher.look().done == 10
    with RunDirectory(tmp_path).open_cell("a--b--c--k2", SETTINGS, fresh=True) as writer:
        assert watcher.look().done == 0
        append(writer, RECORDS[:3])
        view = watcher.look()
    assert (view.done, view.stages) == (3, pytest.approx({"answer": 0.3, "scan": 0.1}))


def test_failures_and_their_second_answer(tmp_path: Path) -> None:
    changes = {"letter": None, "correct": False, "timing": {}}
    failed = [
        record(number, status="decode_error", error=f"broken {number}", **changes)
        for number in range(8)
    ]
    with opened(tmp_path) as writer:
        append(writer, failed)
    watcher = Watcher(tmp_path, never)
    view = watcher.look()
    assert [(one.what, one.error) for one in view.recent_errors] == [
        (f"q{number}", f"decode_error: broken {number}") for number in range(3, 8)
    ]
    (cell,) = view.cells
    assert (cell.done, cell.failed, cell.unparsed, cell.accuracy) == (8, 8, 0, 0)
    with opened(tmp_path) as writer:
        append(writer, [record(0)])
    (cell,) = watcher.look().cells
    assert (cell.done, cell.failed, cell.accuracy) == (8, 7, 1 / 8)


def test_what_has_not_begun(tmp_path: Path) -> None:
    asked = {"tasks": ["t", "u"], "models": ["m", "/models/n"]}
    with RunDirectory(tmp_path, settings=asked).open_cell("a--b--c--k2", SETTINGS) as writer:
        append(writer, RECORDS)
        writer.write_summary({})
    view = Watcher(tmp_path, never).look()
    assert (view.waiting, view.state) == (3, "idle")
    empty = Watcher(RunDirectory(tmp_path / "new", settings=asked).path, never).look()
    assert (empty.waiting, empty.state, empty.done, empty.cells) == (4, "idle", 0, ())


def test_what_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run: no run"):
        Watcher(tmp_path, never)
    for name in "abcdef":
        RunDirectory(tmp_path / name)
    with pytest.raises(UserError, match=r"name one of the runs in it: a, b, c, d, e, \.\.\.$"):
        Watcher(tmp_path, never)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UserError, match="is not a run of format"):
        Watcher(tmp_path, never).look()


@pytest.mark.parametrize("slug", ["../..", "/etc", "a/b", "", "a\x1b[31m"])
def test_cells_are_looked_for_inside_alone(tmp_path: Path, slug: str) -> None:
    content = {"format": 1, "commands": [], "cells": {slug: SETTINGS}}
    (tmp_path / "run.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="is not a cell's folder; remove it there"):
        Watcher(tmp_path, never).look()


@pytest.mark.parametrize("value", [5, True, "x", ["x", 5, None], {"x": 5}, None, 10**400, -1])
def test_any_content_of_a_run_file(tmp_path: Path, value: Any) -> None:
    cells = {"a": value, "b": {"task": value, "model": value, "num_questions": value}}
    content: dict[str, Any] = {"format": 1, "commands": [], "cells": cells}
    (tmp_path / "run.json").write_text(json.dumps(content))
    view = Watcher(tmp_path, never).look()
    assert [cell.done for cell in view.cells] == [0, 0]
    assert view.planned in (0, 5)
    settings = {"settings": {"tasks": value, "models": ["m"]}}
    for command in (value, {"settings": value}, settings, {"environment": value}):
        (tmp_path / "run.json").write_text(json.dumps({**content, "commands": [command]}))
        with contextlib.suppress(UserError):
            assert isinstance(Watcher(tmp_path, never).look().environment, dict)
