"""The haystack of the user's own clips: needle places, drawing, encoding, mistakes."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.support import make_video, read_number
from tspo_bench.cli import app
from tspo_bench.errors import UserError
from tspo_bench.features import FeatureStore
from tspo_bench.report.figures.depth import depth_maps
from tspo_bench.report.loading import load_results
from tspo_bench.tasks import load_task
from tspo_bench.video import open_video

NEEDLE: dict[str, Any] = {
    "id": "n", "clip": "needle.mp4", "question": "What?", "options": ["one", "two"],
    "answer": "two", "span": [1, 2],
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A needle of 2.5 s beside three clips, a copy of the needle and a damaged clip."""
    folder = tmp_path_factory.mktemp("footage")
    (folder / "hay").mkdir()
    make_video(folder / "needle.mp4", 25, first=9000)
    for number, rate in enumerate((10, 12, 15), start=1):
        make_video(folder / f"hay/{number}.mp4", 8 * rate + 3, rate=rate, first=1000 * number)
    (folder / "hay/copy.mp4").write_bytes((folder / "needle.mp4").read_bytes())
    (folder / "hay/damaged.mp4").write_bytes(b"no video at all")
    return folder


def task_of(made: Path, options: str = "length=[15s,20s],depths=[0,0.5,1]", **fields: Any):
    file = made / "needles.jsonl"
    file.write_text(json.dumps({**NEEDLE, **fields}) + "\n")
    return load_task(f"haystack[clips={made / 'hay'},needles={file},{options}]")


def test_needles_lie_at_their_depths(made: Path, cache: Path, caplog: pytest.LogCaptureFixture):
    task = task_of(made)
    with caplog.at_level(logging.WARNING):
        paths = [task.video_path(question.video) for question in task.questions()]
    assert [question.groups["depth"] for question in task.questions()] == ["0%", "50%", "100%"] * 2
    for question, path in zip(task.questions(), paths, strict=True):
        with open_video(path) as video:
            assert video.info.duration_seconds == question.duration_seconds
            numbers = [read_number(one) for one in video.fetch(range(video.info.num_frames)).pixels]
            inside = video.times[np.array(numbers) >= 9000]
        assert sum(number >= 9000 for number in numbers) == 25  # once, whole: no copy is drawn
        (span,) = question.evidence
        depth = float(question.groups["depth"].rstrip("%")) / 100
        assert inside[0] == round(depth * (question.duration_seconds - 3))  # 2.5 s take 3
        assert (span.start, span.end) == (inside[0] + 1, inside[0] + 2)
    assert "damaged.mp4 is passed over" in caplog.text
    assert "copy of a needle" in caplog.text
    again = task_of(made)
    assert [again.video_path(question.video) for question in again.questions()] == paths
    other = task_of(made, "length=[15s,20s],depths=[0,0.5,1],clip_seed=1")
    assert [other.video_path(question.video) for question in other.questions()] != paths


def test_a_moved_folder_is_the_same_video(made: Path, cache: Path, tmp_path: Path):
    moved = tmp_path / "moved"
    shutil.copytree(made, moved)
    first, second, third = (
        task.video_path(task.questions()[1].video)
        for task in (task_of(made), task_of(moved), task_of(made, "length=15s,clip_seed=1"))
    )
    assert first != second
    store = FeatureStore()
    assert store.video_id(first) == store.video_id(second) != store.video_id(third)


class Means:
    """An encoder of mean colours that counts its frames."""

    id, short_side, device = "means", None, "cpu"

    def __init__(self) -> None:
        self.count = 0

    def encode_frames(self, frames):
        self.count += len(frames)
        return frames.mean(axis=(1, 2)).astype(np.float32)


def test_a_clip_is_encoded_once(made: Path, cache: Path, tmp_path: Path):
    """All haystacks together cost each clip's candidates once; features are those of the frames."""
    task, store, encoder = task_of(made), FeatureStore(tmp_path / "store"), Means()
    for question in task.questions():
        path = task.video_path(question.video)
        found = store.candidates(path, encoder)
        assert len(found) == question.duration_seconds
        with open_video(path) as video:
            pixels = video.fetch(found.indices).pixels
        np.testing.assert_allclose(found.features, pixels.mean(axis=(1, 2)), atol=1e-4)
        assert store.candidates(path, encoder).num_encoded == 0
        assert store.stored(path, encoder) is not None
    assert encoder.count <= 3 + 3 * 9  # of 105 candidates


def test_run_resume_and_page(made: Path, cache: Path, tmp_path: Path):
    """The model sees the needle where the map says so; a run that Ctrl-C ended goes on."""
    needle = {**NEEDLE, "options": ["frame 20000", "frame 9015"], "answer": "B"}
    (tmp_path / "needles.json").write_text(
        json.dumps([{**needle, "clip": str(made / "needle.mp4")}])
    )
    where = f"clips={made / 'hay'},needles={tmp_path / 'needles.json'}"
    spec = f"haystack[{where},length=[15s,20s],depths=[0,0.5,1]]"
    out, page, log = tmp_path / "run", tmp_path / "page", tmp_path / "log"
    command = ["run", "--task", spec, "--sampler", "uniform,oracle", "--frames", "2"]
    command += ["--batch-size", "1", "--out", str(out), "--model"]
    reader = "tests.evaluation.own:FrameReader"
    runner = CliRunner()
    assert runner.invoke(app, [*command, f"{reader}[stop_after=5]"]).exit_code == 130
    assert runner.invoke(app, [*command, f"{reader}[log={log}]"]).exit_code == 0
    assert len(log.read_text().splitlines()) == 12 - 5

    (found,) = depth_maps(load_results([out]).cells)
    assert (found.depths, found.lengths) == (("0%", "50%", "100%"), ("15s", "20s"))
    # Uniform takes the first and the last candidate. The last is the needle's, 2 s into it, at a
    # depth of 1; the first one is too early in it at a depth of 0.
    wrong, right = ((1, 0.0),) * 2, ((1, 1.0),) * 2
    assert found.shares["oracle"] == (right, right, right)
    assert found.shares["uniform"] == (wrong, wrong, right)

    assert runner.invoke(app, ["report", str(out), "--html", str(page)]).exit_code == 0
    assert (page / "plots/depth.svg").stat().st_size > 0
    sheets = list(page.glob("thumbs/*/*.webp"))
    assert len(sheets) == 6
    assert all(np.asarray(Image.open(sheet)).any() for sheet in sheets)


@pytest.mark.parametrize(
    ("fields", "options", "words"),
    [
        ({"answer": "three"}, "", "line 1: answer 'three' is neither a letter out of AB"),
        ({"depth": 50}, "", "line 1: depth must be a share .* got 50; for 50% write 0.5"),
        ({"span": [1000, 2000]}, "", "ends at 2000 s, but the clip lasts 2.5 s; spans are seconds"),
        ({"span": [2, 1]}, "", "the end, 1 s, is before the start, 2 s"),
        ({"clip": "gone.mp4"}, "", "gone.mp4 cannot be reached"),
        ({"dept": 1}, "", "unknown field 'dept'; did you mean 'depth'"),
        ({"question": None}, "", "line 1: no field 'question'"),
        ({}, "length=3s", "lasts 3 s, which leaves no room"),
        ({}, "length=5", "length=5: give a number with its unit"),
        ({}, "depths=[-1]", "depth must be a share"),
        ({}, "objects=known", "is for the built-in world"),
    ],
)
def test_mistakes(made: Path, cache: Path, fields: dict[str, Any], options: str, words: str):
    with pytest.raises(UserError, match=words):
        task_of(made, options, **fields).questions()
