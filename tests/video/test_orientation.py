"""Pictures are mirrored and turned as their display matrix says."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import av
import decord
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from PIL import Image, ImageOps

from tests.support import make_video
from tests.video.clips import remux
from tspo_bench.errors import VideoError
from tspo_bench.types import Pixels
from tspo_bench.video import open_video

Clip = Callable[[str], Path]
Turn = Callable[[Pixels], Pixels]
BILINEAR = Image.Resampling.BILINEAR


def turned(quarters: int) -> Turn:
    """By quarters of a turn clockwise."""
    return lambda pixels: np.rot90(pixels, -quarters, axes=(1, 2))


def mirrored(pixels: Pixels) -> Pixels:
    return pixels[:, :, ::-1]


def flipped(pixels: Pixels) -> Pixels:
    return pixels[:, ::-1]


# a, b, c, d of the matrix (ISO 14496-12, 8.3.2): a point (x, y) is shown at (ax + cy, bx + dy).
MATRICES: dict[str, tuple[tuple[float, float, float, float], Turn]] = {
    "as it is": ((1, 0, 0, 1), lambda pixels: pixels),
    "turned 90": ((0, 1, -1, 0), turned(1)),
    "turned 180": ((-1, 0, 0, -1), turned(2)),
    "turned 270": ((0, -1, 1, 0), turned(3)),
    "mirrored": ((-1, 0, 0, 1), mirrored),
    "flipped": ((1, 0, 0, -1), flipped),
    "transposed": ((0, 1, 1, 0), lambda pixels: pixels.swapaxes(1, 2)),
    "transposed, turned 180": ((0, -1, -1, 0), lambda p: turned(2)(p.swapaxes(1, 2))),
    "mirrored, scaled": ((-2, 0, 0, 3), mirrored),
    "halved": ((0.5, 0, 0, 0.5), lambda pixels: pixels),
    "of zeros": ((0, 0, 0, 0), lambda pixels: pixels),
}


def set_matrix(source: Path, path: Path, matrix: tuple[float, float, float, float]) -> Path:
    """Write a display matrix into the track header of an MP4 file."""
    a, b, c, d = (round(value * (1 << 16)) for value in matrix)
    data = bytearray(source.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">9i", data, place, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("short_side", [None, 48])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("name", MATRICES)
def test_pictures_are_those_of_the_plain_twin_turned(
    name: str, suffix: str, short_side: int | None, clip: Clip, tmp_path: Path
) -> None:
    matrix, turn = MATRICES[name]
    path = set_matrix(clip("plain.mp4"), tmp_path / "set.mp4", matrix)
    if suffix == ".mkv":
        if name == "mirrored, scaled":
            pytest.skip("Matroska's projection has no scale")
        path = remux(path, tmp_path / "set.mkv", {})
    with open_video(clip("plain.mp4")) as plain, open_video(path) as video:
        expected = turn(plain.fetch([0, 41, 7], short_side).pixels)
        shown = video.fetch([0, 41, 7], short_side).pixels
        scanned = np.concatenate([batch.pixels for batch in video.scan(2, short_side)])
        expected_scan = np.concatenate([turn(b.pixels) for b in plain.scan(2, short_side)])
        if short_side is None:
            assert (video.info.width, video.info.height) == (shown.shape[2], shown.shape[1])
    np.testing.assert_array_equal(shown, expected)
    np.testing.assert_array_equal(scanned, expected_scan)


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_decord_shows_the_same_or_is_an_error(
    name: str, suffix: str, clip: Clip, tmp_path: Path
) -> None:
    path = set_matrix(clip("plain.mp4"), tmp_path / "set.mp4", MATRICES[name][0])
    if suffix == ".mkv":
        path = remux(path, tmp_path / "set.mkv", {})
    with open_video(path) as video:
        info, expected = video.info, video.fetch([0, 41, 7]).pixels
    works = not info.mirrored and (suffix == ".mp4" or not info.rotation)
    if works:
        with open_video(path, "decord") as second:
            np.testing.assert_array_equal(second.fetch([0, 41, 7]).pixels, expected)
    else:
        with pytest.raises(VideoError, match="in another orientation; use the reader 'pyav'"):
            open_video(path, "decord")


@pytest.mark.parametrize("degrees", [90, 180])
def test_a_tag_that_turns_pictures_for_decord_alone(
    degrees: int, clip: Clip, tmp_path: Path
) -> None:
    path = tmp_path / "tagged.mkv"
    with av.open(str(clip("plain.mp4"))) as given, av.open(str(path), "w") as made:
        out = made.add_stream_from_template(given.streams.video[0])
        out.metadata["rotate"] = str(degrees)
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = out
                made.mux(packet)
    plain = decord.VideoReader(str(clip("plain.mp4")))[7].asnumpy()
    tagged = decord.VideoReader(str(path))[7].asnumpy()
    np.testing.assert_array_equal(tagged, np.rot90(plain, -degrees // 90))
    with open_video(path) as video:  # ffmpeg does not turn it
        np.testing.assert_array_equal(video.fetch([7]).pixels[0], plain)
    with pytest.raises(VideoError, match="in another orientation; use the reader 'pyav'"):
        open_video(path, "decord")


@pytest.mark.parametrize("degrees", [2, 30, 89, 135, 200, 359])
def test_other_angles_keep_the_size_and_uncover_black(
    degrees: int, clip: Clip, tmp_path: Path
) -> None:
    angle = math.radians(degrees)
    matrix = (math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle))
    path = set_matrix(clip("plain.mp4"), tmp_path / "set.mp4", matrix)
    with open_video(clip("plain.mp4")) as plain, open_video(path) as video:
        flat, shown = plain.fetch([41]).pixels[0], video.fetch([41]).pixels[0]
        assert (video.info.width, video.info.height, video.info.rotation) == (160, 96, degrees)
    right, wrong, unturned = (
        np.abs(shown - np.asarray(Image.fromarray(flat).rotate(angle, BILINEAR), float)).mean()
        for angle in (-degrees, degrees, 0)  # Pillow counts anticlockwise
    )
    assert right < 1.5
    assert min(wrong, unturned) > 3 * right


def test_one_degree_is_none(clip: Clip, tmp_path: Path) -> None:
    matrix = (math.cos(0.015), math.sin(0.015), -math.sin(0.015), math.cos(0.015))
    path = set_matrix(clip("plain.mp4"), tmp_path / "set.mp4", matrix)
    with open_video(clip("plain.mp4")) as plain, open_video(path) as video:
        np.testing.assert_array_equal(video.fetch([7]).pixels, plain.fetch([7]).pixels)


def with_message(source: Path, path: Path, options: str) -> Path:
    """Put H.264's display orientation message (SEI) in front of the first picture."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = given.streams.video[0]
        out = made.add_stream_from_template(stream)
        edit = BitStreamFilterContext(f"h264_metadata=display_orientation=insert:{options}", stream)
        for packet in given.demux(stream):
            for edited in edit.filter(packet if packet.size else None):
                edited.stream = out
                made.mux(edited)
    return path


