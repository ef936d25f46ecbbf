"""Which source a class or function of a user's is made of: results and features depend on it."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType
from typing import Any

_OURS = __name__.partition(".")[0]
_LENGTH = 12  # hexadecimal digits of a hash
_INSTALLED = ("site-packages", "dist-packages")


def sources_of(target: object) -> dict[str, str]:
    """The source of a class or function, or of an object's class: module to a hash of it.

    Nothing ({}) for the package's own.

    What counts is all that a user edits: the file of its module, and the files of all modules that
    this imports, wherever in its text, and these in turn, as far as they are neither installed nor
    of Python itself. Of an installed package its version counts ({"name": "==1.2"}), of what was
    typed into an interpreter or notebook its text, else its compiled code.

    Found once in a process, which does not run what is edited meanwhile. A class of a module that
    is imported again is another one.
    """
    is_code = inspect.isclass(target) or inspect.isroutine(target)
    return dict(_sources_of(target if is_code else type(target)))


@functools.cache
def _sources_of(target: Any) -> dict[str, str]:
    name = getattr(inspect.unwrap(target), "__module__", None) or ""
    top = name.partition(".")[0]
    if top in (_OURS, "builtins"):
        return {}
    files = dict(_local_files(name))
    if files:
        return {module: _hash(path.read_bytes()) for module, path in sorted(files.items())}
    distributions = importlib.metadata.packages_distributions().get(top, ())
    if distributions:
        return {one: f"=={importlib.metadata.version(one)}" for one in sorted(set(distributions))}
    return {name: _hash(_text(target).encode())}


def _local_files(name: str) -> Iterator[tuple[str, Path]]:
    """A module's file and those of all that it imports, by module, if a user may edit them."""
    waiting, seen = [name], set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        spec = _spec(module)
        path = _file(module, spec)
        if path is None or not _is_local(path):
            continue
        yield module, path
        package, _, _ = module.rpartition(".")
        waiting += [package] if package else []
        is_package = spec is not None and spec.submodule_search_locations is not None
        if path.suffix == ".py":
            waiting += _imported(path, module if is_package else package)


def _imported(path: Path, package: str) -> Iterator[str]:
    """The names of modules that a file imports; some of them may be no modules but names in one."""
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:  # it was changed since it was imported
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                parents = parents[: len(parents) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _spec(module: str) -> ModuleSpec | None:
    """How a module is found, without importing anything but the packages that a user may edit."""
    loaded = sys.modules.get(module)
    if loaded is not None:
        return loaded.__spec__
    package, _, _ = module.rpartition(".")
    if package and not _is_users(package, _spec(package)):
        return None
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None


def _is_users(package: str, spec: ModuleSpec | None) -> bool:
    """Whether a package, one without an __init__.py too, is one that a user may edit."""
    path = _file(package, spec)
    if path is not None:
        return _is_local(path)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return bool(folders) and all(_is_local(Path(folder)) for folder in folders)


def _file(module: str, spec: ModuleSpec | None) -> Path | None:
    """A module's file; that of a script, which has no spec, is its own."""
    origin = spec.origin if spec is not None else getattr(sys.modules.get(module), "__file__", None)
    path = None if origin is None else Path(origin)
    return path if path is not None and path.is_file() else None


def _is_local(path: Path) -> bool:
    """Whether a file is a user's own: neither installed, nor of Python, nor of this package."""
    path = path.resolve()
    ours = Path(__file__).resolve().parent
    python = [Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "platstdlib")]
    installed = any(part in _INSTALLED for part in path.parts)
    return not installed and not any(path.is_relative_to(one) for one in (ours, *python))


def _text(target: object) -> str:
    """The text of something without a file; its compiled code if the text is not kept."""
    try:
        return inspect.getsource(target)  # type: ignore[arg-type]
    except (OSError, TypeError):
        return repr(_compiled(target))


def _compiled(target: object) -> object:
    code = getattr(target, "__code__", None)
    if isinstance(code, CodeType):
        constants = [_compiled_code(one) for one in code.co_consts]
        return [code.co_code.hex(), code.co_names, constants]
    if isinstance(target, type):
        members = {key: getattr(value, "__func__", value) for key, value in vars(target).items()}
        return [(key, _compiled(value)) for key, value in members.items() if _is_said(key, value)]
    return repr(target) if isinstance(target, str | bytes | int | float | tuple) else None


def _is_said(name: str, value: object) -> bool:
    """Whether a member of a class is there because its text says so."""
    return callable(value) or not name.startswith("__")


def _compiled_code(constant: object) -> object:
    if isinstance(constant, CodeType):
        return [constant.co_code.hex(), constant.co_names, *map(_compiled_code, constant.co_consts)]
    return repr(constant)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_LENGTH]
