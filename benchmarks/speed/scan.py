"""Scan a long video's candidates: 1 a second, 224 pixels, beside the other ways to have them.

`python -m benchmarks.speed.scan` writes results/benchmarks/speed_scan.json. Each way runs in a new
process, whose imports are not timed. "floor" decodes the whole file and keeps nothing.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.measure import write_result
from benchmarks.speed.turns import (
    arguments,
    in_turns,
    memory_of_way,
    run_here,
    summary,
)
from benchmarks.speed.videos import CODECS, long_video

SIDE = 224
LONGEST_CHECKED = 10  # minutes
OURS = ("floor", "ours", "ours, keyframes")


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
    parser = arguments(__doc__, WAYS)
    parser.add_argument("--rounds", type=int, default=2, help="of the first cases")
    parser.add_argument("--minutes", type=int, default=10, help="the long videos have 6 and 18 x")
    given = parser.parse_args()
    if given.way:
        run_here(WAYS, given)
        return
    cases = _cases(given.minutes, given.rounds)
    settings = {"rate": 1.0, "short_side": SIDE, "rounds": given.rounds}
    print(write_result("scan", settings, cases))


def _cases(minutes: int, rounds: int) -> dict[str, Any]:
    """All cases; the slow ones have one round."""
    from benchmarks.speed import loop_filter  # imports torch, which a way need not wait for

    cases: dict[str, Any] = {}

    def compare(minutes: int, height: int, codec: str, rounds: dict[str, int]) -> None:
        name = f"{minutes} min, {height}p, {' '.join(CODECS[codec][1:])}"
        path = long_video(minutes, height, codec)
        if minutes <= LONGEST_CHECKED:
            check_equal(path, height)
        seen = in_turns("scan", rounds, path)
        cases[name] = summary(seen, "floor")

    ours = dict.fromkeys(OURS, 1)
    compare(minutes, 360, "x264", dict.fromkeys(WAYS, rounds))
    compare(minutes, 720, "x264", dict.fromkeys(WAYS, 1) | dict.fromkeys(OURS, rounds))
    for codec in ("x264-no-b", "vp9", "av1"):
        compare(min(4, minutes), 360, codec, ours)
    compare(6 * minutes, 360, "x264", ours | {"decord, small": 1, "torchcodec": 1})
    compare(6 * minutes, 720, "x264", ours)
    filtered = loop_filter.measured(long_video(minutes, 360), SIDE)
    cases[f"{minutes} min, 360p, without loop filter"] = filtered
    longest = long_video(18 * minutes, 360)
    cases[f"{18 * minutes} min, 360p, memory of all processes"] = {
        name: memory_of_way("scan", name, longest) for name in OURS[1:]
    }
    return cases


def check_equal(path: Path, height: int) -> None:
    """Our scan gives all candidates, with the pixels of a plain decode from front to back.

    Raises:
        AssertionError: it does not.
    """
    import av

    from tspo_bench.video import open_video
    from tspo_bench.video.base import scaled_size
    from tspo_bench.video.rgb import RGBConverter

    convert = RGBConverter(scaled_size(height * 16 // 9, height, SIDE)[0], SIDE)
    with av.open(str(path)) as container, open_video(path) as video:
        container.streams.video[0].thread_type = "AUTO"
        decoded = enumerate(container.decode(video=0))
        wanted = iter(range(0, video.info.num_frames, video.info.candidate_stride(1.0)))
        for frames in video.scan(1.0, SIDE):
            for index, pixels in zip(frames.indices.tolist(), frames.pixels, strict=True):
                assert index == next(wanted), f"frame {index} is none of the candidates"
                plain = next(frame for number, frame in decoded if number == index)
                assert np.array_equal(convert(plain), pixels), f"frame {index} differs"
        assert next(wanted, None) is None, "candidates are missing"


if __name__ == "__main__":
    main()
