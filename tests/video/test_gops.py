"""Groups of pictures of every kind: all frames, as a plain decode from the start shows them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.support import read_number
from tests.video.clips import encode, remux
from tspo_bench.errors import VideoError
from tspo_bench.types import Pixels
from tspo_bench.video import open_video, soundness

X264 = "bframes=3:keyint=12:min-keyint=12:scenecut=0"
X265 = f"{X264}:log-level=none"
STREAMS: dict[str, tuple[str, dict[str, str]]] = {
    "closed": ("libx264", {"x264-params": f"{X264}:open-gop=0"}),
    "open": ("libx264", {"x264-params": f"{X264}:open-gop=1"}),
    "pyramid": ("libx264", {"x264-params": f"{X264}:open-gop=1:bframes=5:b-pyramid=normal:ref=8"}),
    "interlaced": ("libx264", {"x264-params": f"{X264}:open-gop=1:interlaced=1"}),
    "refresh": ("libx264", {"x264-params": "intra-refresh=1:keyint=12:bframes=0"}),
    "hevc": ("libx265", {"x265-params": f"{X265}:open-gop=1"}),
    "radl": ("libx265", {"x265-params": f"{X265}:open-gop=0:radl=2"}),
    "mpeg2": ("mpeg2video", {"g": "12", "bf": "2", "b": "800k"}),
    "mpeg4": ("mpeg4", {"g": "12", "bf": "2", "b": "800k"}),
}
COUNT = 60
Made = Callable[[str], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Films of 60 numbered frames: `made("open.mp4")`."""
    folder = tmp_path_factory.mktemp("gops")

    def make(name: str) -> Path:
        path = folder / name
        if not path.exists():
            codec, options = STREAMS[path.stem]
            encode(path, COUNT, codec, options)
        return path

    return make


def decoded(path: Path) -> list[Pixels]:
    """All frames by a plain decode, with nothing of ours in between but the colours."""
    from tspo_bench.video.rgb import RGBConverter

    with av.open(str(path)) as container:
        return [
            RGBConverter(frame.width, frame.height)(frame) for frame in container.decode(video=0)
        ]


def copied(source: Path, path: Path, first: int = 0, without: tuple[int, ...] = ()) -> Path:
    """Copy the packets from position `first` on, as the ffmpeg command cuts a film."""
    with av.open(str(source)) as given, av.open(str(path), "w") as cut:
        stream = cut.add_stream_from_template(given.streams.video[0])
        packets = [packet for packet in given.demux(video=0) if packet.size]
        for position, packet in enumerate(packets):
            if position >= first and position not in without:
                packet.stream = stream
                cut.mux(packet)
    return path


