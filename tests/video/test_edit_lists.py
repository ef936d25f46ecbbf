"""Edit lists as videos: frames, times, sizes of the parts, compared with the clips'."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.support import make_video, read_number
from tspo_bench.errors import VideoError
from tspo_bench.video import open_video, probe
from tspo_bench.video.edit_list import EditList, Part, read_edit_list

WIDTH, HEIGHT = 160, 96


def joined(folder: Path, *parts: tuple[Path, float, float], size=(WIDTH, HEIGHT)) -> Path:
    listed = [Part(path=p, sha256="", start=start, seconds=length) for p, start, length in parts]
    return EditList(version=1, width=size[0], height=size[1], parts=tuple(listed)).write(folder)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Ten, 12 and 30000/1001 frames a second; one small, one upright."""
    folder = tmp_path_factory.mktemp("parts")
    return {
        "ten": make_video(folder / "ten.mp4", 45, first=1000),
        "small": make_video(folder / "small.mp4", 60, rate=12, width=80, height=48, first=2000),
        "ntsc": make_video(folder / "ntsc.mkv", 95, rate=Fraction(30000, 1001), first=3000),
        "upright": make_video(folder / "upright.mp4", 30, width=96, height=160, first=4000),
    }


def test_frames_and_times_are_those_of_the_parts(tmp_path: Path, clips: dict[str, Path]):
    """Against a naive walk: for each part, the clip's frames on show, their times shifted."""
    parts = [("ten", 2.0, 2.0), ("small", 0.0, 3.0), ("ntsc", 1.0, 2.0), ("ten", 0.0, 5.0)]
    path = joined(tmp_path, *((clips[name], start, length) for name, start, length in parts))
    numbers, times, begins = [], [], 0.0
    for name, start, length in parts:
        with open_video(clips[name]) as clip:
            shown = [
                index
                for index, time in enumerate(clip.times)
                if time < start + length - 1e-6
                and (index + 1 == len(clip.times) or clip.times[index + 1] > start + 1e-6)
            ]
            numbers += [read_number(one) for one in clip.fetch(shown).pixels]
            times += [begins + max(0.0, clip.times[index] - start) for index in shown]
        begins += length
    with open_video(path) as video:
        assert video.info.num_frames == len(numbers)
        assert video.info.duration_seconds == 12
        assert (np.diff(video.times) > 0).all()
        np.testing.assert_allclose(video.times, times, atol=1e-9)
        everything = video.fetch(range(len(numbers)))
        assert [read_number(pixels) for pixels in everything.pixels] == numbers
        # Candidates at 1 fps: one a second across all parts (two where the last frame of 4.5 s
        # stays on show), and never the neighbour's frame.
        scanned = list(video.scan(1.0, rule="time"))
        seconds = np.concatenate([batch.seconds for batch in scanned])
        np.testing.assert_allclose(seconds, np.arange(12), atol=0.09)
        backwards = video.fetch([len(numbers) - 1, 0, len(numbers) - 1])
        assert [read_number(one) for one in backwards.pixels] == [1044, 1020, 1044]


@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_parts_are_fitted_into_one_size(tmp_path: Path, clips: dict[str, Path], reader: str):
    path = joined(tmp_path, *((clips[name], 0.0, 1.0) for name in ("ten", "small", "upright")))
    with open_video(path, reader) as video:
        assert (video.info.width, video.info.height) == (WIDTH, HEIGHT)
        ten, small, upright = video.fetch([5, 14, 25]).pixels
        scaled = video.fetch([25], short_side=48).pixels
    with open_video(clips["ten"]) as clip:
        np.testing.assert_array_equal(ten, clip.fetch([5]).pixels[0])
    assert read_number(small) == 2004  # scaled up to fill the canvas
    width = round(96 * HEIGHT / 160)  # 58: 51 black columns on each side
    assert not upright[:, :51].any()
    assert not upright[:, 51 + width :].any()
    with open_video(clips["upright"]) as clip:
        alone = clip.fetch([3], short_side=width).pixels[0].astype(int)
    assert np.abs(upright[:, 51 : 51 + width] - alone[:HEIGHT]).mean() < 3  # 97 rows to 96
    assert scaled.shape == (1, 48, 80, 3)


def test_worker_and_inline_decoding_agree(
    tmp_path: Path, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    path = joined(tmp_path, (clips["ntsc"], 1.0, 2.0), (clips["small"], 1.0, 2.0))
    with open_video(path) as video:
        by_workers = video.fetch([0, 3, 40, 70])
    monkeypatch.setattr("tspo_bench.video.settings.in_workers", False)
    with open_video(path) as video:
        inline = video.fetch([0, 3, 40, 70])
    np.testing.assert_array_equal(by_workers.pixels, inline.pixels)


def test_bad_lists(tmp_path: Path, clips: dict[str, Path]):
    beyond = joined(tmp_path, (clips["ten"], 3.0, 4.0))
    gone = joined(tmp_path, (tmp_path / "gone.mp4", 0.0, 1.0))
    broken = tmp_path / "broken.edl.json"
    broken.write_text('{"version": 1, "width": 0, "height": 2, "parts": []}')
    for path, words in [
        (beyond, "shows 3 to 7 s of .*ten.mp4, which lasts 4.5 s"),
        (gone, "gone.mp4 cannot be reached"),
        (broken, "broken.edl.json: width must be >= 1"),
        (tmp_path / "none.edl.json", "cannot be read"),
    ]:
        with pytest.raises(VideoError, match=words):
            probe(path)


def test_a_list_is_named_by_its_content(tmp_path: Path, clips: dict[str, Path]):
    first = joined(tmp_path, (clips["ten"], 0.0, 1.0))
    assert joined(tmp_path, (clips["ten"], 0.0, 1.0)) == first
    assert joined(tmp_path, (clips["ten"], 0.0, 2.0)) != first
    assert read_edit_list(first).parts[0].path == clips["ten"]
