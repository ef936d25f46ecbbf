"""The tasks of finished runs, loaded again as their commands named them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from tspo_bench.errors import UserError, VideoError
from tspo_bench.results import Cell
from tspo_bench.results.run import RUN_FILE
from tspo_bench.specs import parse_spec
from tspo_bench.tasks import (
    Task,
    digest_of,
    is_annotation_file,
    limit_questions,
    load_tasks,
    registry,
)
from tspo_bench.types import Question, SubtitleMode

# Options of the package's tasks that name no code to run.
_DATA_OPTIONS = frozenset(
    {
        *("split", "shuffle_options", "length", "objects", "videos", "language"),
        *("clips", "needles", "depths", "clip_seed"),
    }
)
_LONGEST_LABEL = 200


@dataclass(kw_only=True)
class RunTasks:
    """Load the task of a cell with the questions that it was asked.

    Folders and bundles may come from strangers: unless they are trusted, only tasks of the package
    and annotation files are loaded.

    Attributes:
        task: a spec that stands for every run's task; None for the one that each run names.
        data_root: where the annotations and videos lie now; None for where the runs had them.
        annotations: likewise.
        trust_tasks: load what else runs (never bundles) name, too: cards and classes, whose code is
            run.
        protocol: in place of the runs' own.
        hint: what to do about a task that is not trusted, for the message.
    """

    task: str | None = None
    data_root: Path | None = None
    annotations: Path | None = None
    trust_tasks: bool = False
    protocol: str | None = None
    hint: str | None = None
    _known: dict[tuple[Any, ...], tuple[Task, list[Question]] | UserError] = field(
        default_factory=dict, init=False
    )

    def load(self, cell: Cell) -> tuple[Task, list[Question]]:
        """Return a cell's task and questions.

        Raises:
            UserError: no command of the run leads to them any more.
        """
        names = ("task", "questions", "protocol", "limit")
        key = (cell.run_folder, *(getattr(cell.settings, name) for name in names))
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
        label, digest, limit = (
            getattr(cell.settings, key) for key in ("task", "questions", "limit")
        )
        reasons: list[str] = []
        commands = [{}] if self.task else [*_commands(cell.run_folder), {"tasks": [label]}]
        for command in commands:
            try:
                for task in self._tasks(cell, command):
                    questions = list(task.questions()) if task.label == label else []
                    if questions and limit is not None:
                        questions = limit_questions(questions, limit)
                    if questions and digest in (None, digest_of(questions)):
                        return task, questions
                    changed = f"the questions of task {label!r} have changed"
                    reasons.append(
                        changed if questions else f"task {task.label!r} is not {label!r}"
                    )
            except (UserError, VideoError) as error:
                reasons.append(str(error))
        raise UserError(reasons[0])

    def _tasks(self, cell: Cell, command: Mapping[str, Any]) -> list[Task]:
        """Load the tasks that a command named, as far as they are trusted."""
        root, annotations, evidence = (
            Path(path) if (path := command.get(name)) else None
            for name in ("data_root", "annotations", "evidence")
        )
        seeds = command.get("seeds")
        protocol, subtitles = split_title(str(cell.settings.protocol))
        return load_tasks(
            [self.task] if self.task else self._trusted(cell, command["tasks"]),
            data_root=self.data_root or root,
            annotations=self.annotations or annotations,
            evidence=evidence,
            split=command.get("split"),
            protocol=self.protocol or protocol.partition("@")[0] or None,
            subtitles=subtitles,
            shuffle_options=command.get("shuffle_options"),
            seed=seeds[0] if seeds else 0,
        )

    def _trusted(self, cell: Cell, named: list[Any]) -> list[str]:
        is_run = cell.run_folder.is_dir()
        trusts = self.trust_tasks and is_run
        specs = [spec for spec in map(str, named) if trusts or _is_data(spec)]
        if not specs:
            hint = self.hint or ("if the run is your own, add --trust-tasks" if is_run else "")
            raise UserError(
                f"task {str(named[0])[:80]!r} is not one of the package's and may run code"
                f"{hint and '; '}{hint}"
            )
        return specs


def split_title(title: str) -> tuple[str, SubtitleMode]:
    """Split a protocol's title into name@version and the subtitles: "strict@2+aligned"."""
    protocol, plus, subtitles = title.rpartition("+")
    if plus and subtitles in get_args(SubtitleMode):
        return protocol, cast("SubtitleMode", subtitles)
    return title, "none"


def is_packaged(label: str) -> bool:
    """Whether a label names a task of the package, with options that name no code to run."""
    if len(label) > _LONGEST_LABEL:
        return False
    try:
        spec = parse_spec(label)
    except UserError:
        return False
    plain = all(map(_is_plain, spec.options.values()))
    is_named = spec.argument is None and spec.name in registry.cards()
    return is_named and plain and _DATA_OPTIONS.issuperset(spec.options)


def _is_plain(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(one, str | int | float) for one in values)


def _is_data(spec: str) -> bool:
    """Whether loading a task runs no code but the package's."""
    return ("[" not in spec and is_annotation_file(spec)) or is_packaged(spec)


def _commands(run: Path) -> list[dict[str, Any]]:
    """The settings of a run's commands, the newest first; none for a bundle."""
    try:
        content = json.loads((run / RUN_FILE).read_text(encoding="utf-8"))
    except OSError:
        return []
    settings = [command.get("settings", {}) for command in reversed(content.get("commands", ()))]
    return [one for one in settings if one.get("tasks")]
