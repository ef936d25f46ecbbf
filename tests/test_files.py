"""Files are written whole or not at all, and a full disk is a user's matter."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from tests.support import little_room
from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write


def test_readers_see_the_old_version_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.suffix == ".json"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.json"]
    (tmp_path / "plain").write_text("")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [ValueError("half"), KeyboardInterrupt()])
def test_what_breaks_off_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with contextlib.suppress(type(error)), atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("ha")
        raise error
    assert os.listdir(tmp_path) == []


def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with (
        little_room(100),
        pytest.raises(UserError) as caught,
        atomic_write(path, "make room") as temporary,
    ):
        temporary.write_bytes(bytes(1000))
    assert str(caught.value) == f"cannot write {path}: File too large; make room"
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_is_gone_or_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, reason in (("gone/a", "No such file or directory"), ("folder", "Is a directory")):
        with pytest.raises(UserError, match=f"{name}: {reason}; elsewhere"):
            write(tmp_path / name)
    assert os.listdir(tmp_path) == ["folder"]


def write(path: Path) -> None:
    with atomic_write(path, "elsewhere") as temporary:
        temporary.write_text("text")
