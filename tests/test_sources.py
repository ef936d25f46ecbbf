"""Which source a class of a user's is made of."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tspo_bench.samplers.uniform import Uniform
from tspo_bench.sources import sources_of

Written = Callable[[dict[str, str]], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Writes files of an importable folder; what is loaded of it is forgotten."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    def written(files: dict[str, str]) -> None:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for module in set(sys.modules) - before:
            if str(getattr(sys.modules[module], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[module]
        importlib.invalidate_caches()

    return written


def load(module: str) -> ModuleType:
    return importlib.import_module(module)


def test_the_packages_own_have_none() -> None:
    assert sources_of(Uniform) == sources_of(dict) == {}


@pytest.mark.parametrize(
    ("files", "target", "modules"),
    [
        ({"one_a.py": "class X: pass"}, "one_a:X", {"one_a"}),
        (
            {"one_b.py": "from two_b import Y\nclass X(Y): pass", "two_b.py": "class Y: pass"},
            "one_b:X",
            {"one_b", "two_b"},
        ),
        (
            {"one_c.py": "class X:\n def f(self):\n  import two_c", "two_c.py": "import three_c",
             "three_c.py": "import json, numpy, tspo_bench.types"},
            "one_c:X",
            {"one_c", "two_c", "three_c"},
        ),
        (
            {"pkg_d/__init__.py": "", "pkg_d/in_d/__init__.py": "from . import far",
             "pkg_d/in_d/mod.py": "from ..base import Y\nfrom .. import other\nclass X(Y): pass",
             "pkg_d/in_d/far.py": "", "pkg_d/base.py": "class Y: pass", "pkg_d/other.py": "",
             "pkg_d/apart.py": ""},
            "pkg_d.in_d.mod:X",
            {"pkg_d", "pkg_d.in_d", "pkg_d.in_d.mod", "pkg_d.in_d.far", "pkg_d.base",
             "pkg_d.other"},
        ),
        (
            {"space_e/mod.py": "import space_e.near\nclass X: pass", "space_e/near.py": ""},
            "space_e.mod:X",
            {"space_e.mod", "space_e.near"},
        ),
        (
            {"ring_f.py": "import ring_g\nclass X: pass", "ring_g.py": "import ring_f"},
            "ring_f:X",
            {"ring_f", "ring_g"},
        ),
    ],
    ids=["alone", "a base class", "imports inside", "a package", "no __init__", "a ring"],
)  # fmt: skip
def test_a_module_and_all_that_it_imports(
    files: dict[str, str], target: str, modules: set[str], write: Written
) -> None:
    module, _, name = target.partition(":")
    write(files)
    before = sources_of(getattr(load(module), name))
    assert set(before) == modules
    assert sources_of(getattr(load(module), name)) == before
    write({})
    assert sources_of(getattr(load(module), name)) == before
    for path, text in files.items():
        write({path: text + "\n# edited"})
        after = sources_of(getattr(load(module), name))
        edited = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        changed = {key for key in before if after[key] != before[key]}
        assert changed == ({edited} & modules), path
        write({path: text})


def test_of_an_installed_package_the_version_counts() -> None:
    from importlib.metadata import version

    assert sources_of(pytest.Item) == {"pytest": f"=={version('pytest')}"}


SCRIPT = """
from tspo_bench.sources import sources_of
class X:
    needs = {needs}
    def f(self):
        return {value}
def g():
    return {value}
import functools
print(sources_of(X), sources_of(g))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["file", "typed"])
def test_a_script_and_an_interpreter(how: str, tmp_path: Path) -> None:
    def said(needs: str, value: str) -> str:
        text = SCRIPT.format(needs=needs, value=value)
        (tmp_path / "script.py").write_text(text)
        arguments = ["script.py"] if how == "file" else ["-c", text]
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout

    first = said("1", "2")
    assert "__main__" in first
    assert said("1", "2") == first
    assert said("1", "3") != first
    assert said("2", "2") != first
