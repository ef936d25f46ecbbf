"""`tspo-bench list runs`: the runs in and below a folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tspo_bench.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table


def runs_below(folder: Path) -> list[dict[str, Any]]:
    """Return a description of each run, the newest first.

    Raises:
        UserError: no such folder.
    """
    from tspo_bench.results.run import RUN_FILE

    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; name one with runs in it")
    runs = [_described(path.parent) for path in folder.rglob(RUN_FILE)]
    return sorted(runs, key=lambda run: (run["date"], run["run"]), reverse=True)


def _described(run: Path) -> dict[str, Any]:
    from tspo_bench.report.live.machine import Writer
    from tspo_bench.report.live.watching import Watcher
    from tspo_bench.results.run import RUN_FILE

    modified = datetime.fromtimestamp((run / RUN_FILE).stat().st_mtime).astimezone()
    about: dict[str, Any] = {"run": str(run), "date": modified.isoformat(timespec="minutes")}
    try:
        view = Watcher(run, lambda paths: False).look()
        if view.state != "finished":  # looking through all processes takes a while
            view = Watcher(run, Writer().is_writing).look()
    except UserError as error:
        return {**about, "state": "broken", "error": str(error)}
    for key in ("task", "sampler", "model"):
        about[f"{key}s"] = list(dict.fromkeys(str(cell.settings.get(key)) for cell in view.cells))
    return {**about, "num_records": view.done, "num_planned": view.planned, "state": view.state}


def runs_table(runs: list[dict[str, Any]]) -> Table:
    """Draw them for the terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from tspo_bench.report.escape import for_terminal

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("run", "tasks", "samplers", "models", "records", "state", "date"):
        table.add_column(heading, overflow="fold")
    for run in runs:
        table.add_row(*(Text(for_terminal(text)) for text in _texts(run)))
    return table


def _texts(run: dict[str, Any]) -> Iterator[str]:
    yield run["run"]
    for key in ("tasks", "samplers", "models"):
        yield ", ".join(run.get(key, ()))
    yield f"{run['num_records']} of {run['num_planned']}" if "num_records" in run else ""
    yield run["state"]
    yield run["date"][:16].replace("T", " ")
