"""Times ways that each run in a process of their own, in turns: decoders disturb each other.

A benchmark's module has `WAYS`: functions of a video's path that return frames, or their number.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.speed.measure import cpu_seconds
from benchmarks.speed.videos import short_video
from tspo_bench.video.lanes import lanes

Way = Callable[[Path], Any]
Run = dict[str, float]


def arguments(doc: str | None, ways: Mapping[str, Way]) -> argparse.ArgumentParser:
    """A parser of the options by which a benchmark runs one of its ways in a new process."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--way", choices=ways, help="run this one on --video and print its figures")
    parser.add_argument("--video", type=Path)
    parser.add_argument("--save", type=Path, help="the way's frames go to this file")
    return parser


def run_here(ways: Mapping[str, Way], given: argparse.Namespace) -> None:
    """Run one way; a short video before it makes its imports and starts its workers."""
    way, is_ours = ways[given.way], given.way.startswith("ours")
    for lane in lanes() if is_ours else ():
        lane.submit(time.time).future.result()
    way(short_video(given.video))
    begun, used = time.perf_counter(), cpu_seconds()
    frames = way(given.video)
    seconds, used = time.perf_counter() - begun, cpu_seconds() - used
    memory = _peak_memory()
    for lane in lanes() if is_ours else ():
        lane.close()
    if given.save:
        np.save(given.save, frames)
    figures = {
        "seconds": seconds,
        "cpu_seconds": used,
        "peak_memory_mib": memory,
        "frames": frames if isinstance(frames, int) else len(frames),
    }
    print(json.dumps(figures))


def in_turns(module: str, rounds: Mapping[str, int], video: Path) -> dict[str, list[Run]]:
    """Run the ways one after the other, again and again, each in as many rounds as it is given.

    The list of a way that fails stays empty.
    """
    seen: dict[str, list[Run]] = {name: [] for name in rounds}
    for number in range(max(rounds.values())):
        for name in (name for name in rounds if number < rounds[name]):
            run = run_way(module, name, video)
            if run is not None:
                seen[name].append(run)
            print(f"{video.name}, round {number + 1}: {name}: {run}", file=sys.stderr)
    return seen


def run_way(module: str, name: str, video: Path, save: Path | None = None) -> Run | None:
    """The figures of one way in a new process; None if it failed, say since it is not installed."""
    command = _command(module, name, video) + (["--save", str(save)] if save else [])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name}: {done.stderr[-400:]}", file=sys.stderr)
        return None
    figures: Run = json.loads(done.stdout.splitlines()[-1])
    return figures


def memory_of_way(module: str, name: str, video: Path) -> dict[str, float]:
    """The most memory that a way's processes take together (shared pages once), by sampling."""
    peak, begun = 0, time.perf_counter()
    with subprocess.Popen(_command(module, name, video), stdout=subprocess.PIPE) as running:
        while running.poll() is None:
            peak = max(peak, _memory(running.pid))
            time.sleep(0.25)
    if running.returncode:
        raise SystemExit(f"{name} failed on {video}")
    seconds = round(time.perf_counter() - begun, 1)
    return {"peak_memory_mib": round(peak / 2**20), "seconds_with_start": seconds}


def _memory(process: int) -> int:
    """Bytes of a process and its descendants (proportional set size)."""
    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(process)
        for one in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += one.memory_full_info().pss
    return total


def _command(module: str, name: str, video: Path) -> list[str]:
    return [
        *(sys.executable, "-m", f"benchmarks.speed.{module}"),
        *("--way", name, "--video", str(video)),
    ]


def summary(seen: Mapping[str, list[Run]], reference: str) -> dict[str, Any]:
    """Medians and spread of each way, and its time as a multiple of the reference's."""
    unit = statistics.median(run["seconds"] for run in seen[reference])
    return {
        name: _figures(runs, unit, reference)
        if runs
        else "not measured: not installed, or it cannot read this"
        for name, runs in seen.items()
    }


def _figures(runs: list[Run], unit: float, reference: str) -> dict[str, Any]:
    seconds = [run["seconds"] for run in runs]
    return {
        "median_seconds": round(statistics.median(seconds), 3),
        "min_seconds": round(min(seconds), 3),
        "max_seconds": round(max(seconds), 3),
        "cpu_seconds": round(min(run["cpu_seconds"] for run in runs), 3),
        f"times_{reference}": round(statistics.median(seconds) / unit, 3),
        "peak_memory_mib": round(max(run["peak_memory_mib"] for run in runs)),
        "frames": runs[0]["frames"],
        "rounds": len(runs),
    }


def _peak_memory() -> float:
    """MiB of this process and its children, each at its peak; of those that ended the largest.

    A program that starts counts its starter's memory in `ru_maxrss`, but not in `VmHWM`.
    """
    here = psutil.Process()
    peaks = [
        int(re.findall(r"VmHWM:\s*(\d+)", Path(f"/proc/{one.pid}/status").read_text())[0])
        for one in (here, *here.children(recursive=True))
    ]
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (sum(peaks) + (0 if len(peaks) > 1 else ended)) / 1024
