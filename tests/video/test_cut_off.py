"""Files whose header states more than is there are rejected, or read as far as they go."""

from __future__ import annotations

import logging
import shutil
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from tests.support import make_video
from tests.video.clips import DATA, encode, remux
from tests.video.test_bad_files import front_first, keep_share, sound_only
from tests.video.test_times import MPEG4, shown
from tspo_bench.cli import app
from tspo_bench.errors import VideoError
from tspo_bench.video import open_video, probe, trust_packets

# Where durations lie behind a box's name in an MP4 file (ISO 14496-12, version 0).
DURATIONS = {b"mvhd": 20, b"tkhd": 24, b"elst": 12, b"mdhd": 20}


def stating(path: Path, name: bytes, seconds: int) -> Path:
    """Write a duration into the first box of that name of an MP4 file of 6 seconds."""
    data = bytearray(path.read_bytes())
    place = data.index(name) + DURATIONS[name]
    (ticks,) = struct.unpack_from(">I", data, place)
    struct.pack_into(">I", data, place, ticks * seconds // 6)
    path.write_bytes(data)
    return path


def avi(path: Path, empty: int, sound: int = 0, more: int = 0) -> Path:
    """An AVI file of 40 frames, then `empty` empty chunks, whose header states `more` frames."""
    source = encode(path.with_suffix(".mkv"), 40, *MPEG4)
    heard = sound_only(path.with_suffix(".wav"), seconds=max(sound, 1))
    with (
        av.open(str(source)) as given,
        av.open(str(heard)) as voice,
        av.open(str(path), "w") as made,
    ):
        stream = made.add_stream_from_template(given.streams.video[0])
        stream.time_base = Fraction(1, 10)
        track = made.add_stream_from_template(voice.streams.audio[0]) if sound else None
        for number, packet in enumerate(packet for packet in given.demux(video=0) if packet.size):
            packet.time_base, packet.stream = Fraction(1, 10), stream
            packet.pts, packet.dts = number, number
            packet.duration = 1 + empty * (number == 39)
            made.mux(packet)
        for packet in voice.demux() if track else ():
            if packet.size:
                packet.stream = track
                made.mux(packet)
    data = bytearray(path.read_bytes())
    place = data.index(b"strh") + 40
    struct.pack_into("<I", data, place, struct.unpack_from("<I", data, place)[0] + more)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("bframes", [0, 3])
def test_an_mp4_header_that_states_more_than_is_there(
    name: bytes, bframes: int, tmp_path: Path, trusting: None
) -> None:
    options = {"x264-params": f"bframes={bframes}:keyint=12"}
    path = stating(encode(tmp_path / "film.mp4", 60, "libx264", options), name, 60)
    assert shown(path) == list(range(60))
    trust_packets(False)
    with pytest.raises(VideoError, match=r"6\.0 s, .*states \(60\.0 s\).*--trust-packets"):
        probe(path)


def test_what_an_edit_list_cuts_off_behind_is_not_missing(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mp4", 60)
    for name in (b"mvhd", b"tkhd", b"elst"):
        stating(path, name, 3)
    assert shown(path) == list(range(30))


@pytest.mark.parametrize("sound", [0, 60])
def test_an_avi_header_that_states_more_frames_than_there_are(
    sound: int, tmp_path: Path, trusting: None
) -> None:
    path = avi(tmp_path / "film.avi", 20, sound, more=400)
    assert shown(path) == list(range(40))
    trust_packets(False)
    with pytest.raises(VideoError, match=r"header states \(44\.0 s\).*--trust-packets"):
        probe(path)


def test_empty_chunks_behind_the_last_picture_are_there(tmp_path: Path) -> None:
    assert probe(avi(tmp_path / "film.avi", 30)).num_frames == 40


@pytest.mark.parametrize("name", ["film.wmv", "film.ogv", "parts.mp4", "short.mp4", "film.flv"])
def test_a_file_cut_off_anywhere(name: str, tmp_path: Path, trusting: None) -> None:
    path, share = tmp_path / name, 0.5
    if name == "film.ogv":
        shutil.copy(DATA / "theora.ogv", path)
        share = 0.9
    elif name.endswith("mp4"):  # in fragments; and with less than a second missing
        options = {"movflags": "frag_keyframe+empty_moov" if name == "parts.mp4" else "faststart"}
        remux(make_video(tmp_path / "whole.mp4", 60), path, options)
        share = 0.5 if name == "parts.mp4" else 0.96
    else:
        encode(path, 60, "wmv2" if name == "film.wmv" else "flv", {"g": "12", "b": "800k"})
    count = probe(path).num_frames
    with open_video(keep_share(path, share)) as video:
        expected = [round(second * 10) for second in video.times]
    assert 0 < len(expected) < count
    assert shown(path) == expected
    trust_packets(False)
    with pytest.raises(VideoError, match=r"is cut off: its pictures end .*--trust-packets"):
        probe(path)


@pytest.fixture
def trusting() -> Iterator[None]:
    trust_packets()
    yield
    trust_packets(False)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_what_is_there_of_a_cut_off_file_is_read_on_request(
    suffix: str, tmp_path: Path, trusting: None, caplog: pytest.LogCaptureFixture
) -> None:
    whole, path = make_video(tmp_path / f"whole.{suffix}", 60), tmp_path / f"cut.{suffix}"
    keep_share(front_first(whole, path) if suffix == "mp4" else whole.rename(path), 0.8)
    with caplog.at_level(logging.WARNING), open_video(path) as video:
        count = video.info.num_frames
        numbers = [round(second * 10) for second in video.times]
    assert 20 < count < 55
    assert shown(path) == numbers
    warned = [record.getMessage() for record in caplog.records]
    assert len(warned) == 1
    assert f"the {count} frames that are there are read" in warned[0]
    trust_packets(False)
    with pytest.raises(VideoError, match=r"cut off.*header states \(6\.0 s\).*--trust-packets"):
        probe(path)


def test_every_command_that_reads_videos_has_the_option() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    reading = {"run", "select", "recall", "encode", "train", "doctor"}
    having = {
        name
        for name, command in commands.items()
        if any("--trust-packets" in option.opts for option in command.params)
    }
    assert having >= reading | {"report"}


@pytest.mark.slow
def test_the_option_reaches_the_reader(tmp_path: Path, cache: Path) -> None:
    path = keep_share(make_video(tmp_path / "cut.mkv", 60), 0.6)
    ask = ["select", str(path), "-q", "red", "--sampler", "uniform", "--frames", "2"]
    assert CliRunner().invoke(app, [*ask, "--trust-packets"]).exit_code == 0
    assert isinstance(CliRunner().invoke(app, ask).exception, VideoError | SystemExit)
