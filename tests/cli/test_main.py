"""The entry point: quick help, version, names of commands."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

HEAVY = ("torch", "transformers", "av", "pandas", "matplotlib", "numpy")
SCRIPT = Path(sys.executable).with_name("tspo-bench")


def test_help_is_quick() -> None:
    """0.2 s on an idle machine; the bound of 0.5 s is generous where two commands share a core."""

    def seconds() -> float:
        started = time.perf_counter()
        done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True)
        assert "run" in done.stdout
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 0.5


@pytest.mark.parametrize("args", [["--help"], ["run", "--help"], ["doctor", "-h"], ["--version"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys, typer\n"
        "from tspo_bench.cli import main\n"
        f"sys.argv = ['tspo-bench', *{args}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"tspo-bench {importlib.metadata.version('tspo-bench')}\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["rum"], "No such command 'rum'"),
        (["run", "--sampelr", "aks"], "No such option"),
        (["list", "model"], "'model' is not one of"),
        (["list"], "Missing argument"),
        (["encode"], "Missing option '--task'"),
    ],
)
def test_usage_errors(cli: Cli, args: list[str], said: str) -> None:
    done = cli(*args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