def packets_of(path: Path) -> list[tuple[int, bool, int, int]]:
    """Presentation time, whether a keyframe, place and size of each packet in decoding order."""
    with av.open(str(path)) as container:
        return [
            (p.pts or 0, p.is_keyframe, p.pos or 0, p.size)
            for p in container.demux(video=0)
            if p.size
        ]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The positions of all packets that go to the decoder."""
    positions: list[int] = []
    real = soundness.Gate.sent

    def note(gate: soundness.Gate, position: int, packet: Any) -> None:
        positions.append(position)
        real(gate, position, packet)

    monkeypatch.setattr(soundness.Gate, "sent", note)
    return positions


@pytest.mark.parametrize(
    "name",
    [
        *("open.mp4", "open.mkv", "open.ts", "pyramid.mp4", "interlaced.mp4", "refresh.mp4"),
        *("hevc.mp4", "hevc.mkv", "hevc.ts", "radl.mp4", "mpeg2.mkv", "mpeg2.ts", "mpeg4.mp4"),
    ],
)
def test_frames_in_any_order_equal_a_plain_decode(name: str, made: Made) -> None:
    path = made(name)
    expected = decoded(path)
    assert len(expected) == COUNT
    with open_video(path) as video:
        assert video.info.num_frames == COUNT
        for number in np.random.default_rng(0).permutation(COUNT)[:24].tolist():
            np.testing.assert_array_equal(video.fetch([number]).pixels[0], expected[number])
        np.testing.assert_array_equal(video.fetch(range(COUNT)).pixels, expected)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("kind", ["open", "pyramid", "hevc", "radl", "mpeg2", "mpeg4"])
def test_a_cut_by_stream_copy_shows_what_a_plain_decode_shows(
    kind: str, suffix: str, made: Made, tmp_path: Path
) -> None:
    source = made(f"{kind}.{'ts' if suffix == 'ts' else 'mkv' if kind == 'mpeg2' else 'mp4'}")
    key = [place for place, packet in enumerate(packets_of(source)) if packet[1]][2]
    path = copied(source, tmp_path / f"cut.{suffix}", key)
    expected = decoded(path)
    with open_video(path) as video:
        assert video.info.num_frames == len(expected)
        np.testing.assert_array_equal(video.fetch(range(len(expected))).pixels, expected)
        assert read_number(video.fetch([len(expected) - 1]).pixels[0]) == COUNT - 1
        np.testing.assert_array_equal(video.fetch([20]).pixels[0], expected[20])


def test_an_open_group_costs_one_group_more_for_a_jump(made: Made, sent: list[int]) -> None:
    costs: dict[str, list[int]] = {}
    for kind in ("closed", "open"):
        with open_video(made(f"{kind}.mp4")) as video:
            for number in range(COUNT):
                sent.clear()
                video.fetch([number])
                costs.setdefault(kind, []).append(len(sent))
            sent.clear()
            list(video.scan(rate=1))
            costs[f"{kind} scan"] = [len(sent)]
    group = 12 + 4  # and the pictures that lead it
    assert all(o <= c + group for o, c in zip(costs["open"], costs["closed"], strict=True))
    assert costs["open scan"][0] <= costs["closed scan"][0] + group


def test_a_long_open_film_is_decoded_about_once(tmp_path: Path, sent: list[int]) -> None:
    path = encode(
        tmp_path / "long.mp4",
        600,
        "libx264",
        {"x264-params": "open-gop=1:keyint=30:bframes=3:scenecut=0:preset=ultrafast"},
    )
    with open_video(path) as video:
        sent.clear()
        shown = [read_number(picture) for batch in video.scan(1.0) for picture in batch.pixels]
    assert shown == list(range(0, 600, 10))
    assert len(sent) <= 620


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("open", 0.05), ("open", 0.5), ("pyramid", 0.5), ("closed", 0.05), ("hevc", 0.05)],
)
def test_damage_behind_a_jump_is_an_error_and_no_frame_is_wrong(
    kind: str, kept: float, made: Made, tmp_path: Path
) -> None:
    source = made(f"{kind}.mp4")
    packets, expected = packets_of(source), decoded(source)
    for place in (27, 30, 41):
        _, _, pos, size = packets[place]
        data = bytearray(source.read_bytes())
        data[pos + int(size * kept) : pos + size] = bytes(size - int(size * kept))
        path = tmp_path / "damaged.mp4"
        path.write_bytes(data)
        damaged = sorted(packet[0] for packet in packets).index(packets[place][0])
        with open_video(path) as video:
            with pytest.raises(VideoError, match=r"damaged\.mp4"):
                video.fetch([damaged])
            for number in range(COUNT):
                position = video.timeline.positions[number]  # type: ignore[attr-defined]
                start = video.timeline.starts[number]  # type: ignore[attr-defined]
                allowed = VideoError if start <= place <= position else ()
                with contextlib.suppress(allowed):
                    pixels = video.fetch([number]).pixels[0]
                    np.testing.assert_array_equal(pixels, expected[number])


@pytest.mark.parametrize("name", ["open.mkv", "open.ts", "closed.mp4", "hevc.mkv", "hevc.ts"])
def test_a_hole_of_16_bytes_is_not_a_silent_error(name: str, made: Made, tmp_path: Path) -> None:
    source = made(name)
    with open_video(source) as video:
        expected, times = video.fetch(range(COUNT)).pixels, video.times
    packets, whole = packets_of(source), source.read_bytes()
    failures = 0
    for seed in range(8):
        random = np.random.default_rng(seed)
        _, _, pos, size = packets[int(random.integers(COUNT))]
        first = pos + int(random.integers(max(1, size - 16)))
        path = tmp_path / f"hole.{source.suffix}"
        path.write_bytes(whole[:first] + bytes(16) + whole[first + 16 :])
        with contextlib.suppress(VideoError), open_video(path) as video:
            for index in range(0, video.info.num_frames, 3):
                number = int(np.abs(times - video.times[index]).argmin())
                try:
                    pixels = video.fetch([index]).pixels[0]
                except VideoError:
                    failures += 1
                else:
                    np.testing.assert_array_equal(pixels, expected[number])
    assert failures


def test_what_leans_on_a_lost_hevc_picture_is_not_passed_on(made: Made, tmp_path: Path) -> None:
    source = made("hevc.mp4")
    packets, expected = packets_of(source), decoded(source)
    place = 24
    while not packets[place][1]:
        place += 1
    _, _, pos, size = packets[place]
    data = bytearray(source.read_bytes())
    data[pos + 5 : pos + size] = bytes(size - 5)  # no error, and no frame: no slice is a first one
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    failures = []
    with open_video(path) as video:
        for number in range(COUNT):
            try:
                pixels = video.fetch([number]).pixels[0]
            except VideoError:
                failures.append(number)
            else:
                np.testing.assert_array_equal(pixels, expected[number])
    assert 8 < len(failures) < 30


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["open", "pyramid", "closed", "interlaced"])
def test_a_missing_reference_is_not_a_silent_error(kind: str, made: Made, tmp_path: Path) -> None:
    source = made(f"{kind}.mp4")
    packets, expected = packets_of(source), decoded(source)
    times, failures = sorted(packet[0] for packet in packets), 0
    for place in range(13, 48, 7):
        path = copied(source, tmp_path / "missing.mp4", without=(place,))
        left = [number for number in range(COUNT) if times[number] != packets[place][0]]
        with open_video(path) as video:
            for index, number in enumerate(left):
                try:
                    pixels = video.fetch([index]).pixels[0]
                except VideoError:
                    failures += 1
                else:
                    np.testing.assert_array_equal(pixels, expected[number])
    assert 0 < failures < 60  # of 5 x 59: those that lean on the missing one


def test_a_broadcast_that_lost_a_packet_shows_no_patched_frame(made: Made, tmp_path: Path) -> None:
    source = made("open.ts")
    whole, expected = source.read_bytes(), decoded(source)
    with open_video(source) as video:
        times = video.times
    for lost in range(60, len(whole) // 188 - 4, 41):
        path = tmp_path / "lost.ts"
        path.write_bytes(whole[: lost * 188] + whole[(lost + 1) * 188 :])
        with open_video(path) as video:
            for index, second in enumerate(video.times):
                with contextlib.suppress(VideoError):
                    pixels = video.fetch([index]).pixels[0]
                    number = int(np.abs(times - second).argmin())
                    np.testing.assert_array_equal(pixels, expected[number])


def test_damage_in_what_an_edit_list_cuts_off_spoils_what_leans_on_it(
    made: Made, tmp_path: Path
) -> None:
    source = tmp_path / "cut.mp4"
    with av.open(str(made("open.mp4"))) as given:
        shift = int(14 / 10 / given.streams.video[0].time_base)
    options = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    remux(made("open.mp4"), source, options, shift)
    expected = decoded(source)
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        place = max(
            place for place, packet in enumerate(packets) if packet.is_discard and packet.size > 40
        )
        pos, size = packets[place].pos, packets[place].size
    assert pos is not None
    data = bytearray(source.read_bytes())
    data[pos + size // 2 : pos + size] = bytes(size - size // 2)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    with pytest.raises(VideoError), open_video(path) as video:
        video.fetch([0, 3])
    with open_video(source) as video:
        np.testing.assert_array_equal(video.fetch(range(len(expected))).pixels, expected)
