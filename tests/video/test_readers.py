"""Both readers give the frame that was asked for, at its time, in the right colours."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support import make_video, read_number
from tests.video.clips import COUNTS, FOR_PYAV_ONLY, ROTATION, TRIMMED, WITHOUT_TIMES
from tspo_bench.errors import VideoError
from tspo_bench.types import Pixels
from tspo_bench.video import open_video, probe
from tspo_bench.video.base import VideoReader

Clip = Callable[[str], Path]
CASES = [("pyav", name) for name in COUNTS]
CASES += [("decord", name) for name in COUNTS if name not in FOR_PYAV_ONLY]
REAL_CLIPS = ["dc_demo.mp4", "flipping_a_pancake.mkv", "jobs.mp4", "video1.mp4", "water.mp4"]
LONG = ["dc_demo.mp4", "jobs.mp4", "water.mp4"]  # seconds to decode


def numbers(pixels: Pixels, name: str) -> list[int]:
    """The frame numbers written in pictures of a clip, counted from its first shown frame."""
    turned = np.rot90(pixels, ROTATION.get(name, 0) // 90, axes=(1, 2))
    first = TRIMMED if name == "trimmed.mp4" else 0
    return [read_number(picture) - first for picture in turned]


@functools.cache
def sequential(path: Path, wanted: tuple[int, ...]) -> Pixels:
    """Frames by plain decoding from front to back, in FFmpeg's own colour conversion."""
    frames = {}
    with av.open(str(path)) as container:
        graph = av.filter.Graph()
        source = graph.add_buffer(template=container.streams.video[0])
        nodes = (source, graph.add("format", "rgb24"), graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                graph.push(frame)
                frames[index] = graph.pull().to_ndarray()
    return np.stack([frames[index] for index in wanted])


@pytest.mark.parametrize(("reader", "name"), CASES)
def test_every_index_gives_its_own_frame(reader: str, name: str, clip: Clip) -> None:
    with open_video(clip(name), reader) as video:
        everything = list(range(COUNTS[name]))
        assert video.info.num_frames == COUNTS[name]
        assert numbers(video.fetch(everything).pixels, name) == everything
        random = np.random.default_rng(0)
        for _ in range(8):
            some = np.unique(random.integers(0, COUNTS[name], random.integers(1, 6)))
            frames = video.fetch(some)
            assert frames.indices.tolist() == some.tolist()
            assert numbers(frames.pixels, name) == some.tolist()


@pytest.mark.parametrize(("reader", "name"), CASES)
@pytest.mark.parametrize(("rate", "batch_size"), [(1.0, 4), (2.5, 64), (100.0, 7)])
def test_scan_gives_every_stride_th_frame(
    reader: str, name: str, rate: float, batch_size: int, clip: Clip
) -> None:
    with open_video(clip(name), reader) as video:
        batches = list(video.scan(rate, batch_size=batch_size, rule="stride"))
        wanted = list(range(0, COUNTS[name], max(1, round(float(video.info.frame_rate) / rate))))
    assert np.concatenate([batch.indices for batch in batches]).tolist() == wanted
    assert [n for batch in batches for n in numbers(batch.pixels, name)] == wanted
    assert all(len(batch) == batch_size for batch in batches[:-1])


@pytest.mark.parametrize(
    ("reader", "name"), [case for case in CASES if case[1] not in WITHOUT_TIMES]
)
def test_times_are_those_of_ffprobe(
    reader: str, name: str, clip: Clip, ffprobe_times: dict[str, list[float]]
) -> None:
    expected = np.array(ffprobe_times[name])
    with open_video(clip(name), reader) as video:
        frames = video.fetch(range(len(expected)))
        scanned = np.concatenate([batch.seconds for batch in video.scan(rate=5, rule="stride")])
        stride = video.info.candidate_stride(5)
    np.testing.assert_allclose(frames.seconds, expected - expected[0], atol=1e-6)
    np.testing.assert_allclose(scanned, (expected - expected[0])[::stride], atol=1e-6)


@pytest.mark.parametrize("name", sorted(WITHOUT_TIMES))
def test_without_times_in_the_file_frames_are_counted(name: str, clip: Clip) -> None:
    with open_video(clip(name)) as video:
        seconds = video.fetch([0, 1, 17]).seconds
    np.testing.assert_allclose(seconds, [0, 0.1, 1.7])


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in LONG else ()) for n in REAL_CLIPS]
)
@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_real_clips_against_plain_decoding_and_ffprobe(
    reader: str, name: str, real_data: Path, ffprobe_times: dict[str, list[float]]
) -> None:
    path, times = real_data / "videos" / name, np.array(ffprobe_times[name])
    some = np.unique(np.random.default_rng(1).integers(0, len(times), 24))
    with open_video(path, reader) as video:
        candidates = np.arange(0, len(times), video.info.candidate_stride())
        assert video.info.num_frames == len(times)
        fetched, batches = video.fetch(some), list(video.scan(batch_size=5))
    np.testing.assert_array_equal(fetched.pixels, sequential(path, tuple(some.tolist())))
    np.testing.assert_allclose(fetched.seconds, times[some] - times[0], atol=1e-6)
    scanned = np.concatenate([batch.pixels for batch in batches])
    np.testing.assert_array_equal(scanned, sequential(path, tuple(candidates.tolist())))


