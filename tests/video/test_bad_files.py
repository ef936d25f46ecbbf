"""A bad file is a VideoError that names it and a way out; a bad frame never passes for a good."""

from __future__ import annotations

import contextlib
import importlib.metadata
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support import make_video, read_number
from tests.video.clips import FOR_PYAV_ONLY
from tspo_bench.errors import UserError, VideoError
from tspo_bench.video import decoders, open_video, probe

Clip = Callable[[str], Path]


def sound_only(path: Path, seconds: int = 1) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16_000 * seconds))
    return path


def front_first(source: Path, path: Path) -> Path:
    """The same video with its index in front, as downloads have it."""
    from tests.video.clips import remux

    return remux(source, path, {"movflags": "faststart"})


def keep_share(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def bad_file(kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.mp4"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("404: not found\n" * 50)
    elif kind == "sound":
        return sound_only(folder / "sound.wav")
    elif kind == "cut_without_index":
        return keep_share(make_video(path, 60), 0.6)
    elif kind == "cut_with_index":
        return keep_share(front_first(make_video(folder / "whole.mp4", 60), path), 0.6)
    elif kind == "cut_matroska":
        return keep_share(make_video(folder / "cut.mkv", 60), 0.6)
    return path


@pytest.mark.parametrize("reader", ["pyav", "decord"])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "not found; check the path"),
        ("folder", "is a folder; give a file"),
        ("empty", r"empty \(0 bytes\); fetch it again"),
        ("text", "cannot be read .*; is it a whole video"),
        ("sound", "no video stream, only audio; give a file"),
        ("cut_without_index", "cannot be read .*; is it a whole video"),
        ("cut_with_index", "is cut off: .*; fetch it again"),
        ("cut_matroska", "is cut off: .*; fetch it again"),
    ],
)
def test_bad_files(reader: str, kind: str, reason: str, tmp_path: Path) -> None:
    path = bad_file(kind, tmp_path)
    with pytest.raises(VideoError, match=rf"{path.name}.*{reason}"):
        open_video(path, reader)


def test_pictures_that_end_before_the_sound_are_not_a_cut_off_file(tmp_path: Path) -> None:
    path = tmp_path / "long-sound.mkv"
    with (
        av.open(str(make_video(tmp_path / "short.mp4", 10))) as pictures,
        av.open(str(sound_only(tmp_path / "sound.wav", seconds=6))) as sound,
        av.open(str(path), "w") as made,
    ):
        givens = [pictures, sound]
        streams = [made.add_stream_from_template(given.streams[0]) for given in givens]
        for given, stream in zip(givens, streams, strict=True):
            for packet in given.demux():
                if packet.size:
                    packet.stream = stream
                    made.mux(packet)
    assert probe(path).num_frames == 10


@dataclass(frozen=True)
class Place:
    """Where a frame's packet lies: its place in decoding order, its bytes in the file."""

    order: int
    start: int
    end: int


