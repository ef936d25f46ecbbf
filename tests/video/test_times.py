"""Odd clocks: each frame keeps its own number and picture, and a believable time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support import make_video, numbered_frame, read_number
from tests.video.clips import encode
from tspo_bench.video import open_video
from tspo_bench.video.settling import decoded_order, settled
from tspo_bench.video.timeline import lay_out, read_packets

MPEG4 = ("mpeg4", {"g": "12", "bf": "0", "b": "800k"})


def retimed(source: Path, path: Path, change: Callable[[int, int], int]) -> Path:
    """Copy the packets with other times, in milliseconds: `change(position, time)`."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        packets = [packet for packet in given.demux(video=0) if packet.size]
        for position, packet in enumerate(packets):
            assert packet.pts is not None
            time = round(packet.pts * packet.time_base * 1000)
            packet.time_base = Fraction(1, 1000)
            packet.pts, packet.dts = change(position, time), change(0, time)
            packet.stream = stream
            made.mux(packet)
    return path


def shown(path: Path) -> list[int]:
    """The numbers in all pictures, fetched one by one in an order that makes the reader jump."""
    with open_video(path) as video:
        order = np.random.default_rng(2).permutation(video.info.num_frames)
        seen = {n: read_number(video.fetch([n]).pixels[0]) for n in order.tolist()}
        everything = [read_number(picture) for picture in video.fetch(sorted(seen)).pixels]
    assert everything == [seen[number] for number in sorted(seen)]
    return everything


def test_equal_times_lose_no_frame(tmp_path: Path) -> None:
    source = encode(tmp_path / "source.mkv", 60, *MPEG4)
    path = retimed(source, tmp_path / "equal.mkv", lambda n, ms: ms + 100 * (n % 7 == 3))
    with open_video(path) as video:
        times = video.times
    assert shown(path) == list(range(60))
    assert times[3] == times[4] == pytest.approx(0.4)
    assert (np.diff(times) >= 0).all()


def test_empty_chunks_of_an_avi_file_are_time_that_passes(tmp_path: Path) -> None:
    source = encode(tmp_path / "source.mkv", 40, *MPEG4)
    path = tmp_path / "gap.avi"
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        stream.time_base = Fraction(1, 10)
        packets = [packet for packet in given.demux(video=0) if packet.size]
        for number, packet in enumerate(packets):
            packet.time_base = Fraction(1, 10)
            packet.pts = packet.dts = number + 30 * (number >= 20)
            packet.stream = stream
            made.mux(packet)
    with open_video(path) as video:
        expected = [n / 10 + 3 * (n >= 20) for n in range(40)]
        np.testing.assert_allclose(video.times, expected, atol=1e-6)
        assert video.info.duration_seconds == pytest.approx(7.0)
    assert shown(path) == list(range(40))


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("mpeg4", {"g": "12", "bf": "2", "b": "800k"}),
        ("libx264", {"x264-params": "bframes=3:b-pyramid=normal:keyint=12:scenecut=0"}),
        ("libx264", {"x264-params": "bframes=0:keyint=12"}),
    ],
)
@pytest.mark.parametrize("gap", [20, 21, 22])
def test_empty_chunks_between_b_frames(
    codec: str, options: dict[str, str], gap: int, tmp_path: Path
) -> None:
    path = tmp_path / "gap.avi"
    expected = [n + 10 * (n >= gap) for n in range(40)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number, time in enumerate(expected):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number, 160, 96), "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with open_video(path) as video:
        np.testing.assert_allclose(video.times, np.array(expected) / 10, atol=1e-6)
    assert shown(path) == list(range(40))


