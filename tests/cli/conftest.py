"""The command line in this process, in a folder of its own with a small task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.films import make_films
from tspo_bench.cli import app

Cli = Callable[..., "Result"]


class Result:
    """What a command printed and how it ended."""

    def __init__(self, *args: str) -> None:
        done = CliRunner().invoke(app, list(args))
        # A bug would come out as its own exception, with a traceback.
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        self.code, self.out, self.err = done.exit_code, done.stdout, done.stderr

    @property
    def error(self) -> str:
        """The one line that a mistake ends in."""
        assert self.out == ""
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert [self.err.splitlines()[-1]] == errors
        return errors[0]


@pytest.fixture
def cli(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run a command in the temporary folder, with an empty cache."""
    monkeypatch.chdir(tmp_path)
    return Result


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return make_films(tmp_path)


def without(words: Sequence[str], option: str) -> list[str]:
    """A command without an option that is a list: given again, it would add to it."""
    place = words.index(option) if option in words else len(words)
    return [*words[:place], *words[place + 2 :]]
