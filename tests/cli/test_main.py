"""The entry point: quick help, version, names of commands."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys

import pytest
from typer import Context
from typer.main import get_command

from tests.cli.conftest import Cli
from tspo_bench.cli import app
from tspo_bench.cli.console import Commands

HEAVY = ("torch", "transformers", "av", "pandas", "matplotlib", "numpy")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from tspo_bench.cli import main\n"
        "for args in (['--help'], ['run', '--help'], ['doctor', '-h'], ['--version']):\n"
        "    sys.argv = ['tspo-bench', *args]\n"
        "    try: main()\n"
        "    except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout.count("Usage:") == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("locate", "recall"),
        ("check-entry", "rescore"),
        ("verify-baseline", "report RUN --published"),
    ],
)
def test_commands_of_earlier_versions_name_the_new_one(cli: Cli, old: str, new: str) -> None:
    done = cli(old, "x", "--task", "y")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"tspo-bench {old} is now: tspo-bench {new}\n"


def test_every_option_has_its_panel_and_every_help_an_example() -> None:
    group = get_command(app)
    assert isinstance(group, Commands)
    for name in group.list_commands(Context(group)):
        command = group.get_command(Context(group), name)
        if name != "run":
            assert f"Example: tspo-bench {name}" in command.help
        for parameter in command.params:
            is_option = parameter.opts[0].startswith("--")
            assert (parameter.rich_help_panel is not None) == is_option, parameter.opts


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"tspo-bench {importlib.metadata.version('tspo-bench')}\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["rum"], "No such command 'rum'"),
        (["run", "--sampelr", "aks"], "No such option"),
        (["list", "model"], "'model' is not one of"),
        (["list"], "Missing argument"),
        (["encode"], "give --task, or the training data with --data"),
    ],
)
def test_usage_errors(cli: Cli, args: list[str], said: str) -> None:
    done = cli(*args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


@pytest.mark.usefixtures("films")
def test_lists_add_up(cli: Cli) -> None:
    words = ("recall", "--task", "films.jsonl", "--json")
    at_once = cli(*words, "--sampler", "uniform,random", "--frames", "2,3")
    one_by_one = cli(
        *(*words, "--sampler", "uniform", "--frames=2", "--sampler=random", "--frames", "3")
    )
    assert at_once.code == one_by_one.code == 0
    asked = [
        [(row["sampler"], row["frames"]) for row in json.loads(done.out)["rows"]]
        for done in (at_once, one_by_one)
    ]
    assert asked[0] == asked[1]
    assert set(asked[0]) >= {("uniform", 2), ("random", 3)}
    assert "requires an argument" in cli(*words, "--sampler", "uniform", "--sampler").err