@pytest.mark.parametrize(
    ("options", "turn"),
    [
        ("rotate=90", turned(3)),  # the message counts anticlockwise
        ("rotate=180", turned(2)),
        ("flip=horizontal", mirrored),
        ("flip=vertical", flipped),
        ("rotate=90:flip=horizontal", lambda pixels: turned(3)(mirrored(pixels))),
        ("rotate=270:flip=vertical", lambda pixels: turned(1)(flipped(pixels))),
    ],
)
def test_a_message_in_the_stream_turns_all_of_its_pictures(
    options: str, turn: Turn, clip: Clip, tmp_path: Path
) -> None:
    path = with_message(clip("plain.mp4"), tmp_path / "message.mp4", options)
    with open_video(clip("plain.mp4")) as plain, open_video(path) as video:
        expected = turn(plain.fetch([0, 41]).pixels)
        np.testing.assert_array_equal(video.fetch([0, 41]).pixels, expected)
    with pytest.raises(VideoError, match="in another orientation"):
        open_video(path, "decord")


def with_unit(source: Path, path: Path, at: int, unit: bytes) -> Path:
    """Put a NAL unit in front of the packet at a position."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = given.streams.video[0]
        out = made.add_stream_from_template(stream)
        packets = [packet for packet in given.demux(stream) if packet.size]
        for position, packet in enumerate(packets):
            front = len(unit).to_bytes(4, "big") + unit if position == at else b""
            copied = av.Packet(front + bytes(packet))
            copied.pts, copied.dts = packet.pts, packet.dts
            copied.time_base, copied.is_keyframe = packet.time_base, packet.is_keyframe
            copied.stream = out
            made.mux(copied)
    return path


def test_a_film_that_turns_on_the_way_is_an_error_there(tmp_path: Path) -> None:
    # SEI 47: cancel 0, mirrors 0 and 0, 0x4000 of 0x10000 anticlockwise, repetition ue(1) = 010.
    bits = "000" + f"{0x4000:016b}" + "010" + "0" + "1"
    message = int(bits, 2).to_bytes(3, "big")
    source = make_video(tmp_path / "plain.mp4", 24, gop=6)
    path = with_unit(source, tmp_path / "turns.mp4", 12, bytes([6, 47, 3]) + message + b"\x80")
    with open_video(path) as video:
        assert video.fetch([0, 11]).pixels.shape == (2, 96, 160, 3)
        with pytest.raises(VideoError, match=r"turns\.mp4: frame 12 .* orientation than frame 0"):
            video.fetch([11, 12])


def test_side_data_that_pyav_does_not_know_hides_no_rotation(clip: Clip, tmp_path: Path) -> None:
    lcevc = bytes([6, 4, 8, 0xB4, 0x00, 0x50, 0x00, 0x01, 1, 2, 3, 0x80])
    source = set_matrix(clip("plain.mp4"), tmp_path / "turned.mp4", (0, 1, -1, 0))
    path = with_unit(source, tmp_path / "enhanced.mp4", 0, lcevc)
    with av.open(str(path)) as container, pytest.raises(ValueError, match="not a valid Type"):
        next(container.decode(video=0)).side_data  # noqa: B018
    with open_video(source) as plain, open_video(path) as video:
        assert video.info.rotation == 90
        np.testing.assert_array_equal(video.fetch([0]).pixels, plain.fetch([0]).pixels)


@pytest.mark.parametrize("value", range(1, 9))
def test_the_exif_orientation_of_a_jpeg(value: int, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    blocks = np.random.default_rng(0).integers(0, 255, (12, 20, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = value
    Image.fromarray(blocks.repeat(8, 0).repeat(8, 1)).save(path, exif=exif, quality=95)
    by_pillow = np.asarray(ImageOps.exif_transpose(Image.open(path)), float)
    with open_video(path) as video:
        shown = video.fetch([0]).pixels[0]
    assert shown.shape == by_pillow.shape
    assert np.abs(shown - by_pillow).mean() < 12  # 4:2:0 colours of blocks


def test_the_films_of_the_field(real_data: Path) -> None:
    folder = real_data / "field" / "video"
    if not folder.is_dir():
        pytest.skip("no field files")
    with open_video(folder / "plain.mp4") as video:
        plain = video.fetch([0, 37, 99]).pixels
    for name, turn in {"matrix_hflip.mp4": mirrored, "matrix_vflip.mp4": flipped}.items():
        with open_video(folder / name) as video:
            np.testing.assert_array_equal(video.fetch([0, 37, 99]).pixels, turn(plain))
