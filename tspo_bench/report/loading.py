"""The cells that a report is over: of runs in folders, and of published entries."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tspo_bench.errors import UserError
from tspo_bench.report.entries.archive import MANIFEST
from tspo_bench.report.escape import visible
from tspo_bench.results import Cell, read_cells
from tspo_bench.results.reading import RUN_FILE
from tspo_bench.types import Record

_ENTRY = ".zip"
_NAME_AT = 30  # where the first file's name stands in a zip file


@dataclass
class LoadedResults:
    """What was found.

    Attributes:
        cells: as they were read, no two of them the same.
        notes: what a reader must know of them.
        errors: what could not be read, and is left out.
    """

    cells: list[Cell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def load_results(
    paths: Sequence[Path],
    task: str | None = None,
    *,
    data_root: Path | None = None,
    annotations: Path | None = None,
) -> LoadedResults:
    """The cells of all runs and entries (`tspo-bench submit`) in and below some folders.

    A cell that is broken is left out and named, as is an entry that lies in a folder. A cell that
    was run twice with the same answers counts once.

    Args:
        paths: folders, at whatever depth, and zip files.
        task: only this one, whatever its options.
        data_root, annotations: where an entry's right answers are checked (`open_entry`).

    Raises:
        UserError: a path is not there or holds no run, an entry that was named is refused, or
            nothing is left.
    """
    found = LoadedResults()
    others: dict[str, None] = {}
    for cell in _cells(paths, found, data_root, annotations):
        if task is None or task in (cell.settings.task, _name(cell)):
            _add(found, cell)
        else:
            others.setdefault(visible(str(cell.settings.task)))
    if not found.cells and not found.errors:
        where = ", ".join(map(str, paths))
        if others:
            raise UserError(f"no cell of task {task!r} in {where}; it has: {', '.join(others)}")
        raise UserError(f"no cell in {where}: its runs have no question answered yet")
    return found


def _name(cell: Cell) -> str:
    return str(cell.settings.task).partition("[")[0]


def _cells(
    paths: Sequence[Path], found: LoadedResults, data_root: Path | None, annotations: Path | None
) -> Iterator[Cell]:
    seen: set[Path] = set()
    for path in paths:
        if path.suffix == _ENTRY and path.is_file():
            yield from _of_entry(path, found, data_root, annotations)
            continue
        if not path.is_dir():
            raise UserError(
                f"{path} is no folder and no entry (.zip); name a run, or a folder of runs"
            )
        runs = [file.parent for file in path.rglob(RUN_FILE)]
        entries = [file for file in path.rglob(f"*{_ENTRY}") if _is_entry(file)]
        if not runs and not entries:
            raise UserError(
                f"no run in {path}: neither it nor a folder below has a {RUN_FILE} or an entry "
                f"({_ENTRY})"
            )
        for place in sorted([*runs, *entries]):
            if place.resolve() in seen:
                continue
            seen.add(place.resolve())
            if place in entries:
                yield from _of_found_entry(place, found, data_root, annotations)
            else:
                yield from _of_run(place, found)


def _is_entry(path: Path) -> bool:
    """Whether a zip file that nobody named is one of ours, which alone have both of these.

    One that was cut has no list of its files, but starts with our first file still.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {MANIFEST, RUN_FILE} <= set(archive.namelist())
    except (ValueError, NotImplementedError, zipfile.BadZipFile, struct.error):
        with path.open("rb") as file:
            return file.read(_NAME_AT + len(RUN_FILE)).endswith(RUN_FILE.encode())
    except OSError:
        return False


def _of_run(run: Path, found: LoadedResults) -> Iterator[Cell]:
    try:
        for cell in read_cells(run):
            if isinstance(cell, UserError):
                found.errors.append(str(cell))
            else:
                yield cell
    except UserError as error:
        found.errors.append(str(error))


def _of_found_entry(
    path: Path, found: LoadedResults, data_root: Path | None, annotations: Path | None
) -> Iterator[Cell]:
    """As `_of_entry`, of one that was found in a folder: what refuses it does not hide the rest."""
    try:
        yield from _of_entry(path, found, data_root, annotations)
    except UserError as error:
        found.errors.append(str(error))


def _of_entry(
    path: Path, found: LoadedResults, data_root: Path | None, annotations: Path | None
) -> Iterator[Cell]:
    from tspo_bench.report.entries.entry import open_entry

    with open_entry(path, data_root=data_root, annotations=annotations) as entry:
        found.notes.append(f"{path} ({visible(entry.name)}): scored by {', '.join(entry.sources)}")
        found.notes += [f"{path}: {visible(text)}" for text in (*entry.unread, *entry.problems)]
        if entry.differences:
            found.notes.append(
                f"{path}: {len(entry.differences)} records differ from what checking them comes "
                f"to, which is what counts; the first: {visible(entry.differences[0].text)}"
            )
        for one in entry.checked:
            cell = replace(one.cell, is_cut=False)  # told among the entry's problems
            yield replace(cell, folder=path / cell.folder.name)


def _add(found: LoadedResults, cell: Cell) -> None:
    for other in found.cells:
        if other.settings == cell.settings and _untimed(other) == _untimed(cell):
            found.notes.append(f"{cell.folder} is the same as {other.folder}: counted once")
            return
    found.cells.append(cell)
    if cell.is_cut:
        found.notes.append(f"{cell.folder}: the last line of its records is cut, and not counted")


def _untimed(cell: Cell) -> list[Record]:
    return [replace(record, timing={}) for record in cell.records]
