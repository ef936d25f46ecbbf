"""What `lmms:NAME` says without lmms-eval; the rest is in test_lmms_eval.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tspo_bench.errors import UserError
from tspo_bench.lmms.loading import files_digest
from tspo_bench.tasks import load_task


@pytest.fixture
def _no_lmms_eval(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "lmms_eval"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lmms_eval", None)


@pytest.mark.usefixtures("_no_lmms_eval")
def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"'lmms:mlvu_dev' needs .* tspo-bench\[lmms-eval\]"):
        load_task("lmms:mlvu_dev")
    (tmp_path / "lmms").mkdir()  # a package of this name beside the shell changes nothing
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"tspo-bench\[lmms-eval\]"):
        load_task(f"lmms:own[include={tmp_path}]")


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(UserError, match="folder /nowhere not found"):
        load_task("lmms:own[include=/nowhere]")
    with pytest.raises(UserError, match=r"no protocol 'official'.*leave --protocol out"):
        load_task("lmms:mlvu_dev", protocol="official")
    with pytest.raises(UserError, match="'lmms' needs 'path': lmms:PATH"):
        load_task("lmms")
    with pytest.raises(UserError, match="no subtitles"):
        load_task("lmms:mlvu_dev", subtitles="full")


class Config:
    """What of a task's configuration its digest sees: functions, at any depth."""

    def __init__(self, **functions: object) -> None:
        self.__dict__.update(functions)


def test_the_digest_is_of_the_files(tmp_path: Path) -> None:
    def digest_in(folder: Path, *, prompt: str = "?", code: str = "pass") -> str:
        folder.mkdir(exist_ok=True)
        (folder / "a.yaml").write_text("task: a\ninclude: base.yaml\n")
        (folder / "base.yaml").write_text(f"prompt: {prompt}\n")
        (folder / "utils.py").write_text(f"def f():\n    {code}\n")
        space: dict = {}
        exec(compile((folder / "utils.py").read_text(), folder / "utils.py", "exec"), space)
        return files_digest(folder / "a.yaml", Config(metrics=[{"aggregation": space["f"]}]))

    first = digest_in(tmp_path / "one")
    assert digest_in(tmp_path / "two") == first
    assert digest_in(tmp_path / "one", prompt="!") != first
    assert digest_in(tmp_path / "one", code="return 1") != first