def places(path: Path) -> list[Place]:
    """The places of an mp4 file's frames, by frame number."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        found = [
            (packet.pts, Place(order, packet.pos, packet.pos + packet.size))
            for order, packet in enumerate(packets)
        ]
    return [place for _, place in sorted(found, key=lambda pair: pair[0])]


def damage(source: Path, path: Path, place: Place, kept: float) -> Path:
    """Copy a file, with a packet overwritten behind the share `kept` of its bytes."""
    data = bytearray(source.read_bytes())
    first = place.start + int((place.end - place.start) * kept)
    data[first : place.end] = b"\xff" * (place.end - first)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_a_damaged_frame_is_an_error_and_no_frame_is_wrong(
    reader: str, clip: Clip, tmp_path: Path
) -> None:
    source = clip("plain.mp4")
    all_places = places(source)
    for number in range(1, 60, 5):
        path = damage(source, tmp_path / "damaged.mp4", all_places[number], kept=0.05)
        with open_video(path, reader) as video:
            with pytest.raises(VideoError, match=r"damaged\.mp4.*(fetch the file again|pyav)"):
                video.fetch([number])
            with pytest.raises(VideoError):
                list(video.scan(rate=10))
            for index in set(range(max(0, number - 6), min(60, number + 7))) - {number}:
                leans_on_it = all_places[index].order > all_places[number].order
                allowed = VideoError if leans_on_it or reader == "decord" else ()
                with contextlib.suppress(allowed):
                    assert read_number(video.fetch([index]).pixels[0]) == index


def test_a_damaged_first_frame_makes_the_file_an_error(clip: Clip, tmp_path: Path) -> None:
    source = clip("plain.mp4")
    path = damage(source, tmp_path / "damaged.mp4", places(source)[0], kept=0.05)
    with pytest.raises(VideoError, match=r"frame 0 of 60 cannot be decoded.*fetch the file again"):
        open_video(path)


def test_damage_costs_no_frame_that_does_not_need_it(clip: Clip, tmp_path: Path) -> None:
    source = clip("plain.mp4")
    broken = next(place for place in places(source) if place.order == 25)  # behind a keyframe
    with open_video(damage(source, tmp_path / "damaged.mp4", broken, 0.05)) as video:
        pixels = video.fetch([3, 20, 36, 40]).pixels
    assert [read_number(picture) for picture in pixels] == [3, 20, 36, 40]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain.mp4", "uneven.mkv", "broadcast.ts"])
def test_garbled_files_raise_nothing_but_video_errors(
    name: str, clip: Clip, tmp_path: Path
) -> None:
    whole, path = clip(name).read_bytes(), tmp_path / name
    random = np.random.default_rng(0)
    for _ in range(40):
        data = bytearray(whole)
        for place in random.integers(0, len(data) - 8, 3):
            data[place : place + 8] = random.bytes(8)
        path.write_bytes(data)
        with contextlib.suppress(VideoError), open_video(path) as video:
            list(video.scan(rate=5))
            video.fetch([0, video.info.num_frames - 1])


def test_unknown_codec_is_a_video_error(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    path.write_bytes(clip("plain.mp4").read_bytes().replace(b"avc1", b"zzz1"))
    with pytest.raises(VideoError, match=r"odd\.mp4: FFmpeg has no decoder .*re-encode"):
        probe(path)


def test_metadata_in_another_encoding_does_no_harm(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "latin.mp4"
    path.write_bytes(clip("plain.mp4").read_bytes().replace(b"VideoHandler", b"Vid\xe9oHandler"))
    assert probe(path).num_frames == 60


@pytest.mark.parametrize("name", sorted(FOR_PYAV_ONLY))
def test_decord_rejects_what_it_would_misnumber(name: str, clip: Clip) -> None:
    with pytest.raises(VideoError, match=rf"{name}.*use the reader 'pyav'"):
        open_video(clip(name), "decord")


def test_the_fork_of_decord_that_returns_wrong_frames_is_rejected(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the same module name, and whichever was installed last is imported."""
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "3.4.0" if name == "decord2" else real(name)
    )
    with pytest.raises(UserError, match=r"decord2 returns wrong frames.*install decord==0\.6\.0"):
        open_video(clip("plain.mp4"), "decord")


def test_unknown_reader_names_the_known() -> None:
    with pytest.raises(UserError, match=r"'opencv'.*pyav, decord"):
        open_video(Path("any.mp4"), "opencv")


def test_decoders_gives_the_versions() -> None:
    found = decoders()
    assert found["pyav"] == av.__version__
    assert found["decord"] == "0.6.0"
    assert found["ffmpeg"][0].isdigit()


def test_importing_the_room_imports_no_decoder() -> None:
    code = (
        "import sys, tspo_bench.video; print(sorted({'av', 'decord', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "av" not in eval(done.stdout)
    assert "decord" not in eval(done.stdout)
