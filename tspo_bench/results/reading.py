"""Runs read from disk. Files may come from anywhere, so everything in them is checked first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tspo_bench.errors import UserError
from tspo_bench.results.cell import (
    OLD_TASK_SCORES_FILE,
    OTHER_FOLDER,
    RECORDS_FILE,
    TASK_SCORES_FILE,
    Cell,
)
from tspo_bench.results.forms import CellSettings, RunFile, TaskScoresFile, bad_setting
from tspo_bench.results.records import read_whole_lines, shortened
from tspo_bench.tasks import TaskScores
from tspo_bench.types import Record
from tspo_bench.validation import plain

FORMAT = 1
RUN_FILE = "run.json"
_FEW_RUNS = 5  # that a message names
CELL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=,+-]*")


def read_run(path: Path) -> list[Cell]:
    """The cells of a run, in the order in which they were added.

    Raises:
        UserError: the folder is not a run, or one of its cells is broken.
    """
    cells = []
    for cell in read_cells(path):
        if isinstance(cell, UserError):
            raise cell
        cells.append(cell)
    return cells


def read_cells(path: Path) -> Iterator[Cell | UserError]:
    """As `read_run`, with what is wrong with a cell in its place.

    Raises:
        UserError: the folder is not a run.
    """
    check_is_run(path)
    content = read_run_file(path / RUN_FILE)
    on_cuda = _ran_on_cuda(content)
    for slug, settings in content["cells"].items():
        try:
            cell = _read_cell(path, slug, settings)
            left_out = _left_out(content, cell.settings.task)
            yield replace(cell, on_cuda=on_cuda, left_out=left_out)
        except UserError as error:
            yield error


def check_is_run(path: Path) -> None:
    """Reject a folder that is not a run; name the runs below it, as it may be a folder of runs.

    Raises:
        UserError: it has no run.json.
    """
    if (path / RUN_FILE).is_file():
        return
    below = sorted(file.parent.name for file in path.glob(f"*/{RUN_FILE}"))
    some = ", ".join(below[:_FEW_RUNS]) + (", ..." if len(below) > _FEW_RUNS else "")
    way_out = f"name one of the runs in it: {some}" if below else "name the folder given as --out"
    raise UserError(f"{path} is not a run: no {RUN_FILE} found; {way_out}")


def read_run_file(path: Path) -> dict[str, Any]:
    """The content of a run.json: a list of `commands`, and the settings of its `cells`.

    Raises:
        UserError: it cannot be read, or is not a run.json.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}; {OTHER_FOLDER}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(
            f"{path} is not a run of format {FORMAT}, the one this version of tspo-bench reads; "
            f"{OTHER_FOLDER}"
        )
    try:
        RunFile.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: {plain(error)}; {OTHER_FOLDER}") from error
    return content


def _ran_on_cuda(content: Mapping[str, Any]) -> bool:
    """Whether every command of a run saw a GPU, and none was given another device."""
    commands = content["commands"]
    return bool(commands) and all(map(_saw_cuda, commands))


def _saw_cuda(command: Mapping[str, Any]) -> bool:
    device = command.get("settings", {}).get("device") or "cuda"
    return bool(command.get("environment", {}).get("gpus")) and device.startswith("cuda")


def _left_out(content: Mapping[str, Any], task: str) -> tuple[int, ...]:
    """The distinct numbers of a task's questions that the commands left out; 0 of one for all."""
    commands = [command.get("settings", {}) for command in content["commands"]]
    counts = {
        settings.get("left_out", {}).get(task, 0)
        for settings in commands
        if not settings.get("only_present") or task in settings.get("left_out", {})
    }
    return tuple(sorted(counts))


def cell_folder(run: Path, slug: str) -> Path:
    """The folder of a cell that run.json names.

    Raises:
        UserError: the name leads elsewhere.
    """
    if not CELL_NAME.fullmatch(slug):
        raise UserError(
            f"{run / RUN_FILE}: {shortened(slug)} is not a cell's folder; remove it there"
        )
    return run / slug


def _read_cell(run: Path, slug: str, content: Any) -> Cell:
    folder = cell_folder(run, slug)
    settings = _read_settings(folder, content)
    path = folder / RECORDS_FILE
    records: list[Record] = []
    is_cut = False
    if path.exists():
        records, num_bytes = read_whole_lines(path)
        is_cut = num_bytes < path.stat().st_size
    _check_records(path, records, settings)
    return Cell(settings, records, folder, _read_task_scores(folder), is_cut)


def _read_settings(folder: Path, settings: Any) -> CellSettings:
    if not isinstance(settings, dict):
        raise UserError(f"{folder.parent / RUN_FILE}: cell {folder.name} has no settings")
    if key := bad_setting(settings):
        raise UserError(
            f"{folder.parent / RUN_FILE}: cell {folder.name} has {key} "
            f"{shortened(settings.get(key))}, which no run writes; start the cell over with --fresh"
        )
    return CellSettings.model_validate(settings)


def _check_records(path: Path, records: list[Record], settings: CellSettings) -> None:
    """Reject records that the cell's settings cannot have made.

    Raises:
        UserError: one was asked by another protocol or answering mode, or there are too many.
    """
    protocol, answer = None, settings.answer
    if settings.protocol_hash:
        protocol = f"{settings.protocol}#{settings.protocol_hash}"
    for record in records:
        if answer is not None and record.mode != answer:
            found = f"{record.mode!r} in place of {answer!r}"
        elif protocol is not None and record.protocol not in (None, protocol):
            found = f"{shortened(record.protocol)} in place of {shortened(protocol)}"
        else:
            continue
        raise UserError(
            f"{path} holds records of two settings: question {shortened(record.question_id)} was "
            f"asked by {found}; remove those that are not the cell's, or start over with --fresh"
        )
    planned = settings.num_questions if "num_questions" in settings.model_fields_set else None
    if planned is not None and len(records) > planned:
        raise UserError(
            f"{path} holds records of two settings: {len(records)} questions, of which the cell "
            f"asked {planned}; remove those that are not its own, or start over with --fresh"
        )


def _read_task_scores(folder: Path) -> TaskScores | None:
    for name in (TASK_SCORES_FILE, OLD_TASK_SCORES_FILE):
        path = folder / name
        if path.is_file():
            break
    else:
        return None
    try:
        content = TaskScoresFile.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = plain(error) if isinstance(error, ValidationError) else error
        raise UserError(
            f"cannot read {path}: {reason}; remove it, and run the same command again"
        ) from error
    return TaskScores(content.headline, content.figures)
