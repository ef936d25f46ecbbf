"""Scan a long video's candidates: 1 a second, 224 pixels, beside the other ways to have them.

`python -m benchmarks.speed.scan` writes results/benchmarks/speed_scan.json. Each way runs in a new
process, whose imports are not timed. "floor" decodes the whole file and keeps nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.measure import write_result
from benchmarks.speed.videos import long_video

SIDE = 224
NOT_INSTALLED = 77


def floor(path: Path) -> int:
    """Decode everything by the ffmpeg binary, with two threads."""
    command = ["ffmpeg", "-v", "error", "-threads", "2", "-i", str(path), "-f", "null", "-"]
    subprocess.run(command, check=True)
    return 0


def ours(path: Path, rule: str = "auto") -> int:
    """Scan by tspo-bench, its workers running."""
    from tspo_bench.video import open_video

    with open_video(path) as video:
        return sum(len(frames) for frames in video.scan(1.0, SIDE, rule=rule))  # type: ignore[arg-type]


def ours_by_keyframes(path: Path) -> int:
    """Scan by `--candidates keyframe`."""
    return ours(path, "keyframe")


def research_way(path: Path) -> int:
    """Read full-size frames with one thread of decord, hold them, and scale each by Pillow."""
    from decord import VideoReader
    from PIL import Image

    reader = VideoReader(str(path), num_threads=1)
    frames = reader.get_batch(range(0, len(reader), round(reader.get_avg_fps()))).asnumpy()
    scaled = [Image.fromarray(frame).resize((SIDE * 16 // 9, SIDE)) for frame in frames]
    return len(scaled)


def decord_small(path: Path) -> int:
    """Let decord scale while it decodes, with all threads."""
    from decord import VideoReader

    reader = VideoReader(str(path), width=SIDE * 16 // 9, height=SIDE)
    wanted = range(0, len(reader), round(reader.get_avg_fps()))
    return sum(
        len(reader.get_batch(wanted[i : i + 64]).asnumpy()) for i in range(0, len(wanted), 64)
    )


def torchcodec(path: Path) -> int:
    """Let torchcodec scale while it decodes."""
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    decoder = VideoDecoder(str(path), transforms=[Resize(size=(SIDE, SIDE * 16 // 9))])
    step = round(decoder.metadata.average_fps)
    wanted = range(0, decoder.metadata.num_frames, step)
    return sum(
        len(decoder.get_frames_at(list(wanted[i : i + 64])).data) for i in range(0, len(wanted), 64)
    )


def ffmpeg_pipe(path: Path) -> int:
    """Select and scale by the ffmpeg binary, and read its pipe."""
    width = SIDE * 16 // 9
    filters = f"select='not(mod(n,30))',scale={width}:{SIDE}"
    command = ["ffmpeg", "-v", "error", "-threads", "2", "-i", str(path), "-vf", filters]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    count = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        while len(running.stdout.read(3 * width * SIDE)) == 3 * width * SIDE:
            count += 1
    return count


WAYS: dict[str, Callable[[Path], int]] = {
    "floor": floor,
    "ours": ours,
    "ours, keyframes": ours_by_keyframes,
    "research way": research_way,
    "decord, small": decord_small,
    "torchcodec": torchcodec,
    "ffmpeg, pipe": ffmpeg_pipe,
}


def main() -> None:
    """Measure, or run one way of it in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS, help="run this one on --video and print its seconds")
    parser.add_argument("--video", type=Path)
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 60])
    parser.add_argument("--rounds", type=int, default=3, help="of the shortest; others have 1")
    given = parser.parse_args()
    if given.way:
        print(json.dumps(_run_here(given.way, given.video)))
        return
    _check_equal(long_video(min(given.minutes), 360))
    cases = {}
    for minutes in given.minutes:
        rounds = given.rounds if minutes == min(given.minutes) else 1
        for height in (360, 720):
            path = long_video(minutes, height)
            cases[f"{minutes} min, {height}p, x264 -bf 3 -g 250"] = _compared(path, rounds, minutes)
    path = write_result("scan", {"rate": 1.0, "short_side": SIDE, "rounds": given.rounds}, cases)
    print(path)


def _compared(path: Path, rounds: int, minutes: int) -> dict[str, Any]:
    ways = [name for name in WAYS if name != "research way" or minutes <= 10]  # it holds all frames
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in ways:
            command = [
                sys.executable,
                "-m",
                "benchmarks.speed.scan",
                "--way",
                name,
                "--video",
                path,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                seen[name].append(json.loads(done.stdout))
            print(
                f"{path.name}, round {number + 1}: {name}: {done.stdout.strip()}", file=sys.stderr
            )
    floor_seconds = statistics.median(one["seconds"] for one in seen["floor"])
    return {
        name: _figures(found, floor_seconds) if found else "not measured: not installed"
        for name, found in seen.items()
    }


def _figures(found: list[dict[str, float]], floor_seconds: float) -> dict[str, Any]:
    seconds = [one["seconds"] for one in found]
    return {
        "median_seconds": round(statistics.median(seconds), 3),
        "min_seconds": round(min(seconds), 3),
        "max_seconds": round(max(seconds), 3),
        "times_floor": round(statistics.median(seconds) / floor_seconds, 3),
        "peak_memory_mib": round(max(one["peak_memory_mib"] for one in found)),
        "frames": found[0]["frames"],
        "rounds": len(seconds),
    }


def _run_here(way: str, path: Path) -> dict[str, float]:
    from tspo_bench.video.lanes import lanes

    workers = lanes() if way.startswith("ours") else ()
    if workers:  # a run starts its workers once
        WAYS[way](next(path.parent.glob("*dc_demo*")))
    else:
        _import(way)
    begun = time.perf_counter()
    frames = WAYS[way](path)
    seconds = time.perf_counter() - begun
    for lane in workers:
        lane.close()
    own, child = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    memory = own + child * max(1, len(workers))
    return {"seconds": seconds, "frames": frames, "peak_memory_mib": memory}


def _import(way: str) -> None:
    if way in ("research way", "decord, small"):
        import decord  # noqa: F401
        from PIL import Image  # noqa: F401
    if way == "torchcodec":
        import torchcodec.decoders
        import torchcodec.transforms  # noqa: F401


def _check_equal(path: Path) -> None:
    """Our scan gives the pixels of a plain decode from front to back.

    Raises:
        AssertionError: it does not.
    """
    import av

    from tspo_bench.video import open_video
    from tspo_bench.video.rgb import RGBConverter

    convert = RGBConverter(round(SIDE * 640 / 360), SIDE)
    with av.open(str(path)) as container, open_video(path) as video:
        decoded = enumerate(container.decode(video=0))
        for frames in video.scan(1.0, SIDE):
            for index, pixels in zip(frames.indices.tolist(), frames.pixels, strict=True):
                plain = next(frame for number, frame in decoded if number == index)
                assert np.array_equal(convert(plain), pixels), f"frame {index} differs"


if __name__ == "__main__":
    main()
