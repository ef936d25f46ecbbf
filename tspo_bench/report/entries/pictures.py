"""Pictures that travel in an entry: made, and read with care, as they come from strangers."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tspo_bench.errors import VideoError
from tspo_bench.tasks import Task
from tspo_bench.types import Frames
from tspo_bench.video import open_video

FRAME_SIDE = 336  # pixels
_QUALITY = 85
_BATCH = 32  # frames decoded at once: bounds memory
_MOST_PIXELS = 1 << 24  # of a picture: those that are packed are far smaller


def draw_pictures(task: Task, video: str, indices: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Frames of a video by number, as JPEG files of `FRAME_SIDE` pixels on the short side.

    Raises:
        VideoError: the video is not there, or cannot be decoded.
    """
    from PIL import Image

    if not indices:
        return
    with open_video(task.video_path(video)) as reader:
        for start in range(0, len(indices), _BATCH):
            some = indices[start : start + _BATCH]
            frames = reader.fetch(some, short_side=FRAME_SIDE)
            for index, pixels in zip(some, frames.pixels, strict=True):
                file = io.BytesIO()
                Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
                yield index, file.getvalue()


def read_pictures(paths: Sequence[Path], indices: Sequence[int], short_side: int) -> Frames:
    """The pictures of some frames of one video, scaled to `short_side`; their times are not known.

    Args:
        paths: a JPEG file for each frame.
        indices: the frames' numbers.
        short_side: pixels.

    Raises:
        VideoError: a file is no JPEG picture, is very large, or of another shape than the first.
    """
    from PIL import Image

    pixels = []
    for path in paths:
        try:
            with Image.open(path, formats=["JPEG"]) as image:
                width, height = image.size
                if width * height > _MOST_PIXELS:
                    raise VideoError(f"the entry's picture {path.name} has {width}x{height} pixels")
                scale = short_side / min(width, height)
                size = (max(1, round(width * scale)), max(1, round(height * scale)))
                pixels.append(np.asarray(image.convert("RGB").resize(size)))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise VideoError(f"the entry's picture {path.name} cannot be read: {error}") from error
        if pixels[-1].shape != pixels[0].shape:
            raise VideoError(f"the entry's picture {path.name} is of another shape than the first")
    return Frames(np.array(indices, np.int64), np.full(len(pixels), np.nan), np.stack(pixels))