@pytest.mark.parametrize("odd", [3_600_000, 80_000, 100_000_000])
@pytest.mark.parametrize(
    ("suffix", "place"),
    [("mkv", 31), ("mkv", 58), ("mp4", 31), ("mp4", 59), ("ts", 50), ("ts", 59)],
)
def test_one_absurd_time_does_not_stretch_a_film(
    odd: int, suffix: str, place: int, tmp_path: Path
) -> None:
    if suffix == "mp4" and odd > 2**31 / 90:
        pytest.skip("does not fit into an MP4 file's composition offset")
    source = encode(tmp_path / "source.mkv", 60, "libx264", {"x264-params": "bframes=0:keyint=12"})
    path = tmp_path / f"absurd.{suffix}"
    retimed(source, path, lambda n, ms: 100_000 + ms + odd * (n == place))
    with open_video(path) as video:
        np.testing.assert_allclose(video.times, np.arange(60) / 10, atol=0.051)
        assert read_number(video.fetch([place]).pixels[0]) == place
        assert video.info.duration_seconds == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize(
    ("odd", "milliseconds"),
    [
        *((odd, sign * 3_600_000) for odd in (0, 1, 30, 58, 59) for sign in (1, -1)),
        *((odd, 20_000) for odd in (0, 1, 30, 50, 58)),  # at the very end it may be a still
    ],
)
def test_an_absurd_time_is_seen_wherever_it_lies(
    odd: int, milliseconds: int, tmp_path: Path
) -> None:
    path = encode(tmp_path / "film.mkv", 60, *MPEG4)
    with av.open(str(path)) as container:
        packets, facts = read_packets(container, container.streams.video[0])
    pts, dts = packets.pts.copy(), packets.dts.copy()
    pts[odd] += milliseconds
    dts[odd] += milliseconds

    def order(first: int, last: int) -> list[int]:
        return list(range(first, last + 1))

    made = lay_out(*settled(replace(packets, pts=pts, dts=dts), facts, order))
    assert made.positions.tolist() == list(range(60))
    np.testing.assert_allclose(made.seconds, np.arange(60) / 10, atol=0.051)


@pytest.mark.parametrize("bframes", [3, 0])
def test_times_that_only_number_the_packets_are_not_believed(bframes: int, tmp_path: Path) -> None:
    path = encode(tmp_path / "film.mkv", 40, "libx264", {"x264-params": f"bframes={bframes}"})

    def order(first: int, last: int) -> list[int]:
        with av.open(str(path)) as container:
            return decoded_order(container, container.streams.video[0], first, last)

    with av.open(str(path)) as container:
        packets, facts = read_packets(container, container.streams.video[0])
    assert not settled(packets, facts, order)[1].counted
    # FFmpeg gives the packets of H.264 in MXF such times.
    numbered = replace(packets, pts=np.arange(40), dts=np.arange(40))
    assert settled(numbered, facts, order)[1].counted is (bframes > 0)


def test_a_last_frame_after_a_pause_keeps_its_time(tmp_path: Path) -> None:
    path = encode(
        tmp_path / "film.mkv", 60, "libx264", {"x264-params": "bframes=3:b-adapt=0:scenecut=0"}
    )
    with av.open(str(path)) as container:
        packets, facts = read_packets(container, container.streams.video[0])
    last = int(packets.pts.argmax())
    assert last < 59  # decoded before the pictures that it is shown after
    pts = packets.pts.copy()
    pts[last] += 100_000
    made = lay_out(*settled(replace(packets, pts=pts), facts, lambda *_: []))
    assert made.seconds[-1] == pytest.approx(105.9)


def test_a_long_still_keeps_its_time(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "still.mp4", 40, pts=[n * 100 + 3_600_000 * (n >= 20) for n in range(40)]
    )
    with open_video(path) as video:
        assert video.times[20] == pytest.approx(3602, abs=0.01)
    assert shown(path) == list(range(40))


def test_a_few_packets_without_a_time_are_placed_by_the_decoder(tmp_path: Path) -> None:
    path = encode(
        tmp_path / "film.mkv", 60, "libx264", {"x264-params": "bframes=3:keyint=12:scenecut=0"}
    )
    with open_video(path) as video:
        expected = video.timeline  # type: ignore[attr-defined]

    def order(first: int, last: int) -> list[int]:
        with av.open(str(path)) as container:
            return decoded_order(container, container.streams.video[0], first, last)

    for missing in ([17], [30, 31, 32], [59], [5, 40]):
        with av.open(str(path)) as container:
            packets, facts = read_packets(container, container.streams.video[0])
        timed, pts = packets.timed.copy(), packets.pts.copy()
        timed[missing] = pts[missing] = 0
        made = lay_out(*settled(replace(packets, timed=timed, pts=pts), facts, order))
        assert not made.counted
        np.testing.assert_array_equal(made.positions, expected.positions)
        np.testing.assert_allclose(made.seconds, expected.seconds, atol=0.002)


@pytest.mark.parametrize("codec", ["mpeg1video", "mpeg2video"])
def test_frames_of_a_program_stream_are_their_own(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "film.mpg"
    with av.open(str(path), "w", format="vob") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "12", "bf": "2", "b": "900k"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for index in range(60):
            frame = av.VideoFrame.from_ndarray(numbered_frame(index, 160, 96), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert shown(path) == list(range(60))
    with open_video(path) as video:
        np.testing.assert_allclose(video.times, np.arange(60) / 25, atol=1e-3)
        assert video.info.frame_rate == 25
