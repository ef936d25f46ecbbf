"""Published entries: opened as a run's folder, with all answers read and scored once more."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.report.entries.archive import unpack
from tspo_bench.report.entries.checker import Checker, is_own
from tspo_bench.report.entries.differences import Checked, Difference, Source
from tspo_bench.results import read_run, read_scores, record_to_line
from tspo_bench.results.cell import RECORDS_FILE, SCORES_FILE, TASK_SCORES_FILE, write_json
from tspo_bench.results.run import RUN_FILE

_SOURCES: Mapping[Source, str] = {
    "annotations": "the annotations given",
    "task": "the built-in task's own",
    "entry": "the entry's own; give --data-root or --annotations to check them, too",
}
_SOURCE_OF_OTHERS = (
    "the entry's own; only with its card or annotation file, given to tspo-bench check-entry "
    "--task, are they checked, too"
)


@dataclass(frozen=True)
class Entry:
    """An open entry.

    Attributes:
        path: the zip file.
        name: what its makers call it.
        description: what they say of it, or None.
        version: the tspo-bench that packed it.
        folder: a run's folder with the records that count, for `read_run`; it goes with the entry.
        checked: its cells, in the order of the run.
    """

    path: Path
    name: str
    description: str | None
    version: str
    folder: Path
    checked: tuple[Checked, ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The questions, of all cells, whose record is not what checking it comes to."""
        return tuple(one for checked in self.checked for one in checked.differences)

    @property
    def sources(self) -> tuple[str, ...]:
        """Whose questions and right answers were used, in words."""
        return tuple(dict.fromkeys(map(_source, self.checked)))

    @property
    def unread(self) -> tuple[str, ...]:
        """Why some replies could not be read again, so that their stored letters count."""
        reasons = [checked.unread for checked in self.checked]
        return tuple(dict.fromkeys(reason for reason in reasons if reason is not None))

    @property
    def problems(self) -> tuple[str, ...]:
        """What else is not as the entry says, or broken, each once with the cells that have it."""
        cells: dict[str, list[str]] = {}
        for checked in self.checked:
            for problem in checked.problems:
                cells.setdefault(problem, []).append(checked.cell.folder.name)
        return tuple(
            f"{names[0] if len(names) == 1 else f'{len(names)} cells'}: {problem}"
            for problem, names in cells.items()
        )


@contextlib.contextmanager
def open_entry(
    path: Path,
    *,
    task: str | None = None,
    data_root: Path | None = None,
    annotations: Path | None = None,
) -> Iterator[Entry]:
    """Unpack an entry into a temporary folder, check it, and score its answers again.

    Nothing that stands in the entry is imported, run or downloaded. The folder is removed at the
    block's end. A broken file of candidates' scores is left out, and told: no figure hangs on it.

    Args:
        path: the zip file.
        task: the task's card, annotation file or class, where it is none of the package's.
        data_root: the folder with the benchmark's annotations; videos are not needed.
        annotations: the annotation file, where it lies elsewhere.

    Raises:
        UserError: the file is no entry, or a part of it cannot be what it says (see `archive`,
            `rescoring`); the annotations given cannot be read; the task given is of no cell.
    """
    _refuse_folder(path)
    with tempfile.TemporaryDirectory(prefix="tspo-bench-") as temporary:
        folder = Path(temporary) / "run"
        manifest, broken = unpack_entry(path, folder)
        with _naming(path, folder):
            cells = read_run(folder)
            checker = Checker(folder, cells, task, data_root, annotations)
            checked = [checker.check(cell) for cell in cells]
            _write_again(folder, checked)
        name, version = str(manifest.get("name") or path.stem), str(manifest.get("tspo_bench"))
        said = manifest.get("description")
        description = None if said is None else str(said)
        told = tuple(_with_broken(one, broken) for one in checked)
        yield Entry(path, name, description, version, folder, told)


def unpack_entry(path: Path, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Unpack an entry into an empty folder, without the files that only pictures hang on.

    Returns:
        Its manifest; and what is wrong with the scores that are left out, by the cell's folder.

    Raises:
        UserError: as `unpack`; or it has no settings.
    """
    manifest = unpack(path, folder)
    if not (folder / RUN_FILE).is_file():
        raise UserError(f"{path} lacks {RUN_FILE!r}; get it anew")
    broken = {}
    for file in sorted(folder.glob(f"*/{SCORES_FILE}")):
        try:
            read_scores(file)
            if not file.read_bytes().endswith(b"\n"):
                raise UserError(f"{file}: its last line is cut")
        except UserError as error:
            broken[file.parent.name] = _inside(error, folder)
            file.unlink()
    return manifest, broken


def _source(checked: Checked) -> str:
    """Whose questions and right answers were used, in words, with how to have others."""
    is_others = checked.source == "entry" and not is_own(str(checked.cell.settings.task))
    return _SOURCE_OF_OTHERS if is_others else _SOURCES[checked.source]


def _refuse_folder(path: Path) -> None:
    if (path / RUN_FILE).is_file():
        raise UserError(
            f"{path} is a run's folder; pack it with tspo-bench submit {path} -o entry.zip, and "
            "check that file"
        )
    if path.is_dir():
        raise UserError(f"{path} is a folder; name the entry, a zip file")


@contextlib.contextmanager
def _naming(path: Path, folder: Path) -> Iterator[None]:
    """Say in errors which file of the entry they are about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {_inside(error, folder)}") from error


def _inside(error: UserError, folder: Path) -> str:
    """An error's text with the names that files have in the entry."""
    return str(error).replace(f"{folder}/", "")


def _with_broken(checked: Checked, broken: Mapping[str, str]) -> Checked:
    """A cell with what was found out about its files."""
    problems = list(checked.problems)
    if checked.cell.is_cut:
        problems.append(f"the last line of its {RECORDS_FILE} is cut, and not counted")
    if reason := broken.get(checked.cell.folder.name):
        problems.append(f"its curves are left out: {reason}")
    return replace(checked, problems=tuple(problems))


def _write_again(folder: Path, checked: Sequence[Checked]) -> None:
    """Put the records and settings that count in the place of those of the entry."""
    content: dict[str, Any] = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    for one in checked:
        cell = one.cell
        content["cells"][cell.folder.name] = cell.settings.to_json()
        lines = "".join(f"{record_to_line(record)}\n" for record in cell.records)
        cell.folder.mkdir(exist_ok=True)  # an entry may name a cell and hold no file of it
        (cell.folder / RECORDS_FILE).write_text(lines, encoding="utf-8")
        if cell.task_scores is not None:
            write_json(cell.folder / TASK_SCORES_FILE, asdict(cell.task_scores))
    write_json(folder / RUN_FILE, content)
