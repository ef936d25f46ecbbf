"""A run into one file that others can check: settings, records, scores, the questions' options.

What is nobody's business stays behind (`scrub`). Records are written anew, as they count: a
question that was asked again after a failure has its last record alone. A task's own figures
(`task_scores.json`) and summaries stay behind, too: they follow from the records.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.report.entries.archive import FRAMES_FOLDER, QUESTIONS_FILE, write_archive
from tspo_bench.report.entries.pictures import draw_pictures
from tspo_bench.report.entries.scrub import Scrubber
from tspo_bench.results import Cell, cell_slug, read_run, record_to_line
from tspo_bench.results.cell import RECORDS_FILE, SCORES_FILE
from tspo_bench.results.environment import package_version
from tspo_bench.results.run import RUN_FILE
from tspo_bench.results.scores import read_scores, scores_to_line
from tspo_bench.tasks import Task, load_tasks
from tspo_bench.types import JSON, Record


@dataclass(frozen=True)
class Packed:
    """What was written; `warnings` say what the entry lacks."""

    path: Path
    sha256: str
    num_bytes: int
    num_cells: int
    num_records: int
    num_pictures: int
    warnings: tuple[str, ...]


def pack(
    run: Path,
    out: Path,
    *,
    name: str | None = None,
    description: str | None = None,
    with_frames: bool = False,
    data_root: Path | None = None,
    annotations: Path | None = None,
) -> Packed:
    """Write a run as an entry.

    Args:
        run: its folder; cells may be unfinished.
        out: the zip file.
        name: what reports call it; None for the folder's name.
        description: a text of any length.
        with_frames: add the pictures that the models were shown, scaled down (`pictures`).
        data_root: where the annotations (for the options) and videos lie now; None for where the
            run had them.
        annotations: likewise.

    Raises:
        UserError: the folder is no run or has no record, a picture is asked for whose video is not
            there, or the file cannot be written or would be larger than an entry may be.
    """
    cells = [cell for cell in read_run(run) if cell.records]
    if not cells:
        raise UserError(f"{run} has no records yet: there is nothing to publish")
    packer = _Packer(run, cells, data_root, annotations)
    about: dict[str, JSON] = {
        "name": name or run.resolve().name,
        "description": description,
        "tspo_bench": package_version("tspo-bench"),
        "commands": packer.commands(),
    }
    write_archive(out, packer.files(with_frames), about)
    return packer.packed(out)


class _Packer:
    """The files of one run's entry."""

    def __init__(
        self, run: Path, cells: Sequence[Cell], data_root: Path | None, annotations: Path | None
    ) -> None:
        self.cells = cells
        self.num_pictures = 0
        self._content: dict[str, Any] = json.loads((run / RUN_FILE).read_text(encoding="utf-8"))
        folders = {str(run.absolute()): "RUN", os.getcwd(): "."}
        for command in self._content["commands"]:
            settings = command.get("settings", {})
            names = (("annotations", "ANNOTATIONS"), ("data_root", "DATA_ROOT"), ("out", "RUN"))
            folders |= {str(settings[key]): word for key, word in names if settings.get(key)}
        self._scrub = Scrubber(folders)
        self._videos = _relative({r.video for cell in cells for r in cell.records}, self._scrub)
        self._by_slug = self._named()
        self._tasks, self._untold = _tasks(self._content, cells, data_root, annotations)

    def commands(self) -> list[JSON]:
        """The command lines that made the run, each as one text."""
        commands = [self._scrub.command(each["command"]) for each in self._content["commands"]]
        return [shlex.join(command) for command in commands]

    def files(self, with_frames: bool) -> Iterator[tuple[str, bytes]]:
        """Every file of the entry, but for the manifest."""
        yield RUN_FILE, self._run_file()
        for slug, cell in self._by_slug.items():
            yield f"{slug}/{RECORDS_FILE}", _lines(map(self._record, cell.records))
            scores = read_scores(cell.folder / SCORES_FILE)
            known = [scores[r.question_id] for r in cell.records if r.question_id in scores]
            if known:
                yield f"{slug}/{SCORES_FILE}", _lines(map(scores_to_line, known))
        yield QUESTIONS_FILE, self._questions_file()
        if with_frames:
            yield from self._pictures()

    def packed(self, out: Path) -> Packed:
        """What was written to a file; after `files`."""
        content = out.read_bytes()
        return Packed(
            path=out,
            sha256=hashlib.sha256(content).hexdigest(),
            num_bytes=len(content),
            num_cells=len(self.cells),
            num_records=sum(len(cell.records) for cell in self.cells),
            num_pictures=self.num_pictures,
            warnings=tuple(self._warnings()),
        )

    def _named(self) -> dict[str, Cell]:
        """The cells by their folders' names in the entry: of what is published of their labels."""
        named: dict[str, Cell] = {}
        for cell in self.cells:
            name = cell.folder.name
            labels = [cell.settings.task, cell.settings.sampler, cell.settings.model]
            scrubbed = [self._scrub.text(label) for label in labels]
            if scrubbed != labels:
                tokens, frames = cell.settings.visual_tokens, cell.settings.frames
                budget = f"k{frames}" if tokens is None else f"v{tokens}"
                task, sampler, model = scrubbed
                name = cell_slug(task, sampler, model, budget, cell.settings.seed)
            while name in named:  # only what is taken out told the two apart
                name += "--again"
            named[name] = cell
        return named

    def _run_file(self) -> bytes:
        commands = [
            {
                **{key: self._scrub.value(value) for key, value in command.items()},
                "command": self._scrub.command(command["command"]),
            }
            for command in self._content["commands"]
        ]
        cells = {
            slug: self._scrub.value(cell.settings.to_json()) for slug, cell in self._by_slug.items()
        }
        content = {**self._content, "commands": commands, "cells": cells}
        return json.dumps(content, indent=2).encode() + b"\n"

    def _record(self, record: Record) -> str:
        """A record's line: what model, protocol and annotations say in it is left as it is."""
        return record_to_line(
            replace(
                record,
                video=self._videos[record.video],
                notes=self._scrub.value(record.notes),
                error=None if record.error is None else self._scrub.text(record.error),
            )
        )

    def _questions_file(self) -> bytes:
        """The options of every question, which some replies repeat in place of a letter."""
        asked = {(c.settings.task, r.question_id) for c in self.cells for r in c.records}
        return _lines(
            json.dumps(
                {"task": self._scrub.text(label), "id": question.id, "options": question.options}
            )
            for label, task in self._tasks.items()
            for question in task.questions()
            if (label, question.id) in asked
        )

    def _pictures(self) -> Iterator[tuple[str, bytes]]:
        shown: dict[tuple[str, str], set[int]] = {}
        for cell in self.cells:
            for record in cell.records:
                shown.setdefault((cell.settings.task, record.video), set()).update(record.frames)
        for (label, video), indices in shown.items():
            if label not in self._tasks:
                raise UserError(f"no pictures of task {label!r}: {self._untold[label]}")
            folder = picture_folder(self._scrub.text(label), self._videos[video])
            for index, picture in draw_pictures(self._tasks[label], video, sorted(indices)):
                self.num_pictures += 1
                yield f"{FRAMES_FOLDER}/{folder}/{index}.jpg", picture

    def _warnings(self) -> Iterator[str]:
        """What the entry lacks."""
        for label, reason in self._untold.items():
            yield (
                f"task {label!r}: the options are not in the entry, so that replies can be read "
                f"again with the annotations alone: {reason}"
            )
        for cell in self.cells:
            done, planned = len(cell.records), cell.settings.num_questions or 0
            if done < planned:
                yield f"{cell.folder.name} is unfinished: {done} of {planned} questions"


