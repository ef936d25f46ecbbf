"""The clips, each made once, when a test first asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.video.clips import make_clip

TIMES = Path(__file__).parents[1] / "data" / "frame_times.json"


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("clips")

    def made(name: str) -> Path:
        path = folder / name
        return path if path.exists() else make_clip(path)

    return made


@pytest.fixture(scope="session")
def ffprobe_times() -> dict[str, list[float]]:
    """Every frame's time in seconds as ffprobe gives it (see write_frame_times.py)."""
    return json.loads(TIMES.read_text())
