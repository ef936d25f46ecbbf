"""The folder of a page, new or in place of an older page, and its data as scripts.

A page that is opened as a file may load scripts, but fetch nothing: data come as calls of a
function.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write, make_folder
from tspo_bench.report.figures.vega import vega_script

PAGE_FILE = "index.html"
GENERATOR = '<meta name="generator" content="tspo-bench">'
_FOLDERS = ("assets", "data", "plots", "thumbs")
_HINT = "name another folder with --html"


class PageFolder:
    """A page's folder.

    Args:
        path: new, empty, or an older page, whose files are removed.

    Raises:
        UserError: it cannot be written, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_dir():
            raise UserError(f"{path} is a file; {_HINT}")
        self.path = make_folder(path, _HINT)
        if any(path.iterdir()) and not _is_page(path / PAGE_FILE):
            raise UserError(f"{path} is not empty and holds no report; {_HINT}")
        for name in _FOLDERS:
            if (path / name).exists():
                shutil.rmtree(path / name)
            make_folder(path / name, _HINT)
        # Until the page is there: a folder that was left half written can be written again.
        self.write(PAGE_FILE, f"<!doctype html>{GENERATOR}<title>not finished</title>")

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file.

        Raises:
            UserError: the disk is full.
        """
        make_folder((self.path / name).parent, _HINT)
        with atomic_write(self.path / name, f"make room, or {_HINT}") as temporary:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)

    def write_data(self, name: str, content: Mapping[str, Any]) -> None:
        """Write data that the page asks for by name: `data/<name>.js`."""
        self.write(f"data/{name}.js", data_script(name, content))

    def copy_assets(self) -> None:
        """Copy the style sheet and the scripts, Vega-Lite's among them."""
        for entry in (resources.files("tspo_bench.report.html") / "assets").iterdir():
            self.write(f"assets/{entry.name}", entry.read_bytes())
        self.write("assets/vega.js", vega_script())


def data_script(name: str, content: Mapping[str, Any]) -> str:
    """A script that hands data to the page: ASCII alone, and nothing that could end a script."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f"tspoBench.give({json.dumps(name)},{text});\n"


def _is_page(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return GENERATOR in file.read(2000)
