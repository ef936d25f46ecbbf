"""Times several ways to do one thing, in turns: other work on the machine slows all of them."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tspo_bench.files import atomic_write, make_folder
from tspo_bench.results import describe_environment

RESULTS = Path("results/benchmarks")


@dataclass(frozen=True)
class Timing:
    """Wall seconds of each round, and the least processor time of one (children included)."""

    seconds: list[float]
    cpu_seconds: float

    @property
    def median(self) -> float:
        """The middle one of the rounds."""
        return statistics.median(self.seconds)

    def as_json(self) -> dict[str, Any]:
        """Median and spread."""
        return {
            "median_seconds": round(self.median, 4),
            "min_seconds": round(min(self.seconds), 4),
            "max_seconds": round(max(self.seconds), 4),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "rounds": len(self.seconds),
        }


def compare(
    ways: Mapping[str, Callable[[], object]], rounds: int = 3, warm_up: bool = True
) -> dict[str, Timing]:
    """Time each way `rounds` times: one round is all ways, one after the other.

    `ways` must have been checked to give equal results before. The warm-up is not counted.
    """
    if warm_up:
        for run in ways.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    cpu = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, run in ways.items():
            begun, used = time.perf_counter(), cpu_seconds()
            run()
            seconds[name].append(time.perf_counter() - begun)
            cpu[name] = min(cpu[name], cpu_seconds() - used)
    return {name: Timing(seconds[name], cpu[name]) for name in ways}


def write_result(name: str, settings: Mapping[str, Any], cases: Mapping[str, Any]) -> Path:
    """Write results/benchmarks/speed_NAME.json, with the command and the machine."""
    make_folder(RESULTS, hint="run this in the repository's root")
    path = RESULTS / f"speed_{name}.json"
    content = {
        "command": f"python -m benchmarks.speed.{name} {' '.join(sys.argv[1:])}".strip(),
        "settings": dict(settings),
        "environment": describe_environment(),
        "cases": dict(cases),
    }
    with atomic_write(path, "run this in the repository's root") as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    return path


def cpu_seconds() -> float:
    """Of this process and its children, those that have ended included."""
    own, ended = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    alive = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    past = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    return past + sum(times.user + times.system for times in alive)
