"""Questions of the built-in task, and a folder of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tspo_bench.haystack.task import HaystackTask
from tspo_bench.types import Question


@pytest.fixture(scope="session")
def questions() -> tuple[Question, ...]:
    """Those of the first eight test videos, seven of each."""
    return tuple(HaystackTask(videos=8).questions())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Agents and results lie in the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
