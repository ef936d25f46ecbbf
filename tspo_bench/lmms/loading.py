"""An lmms-eval task by name, from its own tasks or a folder of one's own.

lmms-eval takes seconds to import, and so is imported no sooner than a task is asked for.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.lmms.manifest import NAME
from tspo_bench.registry import did_you_mean

GENERATES = "generate_until"
_INCLUDE = re.compile(r"^include:[ \t]*(\S+)", re.MULTILINE)


def load_lmms_task(name: str, include: str | None = None) -> tuple[Any, str]:
    """A task of lmms-eval with its dataset, and a digest of the files that make it.

    Args:
        name: the task's.
        include: a folder with custom tasks: lmms-eval's --include_path.

    Raises:
        UserError: lmms-eval is not installed, has no such task, or it cannot be loaded; or it is a
            group, or of another output type than "generate_until".
    """
    label = f"lmms:{name}"
    folder = None if include is None else user_path(include).resolve()
    if folder is not None and not folder.is_dir():
        raise UserError(f"task {label!r}: there is no folder {include}; check include=")
    try:
        manager = _index(folder, with_own=False) if folder is not None else None
        if manager is None or name not in manager.task_index:
            manager = _index(folder, with_own=True)
    except ImportError as error:
        raise UserError(
            f"task {label!r} needs lmms-eval ({error}): install tspo-bench[lmms-eval]"
        ) from error
    entry = _entry(manager, name)
    try:
        loaded = manager.load_task_or_group(name, task_type="chat")
    except Exception as error:
        raise UserError(
            f"task {label!r} cannot be loaded: {_reason(error)}; `python -m lmms_eval --tasks "
            f"{name}` needs the same dataset and packages"
        ) from error
    task = loaded[name]
    if getattr(task, "OUTPUT_TYPE", None) != GENERATES:
        raise UserError(
            f"task {label!r} is of output type {task.OUTPUT_TYPE!r}; only tasks of type "
            f"{GENERATES!r} can be asked here"
        )
    return task, files_digest(Path(entry["yaml_path"]), task.config)


def version() -> str:
    """The installed lmms-eval's; "?" where it is not installed."""
    try:
        return importlib.metadata.version("lmms-eval")
    except importlib.metadata.PackageNotFoundError:
        return "?"


def _index(folder: Path | None, *, with_own: bool) -> Any:
    """The tasks of a folder, and those of lmms-eval itself, of which there are some 1500 files."""
    import lmms_eval.models  # noqa: F401 - sets its log to warnings: tasks log every aggregation
    from lmms_eval.tasks import TaskManager

    include = None if folder is None else str(folder)
    return TaskManager("ERROR", include, include_defaults=with_own, model_name=NAME)


def _entry(manager: Any, name: str) -> Mapping[str, Any]:
    """What lmms-eval's index says of a task."""
    entry = manager.task_index.get(name)
    if entry is None:
        hint = did_you_mean(name, manager.all_subtasks)
        raise UserError(
            f"unknown task 'lmms:{name}': {hint}lmms-eval has {len(manager.all_subtasks)} tasks; "
            "list them with `python -m lmms_eval --tasks list`, and give a folder of your own as "
            f"lmms:{name}[include=FOLDER]"
        )
    if entry["type"] not in ("task", "python_task"):
        tasks = entry["task"] if isinstance(entry["task"], list) else _tasks_of(entry)
        raise UserError(
            f"task 'lmms:{name}' is a {entry['type']} of tasks: {', '.join(map(str, tasks))}; name "
            "one of them, or several, separated by commas"
        )
    return dict(entry)


def _tasks_of(group: Mapping[str, Any]) -> list[str]:
    from lmms_eval.utils import load_yaml_config

    tasks = load_yaml_config(group["yaml_path"], mode="simple")["task"]
    return [task["task"] if isinstance(task, Mapping) else task for task in tasks]


def files_digest(path: Path, config: Any) -> str:
    """A hash of a task's YAML file, those it includes, and the modules of its functions."""
    modules = {Path(function.__code__.co_filename) for function in _functions(vars(config))}
    files = [*_with_includes(path), *sorted(modules, key=lambda module: module.name)]
    content = hashlib.sha256()
    for file in files:
        content.update(hashlib.sha256(file.read_bytes()).digest())
    return content.hexdigest()[:12]


def _with_includes(path: Path) -> Iterator[Path]:
    yield path
    for name in _INCLUDE.findall(path.read_text(encoding="utf-8")):
        yield from _with_includes(path.parent / name.strip("'\""))


def _functions(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _functions(part)
    elif hasattr(value, "__code__"):
        yield value


def _reason(error: Exception) -> str:
    """What failed at the last of the attempts that lmms-eval makes at a download."""
    last = getattr(error, "last_attempt", None)
    cause = last.exception() if last is not None else error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())[:300]}"
