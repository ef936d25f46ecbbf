"""Reports that show what was asked: `write_report` adds texts and pictures to results."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tspo_bench.errors import UserError, VideoError
from tspo_bench.report.comparison import Prices
from tspo_bench.report.entries.archive import FRAMES_FOLDER
from tspo_bench.report.entries.entry import unpack_entry
from tspo_bench.report.entries.packing import picture_folder
from tspo_bench.report.entries.pictures import read_pictures
from tspo_bench.report.entries.rescoring import own_task
from tspo_bench.report.html import write_html
from tspo_bench.report.html.page import THUMBNAILS
from tspo_bench.report.rows import BASELINE
from tspo_bench.results import Cell
from tspo_bench.results.run import RUN_FILE
from tspo_bench.tasks import Task, digest_of, is_annotation_file, limit_questions, load_tasks
from tspo_bench.types import Frames, IntArray, Question
from tspo_bench.video import open_video


def write_report(
    cells: Sequence[Cell],
    out: Path,
    *,
    baseline: str = BASELINE,
    prices: Prices | None = None,
    agents: Sequence[Path] = (),
    thumbnails: int = THUMBNAILS,
    data_root: Path | None = None,
    annotations: Path | None = None,
    trust_tasks: bool = False,
    told: Callable[[int, int], None] = lambda done, total: None,
    notes: Sequence[str] = (),
    errors: Sequence[str] = (),
) -> Path:
    """Write the page of `report.html.write_html`, with the texts and pictures that can be had.

    Args:
        cells: of any number of runs.
        out: the page's folder: new, empty, or an older page, which it takes the place of.
        baseline: the sampler that each row is compared with, as a spec.
        prices: what a server bills.
        agents: folders of training runs, whose curves are shown.
        thumbnails: of each question set, how many questions get pictures of their frames.
        data_root: where the annotations and videos lie now; None for where the runs had them.
        annotations: likewise.
        trust_tasks: see `TaskSource`.
        told: told of the pictures: how many videos of a question set are done, and of how many.
        notes: what a reader must know of the cells (`gather`).
        errors: what could not be read, and is left out.

    Returns:
        The page's path.

    Raises:
        UserError: as `write_html`.
    """
    with _unpacked(cells) as entries:
        return write_html(
            cells,
            out,
            source=TaskSource(data_root, annotations, trust_tasks, entries),
            baseline=baseline,
            prices=prices,
            agents=agents,
            thumbnails=thumbnails,
            told=told,
            entries=entries,
            notes=notes,
            errors=errors,
        )


@contextlib.contextmanager
def _unpacked(cells: Sequence[Cell]) -> Iterator[dict[Path, Path]]:
    """Where the files of published entries lie while a page is written, by their zip file."""
    with tempfile.TemporaryDirectory(prefix="tspo-bench-") as temporary:
        folders: dict[Path, Path] = {}
        for path in dict.fromkeys(cell.run_folder for cell in cells):
            if path.is_file():
                folders[path] = Path(temporary) / str(len(folders))
                unpack_entry(path, folders[path])
        yield folders


class TaskSource:
    """Texts and pictures from the tasks of runs, loaded again as their commands named them.

    A task is taken only if its questions are still those that were asked. Folders may come from
    strangers: unless they are trusted, only tasks of the package's own and annotation files are
    loaded.

    Args:
        data_root: where the annotations and videos lie now; None for where the runs had them.
        annotations: likewise.
        trust_tasks: load whatever else runs (never entries) name, too: cards and classes, whose
            code is run.
        entries: where the files of published entries lie, by their zip file; pictures among them
            stand in for videos that are not there.
    """

    def __init__(
        self,
        data_root: Path | None = None,
        annotations: Path | None = None,
        trust_tasks: bool = False,
        entries: Mapping[Path, Path] = MappingProxyType({}),
    ) -> None:
        self._places = {"data_root": data_root, "annotations": annotations}
        self._trust_tasks = trust_tasks
        self._entries = entries
        self._known: dict[tuple[Any, ...], tuple[Task, list[Question]] | UserError] = {}

    def questions(self, cell: Cell) -> Sequence[Question]:
        """See `report.html.QuestionSource`."""
        return self._loaded(cell)[1]

    def tolerance(self, cell: Cell) -> float:
        """See `report.html.QuestionSource`."""
        return self._loaded(cell)[0].tolerance_seconds

    def frames(self, cell: Cell, video: str, indices: IntArray, short_side: int) -> Frames:
        """See `report.html.QuestionSource`."""
        try:
            with open_video(self._loaded(cell)[0].video_path(video)) as reader:
                return reader.fetch(indices, short_side=short_side)
        except (UserError, VideoError):
            pictures = self._pictures(cell, video, indices.tolist())
            if pictures is None:
                raise
        return read_pictures(pictures, indices.tolist(), short_side)

    def _pictures(self, cell: Cell, video: str, indices: Sequence[int]) -> list[Path] | None:
        """The files of a video's frames in entries, if all of them are there."""
        name = picture_folder(str(cell.settings.task), video)
        folders = [entry / FRAMES_FOLDER / name for entry in self._entries.values()]
        paths = [
            next(filter(Path.is_file, (folder / f"{index}.jpg" for folder in folders)), None)
            for index in indices
        ]
        return None if None in paths else [path for path in paths if path is not None]

    def _loaded(self, cell: Cell) -> tuple[Task, list[Question]]:
        key = (cell.run_folder, cell.settings.task, cell.settings.questions)
        if key not in self._known:
            try:
                self._known[key] = self._load(cell)
            except UserError as error:
                self._known[key] = error
        known = self._known[key]
        if isinstance(known, UserError):
            raise known
        return known

    def _load(self, cell: Cell) -> tuple[Task, list[Question]]:
        """The task of a cell with the questions that it was asked.

        Raises:
            UserError: no command of the run leads to it any more.
        """
        settings = cell.settings
        label, digest, limit = settings.task, settings.questions, settings.limit
        reasons: list[str] = []
        for command in [*_commands(cell.run_folder), {"tasks": [label]}]:
            try:
                for task in self._tasks(command, is_run=cell.run_folder.is_dir()):
                    questions = list(task.questions()) if task.label == label else []
                    if questions and limit is not None:
                        questions = limit_questions(questions, limit)
                    if questions and digest in (None, digest_of(questions)):
                        return task, questions
                    if questions:
                        reasons.append(f"the questions of task {label!r} are others now")
            except (UserError, VideoError) as error:
                reasons.append(str(error))
        raise UserError(reasons[0] if reasons else f"task {label!r} is not known here")

    def _tasks(self, command: Mapping[str, Any], is_run: bool) -> list[Task]:
        """The tasks that a command named, as far as they may be loaded.

        Raises:
            UserError: there is none, or one cannot be loaded.
        """
        named = [str(spec) for spec in command["tasks"]]
        specs = [spec for spec in named if (self._trust_tasks and is_run) or _is_data(spec)]
        if not specs:
            hint = "; if the run is your own, add --trust-tasks" if is_run else ""
            raise UserError(
                f"task {named[0][:80]!r} is none of the package's, and may run code{hint}"
            )
        paths = {
            name: place or (Path(command[name]) if command.get(name) else None)
            for name, place in self._places.items()
        }
        seeds = command.get("seeds")
        return load_tasks(
            specs,
            data_root=paths["data_root"],
            annotations=paths["annotations"],
            split=command.get("split"),
            protocol=command.get("protocol"),
            subtitles=command.get("subtitles") or "none",
            seed=seeds[0] if seeds else 0,
        )


def _is_data(spec: str) -> bool:
    """Whether loading a task runs no code but the package's: one of its own, or annotations."""
    if "[" not in spec and is_annotation_file(spec):
        return True
    try:
        own_task(spec)
    except UserError:
        return False
    return True


def _commands(run: Path) -> list[dict[str, Any]]:
    """What the commands of a run asked, the newest first; none of a published entry."""
    try:
        content = json.loads((run / RUN_FILE).read_text(encoding="utf-8"))
    except OSError:
        return []
    settings = [command.get("settings", {}) for command in reversed(content.get("commands", ()))]
    return [one for one in settings if one.get("tasks")]
