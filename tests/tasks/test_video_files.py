"""A video's file by its annotated name: dots, suffixes and their cases, composed letters."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

from tspo_bench.errors import VideoError
from tspo_bench.tasks import AnnotatedTask, load_task

FILES = [
    "clip.mp4",
    "clip.2.mp4",
    "NUsG9BgSes0_210.0_360.0.mp4",
    "film.MOV",
    "old.mkv",
    "a.mov.mp4",
    "cut.ts",
    "tape.MPG",
]


@pytest.fixture
def task(tmp_path: Path) -> AnnotatedTask:
    row = {"video": "v", "question": "?", "options": ["x", "y"], "answer": "A"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    for name in FILES:
        (tmp_path / name).touch()
    loaded = load_task(str(tmp_path / "rows.jsonl"))
    assert isinstance(loaded, AnnotatedTask)
    return loaded


@pytest.mark.parametrize(
    ("video", "file"),
    [
        ("clip", "clip.mp4"),
        ("clip.mp4", "clip.mp4"),
        ("clip.MP4", "clip.mp4"),
        ("clip.mkv", "clip.mp4"),
        ("clip.2", "clip.2.mp4"),
        ("clip.2.mp4", "clip.2.mp4"),
        ("clip.2.avi", "clip.2.mp4"),
        ("clip.1", None),
        ("clip.3_10.5", None),
        ("clip.txt", None),
        ("Clip", None),
        ("NUsG9BgSes0_210.0_360.0", "NUsG9BgSes0_210.0_360.0.mp4"),
        ("film", "film.MOV"),
        ("film.mov", "film.MOV"),
        ("film.mp4", "film.MOV"),
        ("old.mp4", "old.mkv"),
        ("a.mov", "a.mov.mp4"),
        ("cut", "cut.ts"),
        ("cut.mp4", "cut.ts"),
        ("clip.m4v", "clip.mp4"),
        ("tape", "tape.MPG"),
        (".", None),
        ("..", None),
        ("/", None),
        ("", None),
    ],
)
def test_names(task: AnnotatedTask, tmp_path: Path, video: str, file: str | None) -> None:
    if file is None:
        with pytest.raises(VideoError, match="not found under"):
            task.video_path(video)
    else:
        assert task.video_path(video) == tmp_path / file


def test_the_exact_name_comes_first(task: AnnotatedTask, tmp_path: Path) -> None:
    for name in ("x.MP4", "x.mp4", "x.mkv"):
        (tmp_path / name).touch()
    for name in ("x.MP4", "x.mp4", "x.mkv"):
        assert task.video_path(name) == tmp_path / name
    assert task.video_path("x") == tmp_path / "x.mp4"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_letters(task: AnnotatedTask, tmp_path: Path, form: str) -> None:
    """A Mac writes "e" and an accent where the annotations have one letter."""
    folder, name = "\u00e9t\u00e9", "caf\u00e9 \uac00.MP4"
    on_disk = [unicodedata.normalize(form, part) for part in (folder, name)]
    (tmp_path / on_disk[0]).mkdir()
    (tmp_path / on_disk[0] / on_disk[1]).touch()
    for other in ("NFC", "NFD"):
        asked = unicodedata.normalize(other, f"{folder}/{name[:-4]}")
        assert task.video_path(asked) == tmp_path / on_disk[0] / on_disk[1]
        assert task.video_path(asked + ".mp4") == tmp_path / on_disk[0] / on_disk[1]


def test_a_file_that_comes_later_is_found(task: AnnotatedTask, tmp_path: Path) -> None:
    with pytest.raises(VideoError):
        task.video_path("later.mp4")
    (tmp_path / "later.MP4").touch()
    os.utime(tmp_path, ns=(1, 1))  # as file systems with coarse times may show it
    assert task.video_path("later.mp4") == tmp_path / "later.MP4"


@pytest.mark.parametrize(
    ("video", "reason"),
    [
        ("x" * 5000, "File name too long"),
        ("a/" * 3000 + "b", "File name too long"),
        ("clip.mp4\0.txt", "NUL"),
        ("clip\0", "NUL"),
    ],
)
def test_names_that_no_file_can_have(task: AnnotatedTask, video: str, reason: str) -> None:
    with pytest.raises(VideoError, match=reason) as caught:
        task.video_path(video)
    assert len(str(caught.value)) < 400


def test_a_long_name_whose_suffix_makes_it_too_long(task: AnnotatedTask, tmp_path: Path) -> None:
    name = "n" * 253
    with pytest.raises(VideoError, match="not found"):
        task.video_path(name)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / name).touch()
    task = load_task(str(tmp_path / "rows.jsonl"))
    assert task.video_path(name) == tmp_path / "videos" / name


def test_the_fields_files(real_data: Path) -> None:
    folder = real_data / "field"
    if not folder.is_dir():
        pytest.skip("no files of the field")
    task = load_task(str(folder / "ann" / "dots.jsonl"), data_root=folder / "dots")
    found = {}
    for question in task.questions():
        try:
            found[question.video] = task.video_path(question.video).name
        except VideoError:
            found[question.video] = ""
    assert found == {"clip": "clip.mp4", "clip.2": "clip.2.mp4", "clip.1": "", "clip.3_10.5": ""}
