"""Reading films of open groups of pictures against their closed twins.

`OMP_NUM_THREADS=1 python -m benchmarks.open_gop` makes an H.264 film of each kind (320 x 180, 30
fps, B-frames, a keyframe at least every 48 frames), scans both at 1 fps to a short side of 160,
fetches 64 scattered frames of each, checks that both readings are those of a plain decode, and
writes results/benchmarks/open_gop.json. Both are timed in one run, in turns: processor seconds of
the process and wall-clock seconds, the median of REPEATS.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tspo_bench.files import make_folder
from tspo_bench.results import describe_environment
from tspo_bench.video import open_video

RESULTS = Path("results/benchmarks")
MINUTES, RATE, SIZE, SHORT_SIDE, FETCHED = 20, 30, (320, 180), 160, 64
REPEATS = 3
X264 = "preset=ultrafast:bframes=3:b-adapt=0:keyint=48:scenecut=0:open-gop="


def make_film(path: Path, is_open: bool) -> None:
    """A moving gradient with noise, so that each frame differs and pictures are predicted."""
    noise = np.random.default_rng(0).integers(0, 60, (SIZE[1], SIZE[0] * 2, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", RATE, options={"x264-params": X264 + str(int(is_open))}
        )
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for number in range(MINUTES * 60 * RATE):
            shift = number % SIZE[0]
            picture = noise[:, shift : shift + SIZE[0]] + np.uint8(number % 190)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def scan(path: Path) -> int:
    """The number of candidates that a scan of the film gives."""
    with open_video(path) as video:
        return sum(len(batch) for batch in video.scan(1.0, SHORT_SIDE))


def fetch(path: Path) -> int:
    """The number of frames that a fetch of scattered ones gives."""
    with open_video(path) as video:
        indices = np.random.default_rng(1).choice(video.info.num_frames, FETCHED, replace=False)
        return len(video.fetch(np.sort(indices)))


def check(path: Path) -> None:
    """Compare frames from all over the film with a plain decode from its start."""
    wanted = set(np.linspace(0, MINUTES * 60 * RATE - 1, 40).astype(int).tolist())
    with av.open(str(path)) as container, open_video(path) as video:
        found = video.fetch(sorted(wanted)).pixels
        plain = (f for n, f in enumerate(container.decode(video=0)) if n in wanted)
        for ours, frame in zip(found, plain, strict=True):
            theirs = frame.reformat(format="rgb24").to_ndarray()
            # PyAV's own conversion rounds otherwise; a neighbouring frame differs by far more.
            assert np.abs(ours.astype(int) - theirs).mean() < 2.0


def timed(work: Callable[[Path], int], path: Path) -> dict[str, float]:
    """Processor and wall-clock seconds of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    work(path)
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def main() -> None:
    """Time both films in turns and write what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        films = {kind: Path(folder) / f"{kind}.mp4" for kind in ("closed", "open")}
        for kind, path in films.items():
            make_film(path, kind == "open")
            check(path)
        seconds: dict[str, dict[str, Any]] = {}
        for work in (scan, fetch):
            runs = [
                {kind: timed(work, path) for kind, path in films.items()} for _ in range(REPEATS)
            ]
            seconds[work.__name__] = {
                clock: {kind: statistics.median(run[kind][clock] for run in runs) for kind in films}
                for clock in ("cpu", "wall")
            }
    film = {"minutes": MINUTES, "rate": RATE, "size": SIZE, "x264": X264, "fetched": FETCHED}
    found = {
        "command": "OMP_NUM_THREADS=1 python -m benchmarks.open_gop",
        "film": film,
        "seconds": seconds,
        "environment": describe_environment(),
    }
    make_folder(RESULTS, "run this in the repository's root")
    (RESULTS / "open_gop.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(seconds, indent=2))


if __name__ == "__main__":
    main()
