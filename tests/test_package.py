"""The package as installed, the direction of its rooms, and the links of its pages."""

from __future__ import annotations

import json
import os
import re
import site
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import tspo_bench
from tspo_bench.registry import cards_folder

ROOT = Path(__file__).parents[1]
KINDS = ("tasks", "samplers")
# Prints where the package lies, the names found, and a sampler and a task built from cards.
LOOK = """
import json
from pathlib import Path
import tspo_bench
from tspo_bench import samplers, tasks
from tspo_bench.registry import cards_folder
print(json.dumps({
    "package": str(Path(tspo_bench.__file__).parent),
    "folders": [str(cards_folder(kind)) for kind in ("tasks", "samplers")],
    "tasks": list(tasks.registry.cards()),
    "samplers": list(samplers.registry.cards()),
    "aks": repr(samplers.load_sampler("aks[depth=4]")),
    "haystack": tasks.load_task("haystack[length=1min]").label,
}))
"""


def cards(kind: str) -> set[str]:
    return {path.stem for path in (ROOT / kind).glob("*.yaml")}


def look(python: Path, folder: Path, **environment: str) -> dict:
    """What that Python finds, started in another folder and without this session's paths."""
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-c", LOOK],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_found(found: dict) -> None:
    assert cards("tasks") <= set(found["tasks"])
    assert cards("samplers") <= set(found["samplers"])
    assert {"haystack", "mlvu", "videomme", "lvbench", "longvideobench"} <= set(found["tasks"])
    assert {"uniform", "aks", "oracle", "clip-topk", "random"} <= set(found["samplers"])
    assert "depth=4" in found["aks"]
    assert found["haystack"] == "haystack[length=1min]"


def test_the_checkout_finds_its_cards(tmp_path: Path) -> None:
    """An editable install, from a folder outside of the repository."""
    assert [cards_folder(kind) for kind in KINDS] == [ROOT / kind for kind in KINDS]
    found = look(Path(sys.executable), tmp_path)
    assert Path(found["package"]) == ROOT / "tspo_bench"
    check_found(found)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout, as `python -m build` makes it."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation"]  # tests ask no package index
    command = [*build, "--wheel", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_the_wheel_holds_cards_weights_and_every_module(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "tspo_bench", *KINDS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [name for name in tracked.stdout.splitlines() if (ROOT / name).exists()]
    expected = {
        name if name.startswith("tspo_bench/") else f"tspo_bench/cards/{name}" for name in files
    }
    assert len(expected) > 50
    assert expected <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert wheel.stat().st_size < 30e6  # both reference models take 25 MB at most


@pytest.mark.slow
def test_an_installed_wheel_works_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    """Into an empty environment, whose dependencies are this one's, found by a .pth file."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    (packages,) = (home / "lib").glob("python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:  # what an installer does with a pure wheel
        archive.extractall(packages)
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    found = look(python, tmp_path)
    assert Path(found["package"]) == packages / "tspo_bench"
    assert found["folders"] == [str(packages / "tspo_bench" / "cards" / kind) for kind in KINDS]
    assert str(ROOT) not in json.dumps(found)
    check_found(found)
    assert set(found["tasks"]) == set(look(Path(sys.executable), tmp_path)["tasks"])
    command = [str(python), "-c", "from tspo_bench.cli import main; main()", "--help"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "run" in shown.stdout


def test_rooms_import_only_what_lies_upstream() -> None:
    """import-linter's contracts in pyproject.toml hold, and name every room."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    named = {part.strip() for layer in contract["layers"] for part in layer.split("|")}
    rooms = {f"tspo_bench.{path.parent.name}" for path in ROOT.glob("tspo_bench/*/__init__.py")}
    assert rooms <= named


def test_the_version_is_the_projects() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    version = getattr(tspo_bench, "__version__", settings["project"]["version"])
    assert version == settings["project"]["version"]


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get: lower case, spaces to hyphens, signs left out."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_the_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue  # another site's
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links to {target}, which does not exist"
        assert linked.is_relative_to(ROOT)
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{page.name}: no heading for {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_named_in_the_text_exist(page: Path) -> None:
    """`docs/metrics.md` and the like, wherever they are mentioned."""
    for named in re.findall(
        r"`((?:docs|tasks|samplers|tspo_bench)/[\w/.-]+\.\w+)`", page.read_text()
    ):
        places = (ROOT / named, ROOT / "tspo_bench" / named)  # pages may speak of rooms
        assert any(place.exists() for place in places), f"{page.name} names {named}: no such file"


def test_pages_named_in_the_code_exist() -> None:
    for path in [*(ROOT / "tspo_bench").rglob("*.py"), ROOT / "pyproject.toml"]:
        for named in re.findall(r"\bdocs/[\w-]+\.md", path.read_text()):
            assert (ROOT / named).exists(), f"{path.name} names {named}, which does not exist"
