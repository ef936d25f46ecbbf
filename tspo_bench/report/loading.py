"""The cells that a report is over: of runs in folders, and of bundles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tspo_bench.errors import UserError
from tspo_bench.report.bundle import is_bundle, opened
from tspo_bench.report.escape import for_terminal
from tspo_bench.results import Cell, read_cells
from tspo_bench.results.reading import RUN_FILE
from tspo_bench.types import Record

_BUNDLE = ".zip"


@dataclass
class LoadedResults:
    """Results of runs and bundles.

    Attributes:
        cells: as they were read, no two of them the same.
        notes: what a reader must know of them.
        errors: what could not be read, and is left out.
    """

    cells: list[Cell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def load_results(paths: Sequence[Path], task: str | None = None) -> LoadedResults:
    """The cells of all runs and bundles (`tspo-bench bundle`) in and below some folders.

    A cell that is broken is left out and named, as is a bundle that lies in a folder. A cell that
    was run twice with the same answers counts once.

    Args:
        paths: folders, searched at any depth, and zip files.
        task: only this one, with any options.

    Raises:
        UserError: a path is not there or holds no run, a bundle that was named cannot be read, or
            nothing is left.
    """
    found = LoadedResults()
    others: dict[str, None] = {}
    for cell in _cells(paths, found):
        if task is None or task in (cell.settings.task, _name(cell)):
            _add(found, cell)
        else:
            others.setdefault(for_terminal(str(cell.settings.task)))
    if not found.cells and not found.errors:
        where = ", ".join(map(str, paths))
        if others:
            raise UserError(f"no cell of task {task!r} in {where}; it has: {', '.join(others)}")
        raise UserError(f"no cell in {where}: its runs have no question answered yet")
    return found


def _name(cell: Cell) -> str:
    return str(cell.settings.task).partition("[")[0]


def _cells(paths: Sequence[Path], found: LoadedResults) -> Iterator[Cell]:
    seen: set[Path] = set()
    for path in paths:
        if path.suffix == _BUNDLE and path.is_file():
            yield from _of_bundle(path, found)
            continue
        if not path.is_dir():
            raise UserError(
                f"{path} is not a folder or a bundle (.zip); name a run, or a folder of runs"
            )
        runs = [file.parent for file in path.rglob(RUN_FILE)]
        bundles = [file for file in path.rglob(f"*{_BUNDLE}") if is_bundle(file)]
        if not runs and not bundles:
            raise UserError(
                f"no run in {path}: neither it nor a folder below has a {RUN_FILE} or a bundle "
                f"({_BUNDLE})"
            )
        for place in sorted([*runs, *bundles]):
            if place.resolve() in seen:
                continue
            seen.add(place.resolve())
            try:  # a bundle that cannot be read must not hide the rest
                yield from (_of_bundle if place in bundles else _of_run)(place, found)
            except UserError as error:
                found.errors.append(str(error))


def _of_run(run: Path, found: LoadedResults) -> Iterator[Cell]:
    for cell in read_cells(run):
        if isinstance(cell, UserError):
            found.errors.append(str(cell))
        else:
            yield cell


def _of_bundle(path: Path, found: LoadedResults) -> Iterator[Cell]:
    with opened(path) as folder:
        for cell in _of_run(folder, found):
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
