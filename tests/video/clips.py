"""Small clips of numbered frames, each with something that readers get wrong."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av

from tests.support import make_video, numbered_frame

DATA = Path(__file__).parents[1] / "data"
UNEVEN = [0, 40, 90, 100, 250, 300, 333, 500, 820, 830, 900, 1300, 1310, 1400, 1600, 1640, 2000]
TRIMMED = 5  # frames that the edit list of trimmed.mp4 cuts off at the start
# How many frames each clip shows.
COUNTS = {
    "plain.mp4": 60,
    "portrait.mp4": 30,
    "rotated90.mp4": 30,
    "rotated180.mp4": 30,
    "rotated270.mp4": 30,
    "uneven.mp4": len(UNEVEN),
    "uneven.mkv": len(UNEVEN),
    "live.mkv": 60,
    "tenbit.mp4": 40,
    "one.mp4": 1,
    "open_gop.mp4": 60,
    "trimmed.mp4": 60 - TRIMMED,
    "broadcast.ts": 60,
    "raw.h264": 40,
    "old.avi": 40,
    "hidden.webm": 60,
}
FOR_PYAV_ONLY = {
    "live.mkv",
    "open_gop.mp4",
    "trimmed.mp4",
    "broadcast.ts",
    "raw.h264",
    "old.avi",
    "hidden.webm",
}
WITHOUT_TIMES = {"raw.h264", "old.avi"}
ROTATION = {"rotated90.mp4": 90, "rotated180.mp4": 180, "rotated270.mp4": 270}


def make_clip(path: Path) -> Path:
    """Write the clip that `path` is named after."""
    name, count = path.name, COUNTS[path.name]
    plain = path.with_name(f"source-of-{path.name}.mp4")
    if name in ROTATION:
        return rotate(make_video(plain, count), path, ROTATION[name])
    special: dict[str, Callable[[], Path]] = {
        "portrait.mp4": lambda: make_video(path, count, width=96, height=160),
        "uneven.mp4": lambda: make_video(path, count, pts=UNEVEN),
        "uneven.mkv": lambda: make_video(path, count, pts=UNEVEN),
        "live.mkv": lambda: remux(make_video(plain, count), path, {"live": "1"}),
        "tenbit.mp4": lambda: make_video(path, count, pixel_format="yuv420p10le"),
        "open_gop.mp4": lambda: encode(
            path, count, "libx264", {"x264-params": "open-gop=1:keyint=12:bframes=3"}
        ),
        "trimmed.mp4": lambda: trim(make_video(plain, count + TRIMMED), path),
        "hidden.webm": lambda: Path(shutil.copy(DATA / name, path)),
    }
    return special.get(name, lambda: make_video(path, count))()


def remux(source: Path, path: Path, options: dict[str, str], shift: int = 0) -> Path:
    """Copy the packets into another container, `shift` units of time earlier."""
    with av.open(str(source)) as given, av.open(str(path), "w", options=options) as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = stream
                made.mux(packet)
    return path


def trim(source: Path, path: Path) -> Path:
    """Cut the first frames off by an edit list: their packets stay in the file."""
    with av.open(str(source)) as given:
        shift = int(Fraction(TRIMMED, 10) / given.streams.video[0].time_base)
    options = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    return remux(source, path, options, shift)


def rotate(source: Path, path: Path, degrees: int) -> Path:
    """Write a display matrix (ISO 14496-12, track header) into an mp4 file."""
    a, b, c, d = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    data = bytearray(source.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes from the version to the matrix
    one = 1 << 16
    struct.pack_into(">9i", data, matrix, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def encode(path: Path, count: int, codec: str, options: dict[str, str]) -> Path:
    """Encode numbered frames at 10 a second with the encoder's own options."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for index in range(count):
            pixels = numbered_frame(index, 160, 96)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    return path
