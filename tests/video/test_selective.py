"""Pictures that no wanted frame needs are left out, and every frame is that of a plain decode."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support import numbered_frame
from tspo_bench.types import Pixels
from tspo_bench.video import candidates, soundness
from tspo_bench.video.pyav_reader import PyAVReader

COUNT = 130
X264 = {"preset": "ultrafast", "bf": "3", "g": "50", "b_strategy": "0", "sc_threshold": "0"}
X265 = "log-level=none:bframes=4:b-adapt=0:keyint=40"
# File name -> encoder, its options, and whether some pictures can be left out.
KINDS = {
    "closed.mp4": ("libx264", X264, True),
    "pyramid.mkv": ("libx264", {**X264, "x264-params": "b-pyramid=normal:ref=4"}, True),
    "open.mp4": ("libx264", {**X264, "x264-params": "open-gop=1"}, True),
    "open.ts": ("libx264", {**X264, "x264-params": "open-gop=1"}, True),
    "slices.mp4": ("libx264", {**X264, "x264-params": "slices=3"}, True),
    "one_group.mp4": ("libx264", {**X264, "g": "9999"}, True),
    "refresh.mp4": ("libx264", {**X264, "x264-params": "intra-refresh=1"}, True),
    "no_b.mp4": ("libx264", {**X264, "bf": "0"}, False),
    "interlaced.mp4": ("libx264", {**X264, "flags": "+ildct+ilme"}, False),
    "counted.avi": ("libx264", X264, False),
    "raw.h264": ("libx264", X264, False),
    "film.flv": ("libx264", X264, True),
    "hevc.mp4": ("libx265", {"preset": "ultrafast", "x265-params": X265}, True),
    "hevc_open.ts": ("libx265", {"preset": "ultrafast", "x265-params": f"{X265}:open-gop=1"}, True),
    "hevc_layers.mp4": (
        "libx265",
        {"preset": "ultrafast", "x265-params": f"{X265}:temporal-layers=2"},
        False,
    ),
    "hevc_layers.ts": (
        "libx265",
        {"preset": "ultrafast", "x265-params": f"{X265}:temporal-layers=2"},
        False,
    ),
    "vp9.webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}, False),
    "av1.mp4": ("libsvtav1", {"preset": "12"}, False),
    "mpeg2.ts": ("mpeg2video", {"bf": "2"}, False),
    "mpeg4.mp4": ("mpeg4", {"bf": "2"}, False),
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kinds")


@pytest.fixture
def packets(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the packets that were decoded and those that were left out."""
    counts: Counter[str] = Counter()
    may_skip, sent = soundness.Gate.may_skip, soundness.Gate.sent

    def counted_skip(gate: soundness.Gate, position: int, packet: av.Packet) -> bool:
        skipped = may_skip(gate, position, packet)
        counts["skipped"] += skipped
        return skipped

    def counted_sent(gate: soundness.Gate, position: int, packet: av.Packet) -> None:
        counts["sent"] += 1
        sent(gate, position, packet)

    monkeypatch.setattr(soundness.Gate, "may_skip", counted_skip)
    monkeypatch.setattr(soundness.Gate, "sent", counted_sent)
    return counts


def make(
    path: Path, codec: str, options: dict[str, str], times: np.ndarray, ticks: int = 25
) -> Path:
    """A film of numbered frames at these times, in units of 1 / `ticks` s."""
    if path.exists():
        return path
    with av.open(str(path), "w") as made:
        stream = made.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.codec_context.time_base = Fraction(1, ticks)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number, 160, 96), "rgb24")
            frame.pts, frame.time_base = int(time), Fraction(1, ticks)
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return path


def by_plain_decode(path: Path, indices: list[int], monkeypatch: pytest.MonkeyPatch) -> Pixels:
    with monkeypatch.context() as patched, PyAVReader(path) as video:
        patched.setattr(soundness.Gate, "may_skip", lambda *_: False)
        return video.fetch(range(video.info.num_frames)).pixels[indices]


@pytest.mark.parametrize("name", KINDS)
def test_frames_are_those_of_a_plain_decode(
    name: str, folder: Path, packets: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    codec, options, can_skip = KINDS[name]
    path = make(folder / name, codec, options, np.arange(COUNT))
    with PyAVReader(path) as video:
        count = video.info.num_frames
        for indices in (range(0, count, 25), range(3, count, 4), (count - 1, count - 2, 1)):
            wanted = sorted(indices)
            expected = by_plain_decode(path, wanted, monkeypatch)
            packets.clear()
            assert np.array_equal(video.fetch(wanted).pixels, expected)
        assert (packets["skipped"] > 0) == can_skip


def test_uneven_times(folder: Path, packets: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    times = np.cumsum(np.random.default_rng(0).integers(10, 90, COUNT))
    path = make(folder / "uneven.mp4", "libx264", X264, times, ticks=1000)
    expected = by_plain_decode(path, [5, 50, 51, 120], monkeypatch)
    with PyAVReader(path) as video:
        assert np.array_equal(video.fetch([5, 50, 51, 120]).pixels, expected)
    assert packets["skipped"]


def test_pictures_that_are_needed_after_all(
    folder: Path, packets: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream whose headers lie: what does not come out is decoded from front to back."""
    path = make(folder / "closed.mp4", "libx264", X264, np.arange(COUNT))
    expected = by_plain_decode(path, [7, 60, 110], monkeypatch)
    may_skip = soundness.Gate.may_skip

    def too_much(gate: soundness.Gate, position: int, packet: av.Packet) -> bool:
        return may_skip(gate, position, packet) or (not packet.is_keyframe and position % 2 == 0)

    monkeypatch.setattr(soundness.Gate, "may_skip", too_much)
    with PyAVReader(path) as video:
        assert np.array_equal(video.fetch([7, 60, 110]).pixels, expected)
        before = packets["skipped"]
        video.fetch([7, 60, 110])  # from now on nothing of this file is left out
        assert packets["skipped"] == before


@pytest.mark.parametrize("name", ["closed.mp4", "open.ts", "hevc.mp4", "counted.avi"])
def test_candidates_by_keyframe(name: str, folder: Path, packets: Counter[str]) -> None:
    codec, options, _ = KINDS[name]
    path = make(folder / name, codec, options, np.arange(COUNT))
    with av.open(str(path)) as container:
        keys = [
            round(float(packet.pts * packet.time_base * 25))
            for packet in container.demux(video=0)
            if packet.is_keyframe and packet.pts is not None
        ]
    with PyAVReader(path) as video:
        packets.clear()
        [frames] = video.scan(1.0, rule="keyframe")
        if name != "counted.avi":  # its times are made up
            nearest = {
                min(keys, key=lambda key: abs(key - keys[0] - tick))
                for tick in (0, 25, 50, 75, 100, 125)
            }
            assert frames.indices.tolist() == sorted(key - keys[0] for key in nearest)
            assert packets["sent"] <= 2 * len(frames)
        again = video.fetch(frames.indices)
        assert np.array_equal(frames.pixels, again.pixels)
        assert np.array_equal(video.keyframes, np.unique(video.keyframes))
        assert (
            len(
                candidates.candidate_indices(
                    video.info, video.times, 0.01, "keyframe", video.keyframes
                )
            )
            == 1
        )