@pytest.mark.parametrize("name", REAL_CLIPS)
def test_scaled_frames_of_both_readers_agree(name: str, real_data: Path) -> None:
    path = real_data / "videos" / name
    with open_video(path) as main, open_video(path, "decord") as second:
        ours, theirs = main.fetch([0, 90], short_side=96), second.fetch([0, 90], short_side=96)
    assert ours.pixels.shape == theirs.pixels.shape
    assert min(ours.pixels.shape[1:3]) == 96
    # PyAV scales before it converts to RGB, decord's pictures are scaled after.
    assert np.abs(ours.pixels.astype(int) - theirs.pixels).mean() < 3


def test_colours_follow_the_matrix_that_the_file_names(real_data: Path) -> None:
    path = real_data / "videos" / "dc_demo.mp4"  # says BT.709
    with open_video(path) as video, av.open(str(path)) as container:
        ours = video.fetch([0]).pixels[0].astype(float)
        planes = next(container.decode(video=0)).to_ndarray().astype(float)
        height, width = video.info.height, video.info.width
    luma = (planes[:height] - 16) * 255 / 219
    chroma = (planes[height:].reshape(2, height // 2, width // 2) - 128) * 255 / 224
    blue, red = chroma.repeat(2, 1).repeat(2, 2)
    errors = {}
    for name, (kr, kb) in {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}.items():
        r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
        exact = np.stack([r, (luma - kr * r - kb * b) / (1 - kr - kb), b], axis=-1)
        errors[name] = np.abs(exact.clip(0, 255) - ours).mean()
    assert errors["bt709"] < 1.5
    assert errors["bt601"] > errors["bt709"]


@pytest.mark.parametrize(
    ("name", "width", "height", "rotation"),
    [
        ("plain.mp4", 160, 96, 0),
        ("portrait.mp4", 96, 160, 0),
        ("rotated90.mp4", 96, 160, 90),
        ("rotated180.mp4", 160, 96, 180),
        ("rotated270.mp4", 96, 160, 270),
    ],
)
def test_probe_gives_the_shown_size(
    name: str, width: int, height: int, rotation: int, clip: Clip
) -> None:
    info = probe(clip(name))
    assert (info.width, info.height, info.rotation) == (width, height, rotation)
    assert (info.frame_rate, info.codec) == (Fraction(10), "h264")
    assert info.duration_seconds == pytest.approx(COUNTS[name] / 10)
    with open_video(clip(name)) as video:
        assert video.fetch([0]).pixels.shape == (1, height, width, 3)
        shorter = video.fetch([0], short_side=48).pixels.shape
        assert shorter == (1, height // 2, width // 2, 3)
        assert video.fetch([0], short_side=500).pixels.shape == (1, height, width, 3)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_pictures_are_those_of_the_unrotated_file_turned(degrees: int, clip: Clip) -> None:
    with open_video(clip("plain.mp4")) as flat, open_video(clip(f"rotated{degrees}.mp4")) as turned:
        original, shown = flat.fetch([7]).pixels[0], turned.fetch([7]).pixels[0]
    np.testing.assert_array_equal(shown, np.rot90(original, -degrees // 90))  # clockwise


def test_probe_measures_an_uneven_rate(clip: Clip) -> None:
    for name in ("uneven.mp4", "uneven.mkv"):
        info = probe(clip(name))
        assert float(info.frame_rate) == pytest.approx(
            info.num_frames / info.duration_seconds, rel=0.01
        )


@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_fetch_keeps_the_order_and_repeats_that_were_asked_for(reader: str, clip: Clip) -> None:
    with open_video(clip("plain.mp4"), reader) as video:
        frames = video.fetch([40, 3, 3, 59])
        assert numbers(frames.pixels, "plain.mp4") == [40, 3, 3, 59]
        np.testing.assert_allclose(frames.seconds, [4.0, 0.3, 0.3, 5.9], atol=1e-6)
        assert video.fetch([]).pixels.shape == (0, 96, 160, 3)


def test_fetch_between_two_batches_of_a_scan_spoils_neither(clip: Clip) -> None:
    with open_video(clip("plain.mp4")) as video:
        seen = []
        for batch in video.scan(rate=2, batch_size=2):
            seen += numbers(batch.pixels, "plain.mp4")
            assert numbers(video.fetch([55, 1]).pixels, "plain.mp4") == [55, 1]
    assert seen == list(range(0, 60, 5))


@pytest.mark.parametrize("reader", ["pyav", "decord"])
@pytest.mark.parametrize("index", [-1, 60, 10_000])
def test_an_index_outside_names_video_index_and_count(reader: str, index: int, clip: Clip) -> None:
    with (
        open_video(clip("plain.mp4"), reader) as video,
        pytest.raises(VideoError, match=rf"plain\.mp4: frame {index} .* 60 frames"),
    ):
        video.fetch([0, index])


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_memory_of_a_scan_does_not_grow_with_the_video(reader: str, tmp_path: Path) -> None:
    path = make_video(tmp_path / "long.mp4", 1200, width=320, height=192)  # 221 MB of pixels
    with open_video(path, reader) as video:
        scan = video.scan(rate=10, batch_size=16)
        next(scan)
        before, highest, count = resident_bytes(), 0, 16
        for batch in scan:
            count += len(batch)
            highest = max(highest, resident_bytes())
            del batch
    assert count == 1200
    assert highest - before < 40e6


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_closed_readers_hold_no_files(reader: str, clip: Clip) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    path = clip("portrait.mp4")
    with open_video(path, reader) as video:
        video.fetch([3])
    before = open_files()
    for _ in range(40):
        with open_video(path, reader) as video:
            video.fetch([3])
    assert open_files() == before


@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_a_reader_a_thread(reader: str, clip: Clip) -> None:
    path, right = clip("plain.mp4"), []

    def work(seed: int) -> None:
        wanted = np.unique(np.random.default_rng(seed).integers(0, 60, 20)).tolist()
        with open_video(path, reader) as video:
            right.append(numbers(video.fetch(wanted).pixels, "plain.mp4") == wanted)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 6


@pytest.mark.parametrize("rate", [0, -1.0])
def test_a_rate_of_nothing_is_rejected(rate: float, clip: Clip) -> None:
    video: VideoReader
    with open_video(clip("one.mp4")) as video, pytest.raises(ValueError, match="above 0"):
        list(video.scan(rate))
