"""Videos: what is decoded is what was drawn, and the evidence shows what the question asks."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import little_room
from tspo_bench.errors import UserError
from tspo_bench.haystack.render import content_hash, rendered
from tspo_bench.haystack.scenes import Placement, Scene, draw_frame, draw_scene
from tspo_bench.haystack.script import Item, Script, write_script
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.haystack.world import CATEGORY_OF, WORLD
from tspo_bench.types import Pixels
from tspo_bench.video import open_video, probe

KINDS = ("with", "after", "before", "opening", "ending", "order", "count")


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> tuple[Script, Path]:
    """A video of a minute, in a cache folder of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSPO_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        task = HaystackTask("1min")
        video = "test-1min-0001.mp4"
        return task.script(video), task.video_path(video)


@pytest.fixture(scope="module")
def five_minutes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Script, Path]:
    """A video of five minutes with a question of each type."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSPO_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        task = HaystackTask()
        video = "test-5min-0003.mp4"
        return task.script(video), task.video_path(video)


def psnr(a: Pixels, b: Pixels) -> float:
    """Peak signal-to-noise ratio in dB."""
    error = ((a.astype(np.float64) - b.astype(np.float64)) ** 2).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def scene_at(scenes: tuple[Scene, ...], seconds: float) -> int:
    (number,) = [n for n, scene in enumerate(scenes) if scene.start <= seconds < scene.end]
    return number


def test_a_minute_is_480_frames_of_128_at_8_fps(minute: tuple[Script, Path]):
    info = probe(minute[1])
    assert (info.num_frames, info.width, info.height) == (480, 128, 128)
    assert info.frame_rate == Fraction(8)
    assert (info.duration_seconds, info.codec, info.rotation) == (60.0, "h264", 0)
    assert info.candidate_stride() == 8


def test_decoded_frames_are_those_drawn(minute: tuple[Script, Path]):
    """Every frame, its number and its time, but for what H.264 at crf 23 in 4:2:0 loses."""
    script, path = minute
    with open_video(path) as video:
        frames = video.fetch(np.arange(480))
    np.testing.assert_array_equal(frames.indices, np.arange(480))
    np.testing.assert_allclose(frames.seconds, np.arange(480) / 8, atol=1e-6)
    quality = []
    for seconds, pixels in zip(frames.seconds, frames.pixels, strict=True):
        drawn = draw_frame(script.scenes, scene_at(script.scenes, seconds), seconds)
        quality.append(psnr(pixels, drawn))
    assert min(quality) > 27  # 29 to 31 over six videos, 34 on average
    assert np.mean(quality) > 31
    # The bound separates frames: the frame of another scene is far below it.
    wrong = draw_frame(script.scenes, 3, script.scenes[3].start + 1)
    before = frames.pixels[round(8 * script.scenes[1].start) + 8]
    assert psnr(before, wrong) < 18


def looks_most_like(pixels: Pixels, scene: Scene, seconds: float, placement: Placement) -> str:
    """The object of the category which, drawn at the placement, gives the frame most nearly."""
    errors = {}
    for name in WORLD[CATEGORY_OF[placement.name]]:
        other = dataclasses.replace(placement, name=name)
        if placement is scene.main:
            changed = dataclasses.replace(scene, main=other)
        else:
            rest = tuple(other if c is placement else c for c in scene.companions)
            changed = dataclasses.replace(scene, companions=rest)
        errors[name] = ((draw_scene(changed, seconds) - pixels) ** 2).mean()
    return min(errors, key=errors.__getitem__)


def evidence_shows(script: Script, item: Item, scene: Scene) -> set[str]:
    """The objects that a frame of this evidence scene must show."""
    right = item.options[item.answer]
    if item.kind == "order":
        return {scene.main.name} & set(item.options)
    if item.kind == "count":
        return {item.text.split()[6]}
    anchor = item.text.rstrip("?").split()[-1]
    if item.kind == "with":
        return {anchor, right}
    if item.kind in ("after", "before"):
        first = script.scenes.index(scene) == item.evidence[0]
        return {anchor if first == (item.kind == "after") else right}
    return {right}


@pytest.mark.parametrize("kind", KINDS)
def test_evidence_shows_what_the_answer_needs(five_minutes: tuple[Script, Path], kind: str):
    """At each second inside a span: that scene alone is seen, with its objects."""
    script, path = five_minutes
    (item,) = [item for item in script.items if item.kind == kind]
    for number in item.evidence:
        scene = script.scenes[number]
        start, end = scene.clear
        seconds = np.arange(np.ceil(start), end)
        assert len(seconds)
        with open_video(path) as video:
            frames = video.fetch((8 * seconds).astype(np.int64))
        for second, pixels in zip(seconds, frames.pixels, strict=True):
            alone = np.clip(draw_scene(scene, second), 0, 255).astype(np.uint8)
            assert psnr(pixels, alone) > 27
            seen = {
                looks_most_like(pixels, scene, second, placement)
                for placement in (scene.main, *scene.companions)
            }
            assert evidence_shows(script, item, scene)
            assert evidence_shows(script, item, scene) <= seen


def test_a_fade_mixes_two_scenes(minute: tuple[Script, Path]):
    scenes = minute[0].scenes
    number = next(n for n, scene in enumerate(scenes) if scene.fade)
    start = scenes[number].start
    to_new = []
    for step in range(5):
        seconds = start + step / 8
        drawn = draw_frame(scenes, number, seconds).astype(np.float64)
        old, new = (draw_scene(scenes[n], seconds) for n in (number - 1, number))
        weight = ((drawn - old) * (new - old)).sum() / ((new - old) ** 2).sum()
        to_new.append(weight)
    np.testing.assert_allclose(to_new, [0.125, 0.375, 0.625, 0.875, 1], atol=0.01)


def changes_of(scene: Scene) -> dict[str, Scene]:
    """The scene with one thing changed, for each thing that it has."""
    placements: dict[str, Any] = {
        "name": "dog" if scene.main.name != "dog" else "cat",
        "x": scene.main.x + 1,
        "y": scene.main.y + 1,
        "size": scene.main.size + 1,
        "sway": scene.main.sway + 1,
        "phase": scene.main.phase + 1,
    }
    changes = {
        f"main.{key}": dataclasses.replace(
            scene, main=dataclasses.replace(scene.main, **{key: value})
        )
        for key, value in placements.items()
    }
    fields: dict[str, Any] = {
        "end": scene.end - 0.125,
        "start": scene.start + 0.125,
        "companions": (*scene.companions, scene.main),
        "colour": "red" if scene.colour != "red" else "blue",
        "texture": "dots" if scene.texture != "dots" else "checks",
        "drift": (scene.drift[0] + 1, scene.drift[1]),
        "fade": not scene.fade,
    }
    changes |= {key: dataclasses.replace(scene, **{key: value}) for key, value in fields.items()}
    assert len(changes) == len(dataclasses.fields(Scene)) - 1 + len(dataclasses.fields(Placement))
    return changes


def test_the_name_of_a_video_changes_with_anything_in_it():
    scenes = write_script("hash", 60, ("with",), {"with": 0}).scenes
    hashes = {"as it is": content_hash(scenes)}
    for what, changed in changes_of(scenes[2]).items():
        hashes[what] = content_hash((*scenes[:2], changed, *scenes[3:]))
    hashes["shorter"] = content_hash(scenes[:-1])
    hashes["swapped"] = content_hash((scenes[1], scenes[0], *scenes[2:]))
    assert len(set(hashes.values())) == len(hashes)
    again = write_script("hash", 60, ("with",), {"with": 0}).scenes
    assert content_hash(again) == hashes["as it is"]


def test_a_video_is_rendered_once(cache: Path):
    scenes = write_script("once", 60, ("with",), {"with": 0}).scenes[:2]
    first = rendered(scenes)
    before = first.stat()
    assert first.parent == cache / "haystack"
    assert rendered(scenes) == first
    assert (first.stat().st_mtime_ns, first.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    # By content: another seed's video has a file of its own.
    rendered(write_script("twice", 60, ("with",), {"with": 0}).scenes[:2])
    assert len(list(first.parent.iterdir())) == 2


def test_a_failed_rendering_leaves_nothing(cache: Path):
    scenes = write_script("broken", 60, ("with",), {"with": 0}).scenes[:2]
    unknown = dataclasses.replace(scenes[1].main, name="unicorn")
    with pytest.raises(KeyError, match="unicorn"):
        rendered((scenes[0], dataclasses.replace(scenes[1], main=unknown)))
    assert list((cache / "haystack").iterdir()) == []


RENDER_AND_TELL = """
from tspo_bench.tasks import load_task
print(load_task("haystack[length=1min]").video_path("test-1min-0002.mp4"))
"""


def test_two_processes_may_render_the_same_video(cache: Path, minute: tuple[Script, Path]):
    command = [sys.executable, "-c", RENDER_AND_TELL]
    root = Path(__file__).parents[2]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ, cwd=root)
        for _ in range(2)
    ]
    paths = {process.communicate()[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    (path,) = paths
    assert [file.name for file in (cache / "haystack").iterdir()] == [Path(path).name]
    with open_video(Path(path)) as video:
        assert sum(len(frames) for frames in video.scan(8.0)) == 480


def test_equal_scenes_give_equal_files(cache: Path, monkeypatch: pytest.MonkeyPatch):
    scenes = write_script("bytes", 60, ("with",), {"with": 0}).scenes[:3]
    first = rendered(scenes).read_bytes()
    monkeypatch.setenv("TSPO_BENCH_CACHE", str(cache.parent / "another"))
    assert rendered(scenes).read_bytes() == first


@pytest.mark.parametrize("num_bytes", [0, 20_000])
def test_a_full_disk_names_the_file_and_the_way_out(cache: Path, num_bytes: int) -> None:
    """At the header, and in the middle of the video."""
    task = HaystackTask("1min")
    with little_room(num_bytes), pytest.raises(UserError) as caught:
        task.video_path("test-1min-0001.mp4")
    assert str(caught.value).startswith(f"cannot write {cache / 'haystack'}")
    assert "mp4: File too large; make room, or set TSPO_BENCH_CACHE" in str(caught.value)
    assert list((cache / "haystack").iterdir()) == []


@pytest.mark.parametrize("left", ["nothing", "half", "all but a byte", "zeros"])
def test_a_video_that_is_not_whole_is_made_again(cache: Path, left: str) -> None:
    scenes = write_script("once", 60, ("with",), {"with": 0}).scenes[:2]
    path = rendered(scenes)
    whole = path.read_bytes()
    cut = {"nothing": b"", "half": whole[: len(whole) // 2], "all but a byte": whole[:-1]}
    path.write_bytes(cut.get(left, bytes(len(whole))))
    assert rendered(scenes).read_bytes() == whole
