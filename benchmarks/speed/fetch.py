"""Fetch 64 scattered frames of a ten-minute video at full size, beside the other ways to have them.

`python -m benchmarks.speed.fetch` writes results/benchmarks/speed_fetch.json. Each way runs in a
new process, whose imports are not timed; opening the file is. All frames are compared first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from benchmarks.speed.measure import write_result
from benchmarks.speed.turns import arguments, in_turns, run_here, run_way, summary
from benchmarks.speed.videos import CODECS, long_video
from tspo_bench.types import IntArray, Pixels
from tspo_bench.video import open_video
from tspo_bench.video.rgb import RGBConverter

FRAMES = 64


def picks(path: Path) -> list[IntArray]:
    """The frames that each of three questions wants [64], rising; half are from a common pool."""
    with av.open(str(path)) as container:
        numbers = np.random.default_rng(0).permutation(container.streams.video[0].frames)
    half = FRAMES // 2
    pool = numbers[:FRAMES]
    own = numbers[FRAMES : FRAMES + 3 * half].reshape(3, half)
    shared = (pool[:half], pool[half // 2 : half // 2 + half], pool[half:])
    return [np.sort(np.concatenate(parts)) for parts in zip(shared, own, strict=True)]


def ours(path: Path) -> Pixels:
    """`fetch`, its workers running."""
    with open_video(path) as video:
        return video.fetch(picks(path)[0]).pixels


def decord(path: Path) -> Pixels:
    """`get_batch` with all threads."""
    from decord import VideoReader

    pixels: Pixels = VideoReader(str(path)).get_batch(picks(path)[0]).asnumpy()
    return pixels


def torchcodec(path: Path, mode: str = "exact", threads: int = 1) -> Pixels:
    """`get_frames_at` with one decoder thread, its default."""
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(str(path), seek_mode=mode, num_ffmpeg_threads=threads)
    frames = decoder.get_frames_at(picks(path)[0].tolist()).data
    pixels: Pixels = frames.permute(0, 2, 3, 1).numpy()
    return pixels


def torchcodec_threads(path: Path) -> Pixels:
    """`get_frames_at` with all threads."""
    return torchcodec(path, threads=0)


def torchcodec_approximate(path: Path) -> Pixels:
    """`get_frames_at` with all threads and without reading the packets first."""
    return torchcodec(path, "approximate", threads=0)


def pyav(path: Path) -> Pixels:
    """A seek for each frame, and decoding from there; FFmpeg's filters convert, as in ours."""
    found = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        convert = RGBConverter(stream.width, stream.height)
        interval = 1 / (stream.average_rate or 30) / (stream.time_base or 1)
        for number in picks(path)[0].tolist():
            time = (stream.start_time or 0) + round(number * interval)
            container.seek(time, stream=stream)
            frames = container.decode(stream)
            found.append(
                convert(next(one for one in frames if (one.pts or 0) > time - interval / 2))
            )
    return np.stack(found)


def ours_together(path: Path) -> int:
    """Three questions as an evaluation has them: the union of their frames, in chunks."""
    from tspo_bench.evaluation.chunks import CHUNK_BYTES, chunk_by_frames

    asked, count = picks(path), 0
    with open_video(path) as video:
        most = CHUNK_BYTES // (3 * video.info.width * video.info.height)
        for chunk in chunk_by_frames(asked, most):
            count += len(video.fetch(np.unique(np.concatenate(asked[chunk]))))
    return count


def ours_apart(path: Path) -> int:
    """Three questions, each with a fetch of its own."""
    with open_video(path) as video:
        return sum(len(video.fetch(indices)) for indices in picks(path))


def decord_apart(path: Path) -> int:
    """Three questions, each with a reader of its own, as the published scripts have it."""
    from decord import VideoReader

    batches = (VideoReader(str(path)).get_batch(indices) for indices in picks(path))
    return sum(len(batch.asnumpy()) for batch in batches)


SINGLE: dict[str, Callable[[Path], Any]] = {
    "ours": ours,
    "decord": decord,
    "torchcodec": torchcodec,
    "torchcodec, all threads": torchcodec_threads,
    "torchcodec, approximate, all threads": torchcodec_approximate,
    "PyAV, a seek a frame": pyav,
}
TOGETHER: dict[str, Callable[[Path], Any]] = {
    "ours, 3 questions": ours_together,
    "ours, 3 questions one by one": ours_apart,
    "decord, 3 questions one by one": decord_apart,
}
WAYS = SINGLE | TOGETHER


def main() -> None:
    """Measure, or run one way of it in this process."""
    parser = arguments(__doc__, WAYS)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    if given.way:
        run_here(WAYS, given)
        return
    cases: dict[str, Any] = {}
    for height in (360, 720):
        path = long_video(given.minutes, height)
        _check_equal(path)
        of_video = f"{given.minutes} min, {height}p, {' '.join(CODECS['x264'][1:])}"
        single = in_turns("fetch", dict.fromkeys(SINGLE, given.rounds), path)
        cases[f"{FRAMES} frames, {of_video}"] = summary(single, "ours")
        together = in_turns("fetch", dict.fromkeys(TOGETHER, given.rounds), path)
        name = f"3 questions with {FRAMES} frames each, {of_video}"
        cases[name] = summary(together, "ours, 3 questions")
    print(write_result("fetch", {"frames": FRAMES, "rounds": given.rounds}, cases))


def _check_equal(path: Path) -> None:
    """All ways give the pixels of a decode from front to back, also where questions share a fetch.

    Raises:
        AssertionError: one of them does not.
    """
    asked = picks(path)
    union = np.unique(np.concatenate(asked))
    expected = _decoded(path, union)
    with open_video(path) as video:
        assert np.array_equal(video.fetch(union).pixels, expected), "ours differ"
    expected = expected[np.searchsorted(union, asked[0])]
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "frames.npy")
        for name in SINGLE:
            if run_way("fetch", name, path, saved) is not None:
                equal = np.array_equal(np.load(saved, mmap_mode="r"), expected)
                assert equal, f"{name}: other pixels"


def _decoded(path: Path, wanted: IntArray) -> Pixels:
    """These frames, by a decode from front to back."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        convert = RGBConverter(stream.width, stream.height)
        numbers = set(wanted.tolist())
        frames = enumerate(container.decode(stream))
        return np.stack([convert(frame) for number, frame in frames if number in numbers])


if __name__ == "__main__":
    main()
