"""A cell's answers as the file that a benchmark's evaluation server takes.

Answers are option letters as the protocol read them. A question without one (nothing could be read
in the reply, or it failed) has the empty string, which every server counts as wrong; it is never
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tspo_bench.errors import UserError
from tspo_bench.report.loading import load_results
from tspo_bench.results import Cell, read_run
from tspo_bench.results.reading import RUN_FILE
from tspo_bench.specs import parse_spec
from tspo_bench.types import JSON, Record


@dataclass(frozen=True)
class Submission:
    """The content of a file, and the ids of the questions that have the empty string in it.

    `format` is "mlvu" or "letters".
    """

    format: str
    content: JSON
    num_questions: int
    unparsed: tuple[str, ...]
    failed: tuple[str, ...]


def submission(cell: Cell) -> Submission:
    """The answers of a finished cell, in the form of its benchmark.

    Two forms are known. MLVU's is a list of {"question_id", "question_type", "option"} (the form
    that its repository describes, JUNJIE99/MLVU, Evaluation_Test). For everything else it is one
    object from id to letter, which is LongVideoBench's as lmms-eval's task `longvideobench_test_v`
    writes it.

    Raises:
        UserError: some questions have no record yet.
    """
    planned = cell.settings.num_questions or len(cell.records)
    if len(cell.records) < planned:
        raise UserError(
            f"cell {cell.folder} is unfinished: {len(cell.records)} of {planned} questions; rerun "
            "its command to resume"
        )
    task = parse_spec(cell.settings.task).name
    name = task if task in _FORMATS else "letters"
    return Submission(
        format=name,
        content=_FORMATS[name](cell.records),
        num_questions=len(cell.records),
        unparsed=tuple(r.question_id for r in cell.records if r.letter is None and not r.failed),
        failed=tuple(r.question_id for r in cell.records if r.failed),
    )


def cell_at(path: Path) -> Cell:
    """Return the cell of a path: a cell's folder, or a run or bundle with one cell.

    Raises:
        UserError: the path is none of these, or the run has several cells.
    """
    cells: list[Cell] = []
    parent = path.resolve().parent
    if path.is_file() or (path / RUN_FILE).is_file():
        loaded = load_results([path])
        cells = loaded.cells
        if loaded.errors:
            raise UserError(loaded.errors[0])
    elif (parent / RUN_FILE).is_file():
        cells = [cell for cell in read_run(parent) if cell.folder.name == path.resolve().name]
    if not cells:
        raise UserError(f"{path} is not a run, a bundle or a cell's folder")
    if len(cells) > 1:
        names = ", ".join(cell.folder.name for cell in cells)
        raise UserError(f"{path} has {len(cells)} cells; name the folder of one of them: {names}")
    return cells[0]


def _letters(records: Sequence[Record]) -> JSON:
    return {record.question_id: record.letter or "" for record in records}


def _mlvu(records: Sequence[Record]) -> JSON:
    return [
        {
            "question_id": record.question_id,
            "question_type": record.groups.get("task_type", ""),
            "option": record.letter or "",
        }
        for record in records
    ]


_FORMATS: Mapping[str, Callable[[Sequence[Record]], JSON]] = {"letters": _letters, "mlvu": _mlvu}
