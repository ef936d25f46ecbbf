"""Checks of a run before it loads a model or makes a folder."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.evaluation.own import FrameReader
from tests.evaluation.support import by_label, question, run, write_rows
from tspo_bench.errors import UserError

UNLOADABLE = "tests.evaluation.test_preflight:Unloadable"
NAMED = "tests.evaluation.test_preflight:Named[name=mine]"


class Unloadable(FrameReader):
    """A model that must not be built."""

    def __init__(self) -> None:
        raise AssertionError("it was built")


class Named(FrameReader):
    """A frame reader whose name is known before it is built."""

    @classmethod
    def check(cls, name: str) -> None:
        assert name == "mine"


@pytest.fixture
def elsewhere(tmp_path: Path, cache: Path) -> Path:
    """Six questions about three videos, none of which is there."""
    rows = [question(i, f"{i % 3}.mp4", 250) for i in range(6)]
    return write_rows(tmp_path / "quiz.jsonl", rows)


def test_no_video_at_all_is_a_mistake(elsewhere: Path, tmp_path: Path) -> None:
    root = tmp_path / "films"
    root.mkdir()
    out = tmp_path / "run"
    with pytest.raises(UserError) as error:
        run(elsewhere, out, data_root=root, samplers=("uniform", "blind"), models=(UNLOADABLE,))
    assert str(error.value) == (
        "task 'quiz': none of the 3 videos found; the first: task 'quiz': video "
        f"0.mp4 not found under {root} (looked in ., videos, video); correct the name or "
        "--data-root, or leave such questions out: --only-present; only --sampler blind needs none"
    )
    assert not out.exists()
    with pytest.raises(UserError, match="none of the 1 videos found"):
        run(elsewhere, out, data_root=root, limit=1, models=(UNLOADABLE,))


def test_some_that_are_missing_cost_their_questions_after_a_warning(
    elsewhere: Path, films: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "1.mp4").symlink_to(films / "middle.mp4")
    with caplog.at_level(logging.WARNING):
        result = run(elsewhere, tmp_path / "run", samplers=("uniform", "random"))
    [warning] = [r.getMessage() for r in caplog.records if "missing" in r.getMessage()]
    assert warning.startswith(
        "task 'quiz': 2 of 3 videos are missing, and the questions about them will fail; the "
        f"first: task 'quiz': video 0.mp4 not found under {tmp_path} "
    )
    for records in by_label(result).values():
        failed = {key for key, record in records.items() if record.status == "decode_error"}
        assert failed == {"q-0", "q-2", "q-3", "q-5"}


def test_videos_that_are_asked_about_no_more_are_not_looked_for(
    elsewhere: Path, films: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a finished run the videos may be gone."""
    for number in range(3):
        (tmp_path / f"{number}.mp4").symlink_to(films / "middle.mp4")
    first = run(elsewhere, tmp_path / "run", models=(NAMED,))
    for number in range(3):
        (tmp_path / f"{number}.mp4").unlink()
    again = run(elsewhere, tmp_path / "run", models=(NAMED,))
    assert [cell.records for cell in again.cells] == [cell.records for cell in first.cells]
    assert not caplog.records
    for more in ({"fresh": True}, {"frames": (4, 5)}, {"samplers": ("random",)}):
        with pytest.raises(UserError, match="none of the 3 videos"):
            run(elsewhere, tmp_path / "run", models=(NAMED,), **more)
