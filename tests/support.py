"""What several tests need: small videos made on the spot."""

from __future__ import annotations

import contextlib
import json
import resource
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def numbered_frame(index: int, width: int, height: int) -> np.ndarray:
    """A frame [h, w, 3] whose 16 vertical bars spell its index in binary: readable after H.264."""
    bits = [(index >> bit) & 1 for bit in range(16)]
    row = np.repeat(np.array(bits, np.uint8) * 220 + 16, -(-width // 16))[:width]
    return np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def read_number(pixels: np.ndarray) -> int:
    """The index that `numbered_frame` wrote into a frame [h, w, 3]."""
    height, width, _ = pixels.shape
    bar = -(-width // 16)
    centres = [min(width - 1, bar * bit + bar // 2) for bit in range(16)]
    values = pixels[height // 4 : -height // 4 or None, centres].mean(axis=(0, 2))
    return int(sum(1 << bit for bit in range(16) if values[bit] > 126))


def make_video(
    path: Path,
    num_frames: int,
    *,
    rate: Fraction | int = 10,
    width: int = 160,
    height: int = 96,
    pts: list[int] | None = None,
    pixel_format: str = "yuv420p",
    gop: int = 12,
    first: int = 0,
) -> Path:
    """Write `num_frames` numbered frames as H.264; `pts` (in 1/1000 s) makes the rate variable.

    The numbers begin with `first`.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.codec_context.gop_size = gop
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(
                numbered_frame(first + index, width, height), "rgb24"
            )
            if pts is not None:
                frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@contextlib.contextmanager
def little_room(num_bytes: int) -> Iterator[None]:
    """Let no file of this process grow above `num_bytes`: writing fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def table_rows(printed: str) -> list[dict[str, Any]]:
    """The rows of all tables that `run --json` or `report --format json` printed."""
    return [row for table in json.loads(printed)["tables"] for row in table["rows"]]