def picture_folder(task: str, video: str) -> str:
    """The name of the folder with a video's pictures."""
    return hashlib.sha256(f"{task}\0{video}".encode()).hexdigest()[:16]


def _tasks(
    content: Mapping[str, Any],
    cells: Sequence[Cell],
    data_root: Path | None,
    annotations: Path | None,
) -> tuple[dict[str, Task], dict[str, str]]:
    """The tasks of a run by label, and why some of them cannot be had (their data is gone, say)."""
    tasks: dict[str, Task] = {}
    reasons: list[str] = []
    for command in content["commands"]:
        settings = command.get("settings", {})
        root, file = (
            given or (Path(settings[key]) if settings.get(key) else None)
            for key, given in (("data_root", data_root), ("annotations", annotations))
        )
        try:
            found = load_tasks(
                settings.get("tasks", ()),
                data_root=root,
                annotations=file,
                split=settings.get("split"),
                seed=(settings.get("seeds") or [0])[0],
            )
            tasks |= {task.label: task for task in found if task.questions()}
        except UserError as error:
            reasons.append(str(error))
    why = reasons[0] if reasons else "no command of the run tells where it is from"
    wanted = dict.fromkeys(cell.settings.task for cell in cells)
    return tasks, {label: why for label in wanted if label not in tasks}


def _relative(videos: set[str], scrub: Scrubber) -> dict[str, str]:
    """Each video's name as it is published: absolute ones start below what they have in common."""
    absolute = [video for video in videos if os.path.isabs(video)]
    common = os.path.commonpath([os.path.dirname(video) for video in absolute] or ["/"])
    return {
        video: os.path.relpath(video, common) if video in absolute else scrub.text(video)
        for video in videos
    }


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
