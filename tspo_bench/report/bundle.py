"""A run as one zip file: the files of its folder, and a manifest with their SHA-256.

Unzipped, a bundle is the run's folder again. `questions.jsonl` has the options of each question,
since some replies repeat an option in place of its letter. Only files that the manifest lists are
read: their names are of a few forms, so none leaves the folder, and their sizes are bounded. The
hashes show that a bundle is complete, not who made it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write
from tspo_bench.report.run_tasks import RunTasks
from tspo_bench.results import Cell, read_run
from tspo_bench.results.cell import RECORDS_FILE, SCORES_FILE, TASK_SCORES_FILE
from tspo_bench.results.environment import package_version
from tspo_bench.results.reading import CELL_NAME
from tspo_bench.results.run import RUN_FILE
from tspo_bench.types import JSON

FORMAT = 1
MANIFEST = "manifest.json"
QUESTIONS_FILE = "questions.jsonl"
MAX_BYTES = 1 << 30  # of all files together, unpacked
MAX_MANIFEST_BYTES = 64 << 20
_CELL_FILES = (RECORDS_FILE, SCORES_FILE, TASK_SCORES_FILE)
# What zipfile and json raise for damaged files.
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, TypeError, AttributeError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)


@dataclass(frozen=True)
class Bundle:
    """A written bundle; `warnings` say what it lacks."""

    path: Path
    sha256: str
    num_bytes: int
    num_cells: int
    num_records: int
    warnings: tuple[str, ...]


def write_bundle(
    run: Path, out: Path, *, data_root: Path | None = None, annotations: Path | None = None
) -> Bundle:
    """Write a run as a bundle; equal runs make equal files.

    Args:
        run: its folder; cells may be unfinished.
        out: the zip file.
        data_root: where the annotations lie now; None for where the run had them.
        annotations: likewise.

    Raises:
        UserError: the folder is not a run or has no record, or the file cannot be written or would
            be too large to be read again.
    """
    cells = [cell for cell in read_run(run) if cell.records]
    if not cells:
        raise UserError(f"{run} has no records yet: there is nothing to bundle")
    warnings = [
        f"{cell.folder.name} is unfinished: {len(cell.records)} of {planned} questions"
        for cell in cells
        if len(cell.records) < (planned := cell.settings.num_questions or 0)
    ]
    tasks = RunTasks(data_root=data_root, annotations=annotations, trust_tasks=True)
    files = {
        RUN_FILE: (run / RUN_FILE).read_bytes(),
        QUESTIONS_FILE: _options(cells, tasks, warnings),
    }
    for cell in cells:
        for name in _CELL_FILES:
            if (cell.folder / name).is_file():
                files[f"{cell.folder.name}/{name}"] = (cell.folder / name).read_bytes()
    write_archive(out, files, {"tspo_bench": package_version("tspo-bench")})
    content, num_records = out.read_bytes(), sum(len(cell.records) for cell in cells)
    sha256 = hashlib.sha256(content).hexdigest()
    return Bundle(out, sha256, len(content), len(cells), num_records, tuple(warnings))


def _options(cells: Iterable[Cell], tasks: RunTasks, warnings: list[str]) -> bytes:
    """Return the options of every question, a line each; a task that is gone is a warning."""
    lines: dict[str, None] = {}
    for cell in cells:
        label = cell.settings.task
        asked = {record.question_id for record in cell.records}
        try:
            for one in tasks.load(cell)[1]:
                if one.id in asked:
                    line = {"task": label, "id": one.id, "options": one.options}
                    lines[json.dumps(line)] = None
        except UserError as error:
            warning = f"the options of task {label!r} are missing, which rescore may need: {error}"
            if warning not in warnings:
                warnings.append(warning)
    return "".join(f"{line}\n" for line in lines).encode()


def write_archive(path: Path, files: Mapping[str, bytes], about: Mapping[str, JSON]) -> None:
    """Write files with their manifest, in one piece.

    Raises:
        UserError: it cannot be written, or `unpack` could not read it.
    """
    listed = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in files.items()
    }
    manifest = json.dumps({"format": FORMAT, **about, "files": listed}, indent=1).encode() + b"\n"
    with atomic_write(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, content in {**files, MANIFEST: manifest}.items():
                info = zipfile.ZipInfo(name)  # without a date
                info.external_attr = 0o644 << 16
                archive.writestr(info, content, zipfile.ZIP_DEFLATED)
        with tempfile.TemporaryDirectory(prefix="tspo-bench-") as folder:
            unpack(temporary, Path(folder))


def unpack(path: Path, folder: Path) -> None:
    """Unpack a bundle into a folder: the files that its manifest lists, each checked.

    Raises:
        UserError: the file is not a bundle, is too large, or a part differs from the manifest.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name, sha256 in _listed(archive).items():
                content = archive.read(name)
                if hashlib.sha256(content).hexdigest() != sha256:
                    raise UserError(
                        f"{path}: {name!r} differs from its {MANIFEST}; download it again"
                    )
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise UserError(
            f"{path} is not a bundle (tspo-bench bundle), or is damaged: {str(error)[:200]}"
        ) from error


def _listed(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the SHA-256 of each file that the manifest lists, if all of them may be unpacked.

    Raises:
        ValueError: one of them may not.
    """
    if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
        raise ValueError(f"{MANIFEST} is larger than {MAX_MANIFEST_BYTES >> 20} MiB")
    manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
    if manifest.get("format") != FORMAT:
        raise ValueError(f"format {manifest.get('format')!r}; this version reads {FORMAT}")
    # Bundles of earlier versions may have pictures too.
    names = [name for name in manifest["files"] if not name.startswith("frames/")]
    for name in names:
        if not _is_file_of_a_run(name):
            raise ValueError(f"{name[:200]!r} is not the name of a run's file")
    if RUN_FILE not in names:
        raise ValueError(f"it has no {RUN_FILE}")
    if sum(archive.getinfo(name).file_size for name in names) > MAX_BYTES:
        raise ValueError(f"it holds more than {MAX_BYTES >> 20} MiB")
    return {name: manifest["files"][name]["sha256"] for name in names}


def _is_file_of_a_run(name: str) -> bool:
    cell, slash, file = name.partition("/")
    if slash:
        return CELL_NAME.fullmatch(cell) is not None and file in _CELL_FILES
    return name in (RUN_FILE, QUESTIONS_FILE)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Yield the folder of a run: `path`, or where the bundle `path` is unpacked for the block.

    Raises:
        UserError: as `unpack`; errors in the block about the folder's files name the bundle.
    """
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="tspo-bench-") as temporary:
        unpack(path, Path(temporary))
        try:
            yield Path(temporary)
        except UserError as error:
            raise UserError(str(error).replace(temporary, str(path))) from error


def is_bundle(path: Path) -> bool:
    """Whether a zip file is a bundle; one that is cut off still begins with a run's first file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {MANIFEST, RUN_FILE} <= set(archive.namelist())
    except (ValueError, NotImplementedError, zipfile.BadZipFile, struct.error):
        with path.open("rb") as file:
            return file.read(30 + len(RUN_FILE)).endswith(RUN_FILE.encode())
    except OSError:
        return False
