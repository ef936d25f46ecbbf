"""Long videos for the benchmarks, made of short real clips."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tspo_bench.files import cache_folder

CLIPS = Path("../shared/real/videos")
CODECS = {
    "x264": ("-c:v", "libx264", "-preset", "medium", "-bf", "3", "-g", "250"),
    "x264-no-b": ("-c:v", "libx264", "-preset", "medium", "-bf", "0", "-g", "250"),
    "vp9": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "250"),
    "av1": ("-c:v", "libsvtav1", "-preset", "12", "-g", "250"),
}


def long_video(minutes: int, height: int, codec: str = "x264") -> Path:
    """A video of the clips in turn, again and again, 16:9 at 30 frames a second; made once.

    Every clip is encoded once and repeated as it is, so that an hour takes no longer to make.
    """
    folder = cache_folder("speed")
    path = folder / f"{codec}-{height}p-{minutes}min.mp4"
    if path.exists():
        return path
    segments = [_segment(clip, height, codec, folder) for clip in sorted(CLIPS.iterdir())]
    listed = folder / "list.txt"
    lines = [f"file '{segment}'" for segment in segments]
    listed.write_text("\n".join(lines * (minutes + 1)))  # a round takes more than a minute
    temporary = path.with_name(f"part-{path.name}")
    _ffmpeg(
        *("-f", "concat", "-safe", "0", "-i", str(listed)),
        *("-t", str(60 * minutes), "-c", "copy", str(temporary)),
    )
    return temporary.rename(path)


def short_video(long: Path) -> Path:
    """One of the clips that a long video is made of."""
    return next(long.parent.glob(f"{long.stem.rpartition('-')[0]}-dc_demo.mp4"))


def _segment(clip: Path, height: int, codec: str, folder: Path) -> Path:
    path = folder / f"{codec}-{height}p-{clip.stem}.mp4"
    width = height * 16 // 9
    fit = f"scale={width}:{height}:force_original_aspect_ratio=decrease"
    if not path.exists():
        temporary = path.with_name(f"part-{path.name}")
        scaled = ("-an", "-r", "30", "-vf", f"{fit},pad={width}:{height}:-1:-1")
        _ffmpeg("-i", str(clip), *scaled, *CODECS[codec], str(temporary))
        temporary.rename(path)
    return path


def _ffmpeg(*arguments: str) -> None:
    quiet = {**os.environ, "SVT_LOG": "1"}
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True, env=quiet)
