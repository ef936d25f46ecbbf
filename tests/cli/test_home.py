"""`~` in paths, also where no shell saw it (--out=~/run, file:~/sel.json), in every command."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tspo_bench.agent.checkpoint import find_agent
from tspo_bench.cli import app
from tspo_bench.cli.console import _with_home
from tspo_bench.errors import UserError
from tspo_bench.files import cache_folder, user_path
from tspo_bench.training.settings import train_config


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_every_command_expands_its_paths(home: Path) -> None:
    for registered in app.registered_commands:
        assert registered.callback is not None
        assert inspect.signature(registered.callback).parameters
        assert hasattr(registered.callback, "__wrapped__"), registered.callback.__name__
    given = _with_home(lambda **given: given)(
        a=Path("~/x"), b=[Path("~/y"), Path("z")], c="~/text", d=None, e=Path("a~/b")
    )
    assert given == {
        **{"a": home / "x", "b": [home / "y", Path("z")]},
        **{"c": "~/text", "d": None, "e": Path("a~/b")},
    }
    assert user_path("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")


def test_data_root_annotations_and_files(home: Path, cli: Cli, cache: Path) -> None:
    row = {"id": "q", "video": "v.mp4", "question": "?", "options": ["x", "y"], "answer": "A"}
    row |= {"duration": 10, "fps": 10, "evidence": [[1, 2]]}
    (home / "rows.jsonl").write_text(json.dumps(row))
    (home / "sel.json").write_text(json.dumps({"q": [15]}))
    found = cli(
        *("recall", "--task", "~/rows.jsonl", "--data-root=~", "--frames", "1"),
        *("--sampler", "file:~/sel.json", "--json"),
    )
    assert found.code == 0
    assert json.loads(found.out)["rows"][0]["evidence_recall"] == 1.0
    gone = cli("recall", "--task", "~/rows.jsonl", "--sampler", "file:~nobody-here/sel.json")
    assert gone.code == 2
    assert "cannot read frame selections ~nobody-here/sel.json" in gone.err


def test_an_unknown_users_home_is_no_traceback(home: Path) -> None:
    path = "~nobody-of-this-name/x"
    assert train_config("tspo", path, data=path, video_root=path).out == Path(path)
    with pytest.raises(UserError, match="~nobody-of-this-name"):
        find_agent(path, local_files_only=True)


def test_the_caches_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSPO_BENCH_CACHE", "~/kept")
    assert cache_folder("features") == home / "kept" / "features"
