"""lmms-eval's tasks by name, its own or those of a folder.

lmms-eval takes seconds to import, so it is imported only when a task is loaded.
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
    """Load a task with its dataset; the second value is a hash of its files.

    Args:
        name: the task's.
        include: a folder with custom tasks: lmms-eval's --include_path.

    Raises:
        UserError: lmms-eval is not installed, or the task does not exist, cannot be loaded, is a
            group, or has another output type than "generate_until".
    """
    label = f"lmms:{name}"
    folder = None if include is None else user_path(include).resolve()
    if folder is not None and not folder.is_dir():
        raise UserError(f"task {label!r}: folder {include} not found; check include=")
    try:
        manager = _index(folder, defaults=folder is None)
        if name not in manager.task_index and folder is not None:
            manager = _index(folder, defaults=True)
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
    """Return the version of the installed lmms-eval; "?" without one."""
    try:
        return importlib.metadata.version("lmms-eval")
    except importlib.metadata.PackageNotFoundError:
        return "?"


def _index(folder: Path | None, *, defaults: bool) -> Any:
    """Index the tasks of a folder, and by `defaults` the 1500 files of lmms-eval itself."""
    import lmms_eval.models  # noqa: F401 - sets its log to warnings: tasks log every aggregation
    from lmms_eval.tasks import TaskManager

    include = None if folder is None else str(folder)
    return TaskManager("ERROR", include, include_defaults=defaults, model_name=NAME)


def _entry(manager: Any, name: str) -> Mapping[str, Any]:
    """Return a task's entry in lmms-eval's index."""
    entry = manager.task_index.get(name)
    if entry is None:
        hint = did_you_mean(name, manager.all_subtasks)
        raise UserError(
            f"unknown task 'lmms:{name}': {hint}lmms-eval has {len(manager.all_subtasks)} tasks; "
            "list them with `python -m lmms_eval --tasks list`, and give a folder of others as "
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
    """Return a hash of a task's YAML file, its includes, and the modules of its functions."""
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
    """Return the error of the last of lmms-eval's attempts at a download."""
    last = getattr(error, "last_attempt", None)
    cause = last.exception() if last is not None else error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())[:300]}"
