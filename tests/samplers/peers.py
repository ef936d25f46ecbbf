"""The code that papers released, loaded from fetched repositories and run beside ours.

Their code is never copied here. Fetched repositories lie as bare git directories under
$TSPO_BENCH_PEERS (default `peers` in the working folder); tests that need one skip where it is
absent, and `tests/data/samplers/make_aks_reference.py` and `make_search_reference.py` store what
they answered once.
"""

from __future__ import annotations

import ast
import functools
import json
import math
import os
import random
import subprocess
import typing
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tspo_bench.samplers.random import draw

PEERS = Path(os.environ.get("TSPO_BENCH_PEERS", "peers"))  # no such folder: the tests skip
NUM_SERIES = 252

# (k, t1, depth): the two settings that the authors published, and some that leave frames over.
AKS_SETTINGS = [(64, 0.2, 3), (64, 0.8, 5), (8, 0.2, 3), (16, 0.8, 5), (5, 0.2, 3), (7, 0.4, 4)]


def score_series(seed: int) -> list[float]:
    """A series of scores [T] as frames have them: noise, peaks, plateaus, few levels, constant."""
    rng = np.random.RandomState(seed)  # its stream is the same in every numpy
    length = rng.randint(1, 400)
    frames = np.arange(length)
    kind = seed % 6
    scores = rng.normal(0.25, 0.02, length)
    if kind == 1:
        scores += 0.2 * np.exp(-(((frames - rng.uniform(0, length)) / rng.uniform(1, 20)) ** 2))
    elif kind == 2:
        scores = np.cumsum(rng.normal(0, 1, length))
    elif kind == 3:
        scores = np.round(scores, 2)  # many ties
    elif kind == 4:
        scores = rng.beta(0.2, 2, length)  # few stand out, as with a matching head's probability
    elif kind == 5 and seed % 12 == 5:
        scores = np.full(length, 0.25)
    return np.asarray(scores, np.float32).astype(float).tolist()


def peer_source(repository: str, path: str) -> str | None:
    """A file of a fetched repository ("owner/name"), or None where that is absent."""
    folder = PEERS / repository.replace("/", "+") / "repo"
    if not folder.is_dir():
        return None
    command = ["git", "--git-dir", str(folder), "show", f"HEAD:{path}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    return shown.stdout if shown.returncode == 0 else None


def required_source(repository: str, path: str) -> str:
    """As `peer_source`; the test is skipped where the repository is absent."""
    source = peer_source(repository, path)
    if source is None:
        pytest.skip(f"github:{repository} is not fetched; set TSPO_BENCH_PEERS")
    return source


def peer_functions(source: str, names: Sequence[str], **globals_: Any) -> dict[str, Any]:
    """Named functions of a peer's source, methods too, without running its imports."""
    found = [node for node in ast.walk(ast.parse(source)) if getattr(node, "name", None) in names]
    exec(compile(ast.Module(body=found, type_ignores=[]), "peer", "exec"), globals_)
    return globals_


def run_released_aks(
    source: str,
    series: Sequence[Sequence[float]],
    folder: Path,
    *,
    k: int,
    t1: float,
    depth: int,
) -> list[list[int]]:
    """The output of the released `frame_select.py` for these scores: its own main, start to end."""
    space: dict[str, Any] = {"__name__": "frame_select"}
    exec(compile(source, "frame_select.py", "exec"), space)
    (folder / "data").mkdir(parents=True)
    (folder / "scores.json").write_text(json.dumps(series))
    (folder / "frames.json").write_text(json.dumps([list(range(len(row))) for row in series]))
    args = Namespace(
        dataset_name="data",
        extract_feature_model="clip",
        score_path=folder / "scores.json",
        frame_path=folder / "frames.json",
        max_num_frames=k,
        ratio=1,
        t1=t1,
        t2=-100,
        all_depth=depth,
        output_file=folder,
    )
    with np.errstate(all="ignore"):
        space["main"](args)
    return json.loads((folder / "data" / "clip" / "selected_frames.json").read_text())


class SharedDraws:
    """Stands for a numpy generator: draws as our samplers do, for peers that draw."""

    def __init__(self, seed: int) -> None:
        self._generator = random.Random(seed)

    def choice(
        self, options: Any, size: int, replace: bool = False, p: np.ndarray | None = None
    ) -> np.ndarray:
        values = np.arange(options) if isinstance(options, int) else np.asarray(options)
        logits = np.zeros(len(values)) if p is None else np.log(p)
        return values[draw(self._generator, logits, size)]


@functools.cache
def _released_focus(source: str) -> dict[str, Any]:
    names = ("List", "Dict", "Tuple", "Optional", "Callable")
    typed = {name: getattr(typing, name) for name in names}
    found = ["FOCUS", "estimate_arm_scores"]
    return peer_functions(source, found, np=np, math=math, VideoReader=object, **typed)


def run_released_focus(
    source: str, scores: Sequence[float], k: int, rate: float, seed: int, **settings: Any
) -> tuple[list[int], list[list[int]]]:
    """The picks of the released `focus.py` from these scores, and the scores it asks for."""
    released = _released_focus(source)
    asked: list[list[int]] = []

    def similarity(_video: object, _query: str, indices: Sequence[int]) -> list[float]:
        asked.append([int(index) for index in indices])
        return [scores[index] for index in indices]

    class Video:
        def __len__(self) -> int:
            return len(scores)

        def get_avg_fps(self) -> float:
            return rate

    distance = len(scores) / rate / k  # what `select_keyframe.py` makes of its options
    gap = min(0.25 * distance, 1.0) if distance > 0.2 else 0.0
    search = released["FOCUS"](similarity, **settings)
    picks, _ = search.select_keyframes(Video(), "?", k, min_gap_sec=gap, rng=SharedDraws(seed))
    return picks, asked


def frame_directions(seed: int, length: int) -> np.ndarray:
    """Features [length, 8] of length 1 that change little from one frame to the next."""
    steps = np.random.RandomState(seed).normal(size=(length, 8)).cumsum(axis=0)
    return steps / np.linalg.norm(steps, axis=1, keepdims=True)


@functools.cache
def _released_wfs(source: str) -> dict[str, Any]:
    import pywt
    from scipy.signal import find_peaks

    names = ["WFSEventDetector", "WFSBudgetAllocator", "WFSFrameSelector", "WFSConfig", "WFS"]
    names += ["compute_dwt_level", "compute_min_peak_distance"]
    typed = ("List", "Dict", "Tuple", "Optional", "Sequence")
    return peer_functions(
        source,
        names,
        np=np,
        pywt=pywt,
        find_peaks=find_peaks,
        cosine_similarity=lambda left, right: left @ right.T,  # of rows of length 1
        dataclass=dataclass,
        __name__="__main__",
        **{name: getattr(typing, name) for name in typed},
    )


def run_released_wfs(
    source: str, scores: Sequence[float], frames: np.ndarray, k: int, **settings: Any
) -> list[int]:
    """The picks of the released `wfs/core.py`, with the defaults of its `pipeline.py`."""
    released = _released_wfs(source)
    weights = {"w_duration": 0.4, "w_mean": 0.2, "w_max": 0.3, "w_var": 0.1}
    config = released["WFSConfig"](**{**weights, "strictness_factor": 1.2, **settings})
    length = len(scores)
    level = released["compute_dwt_level"](length, wavelet=config.wavelet)
    gap = released["compute_min_peak_distance"](length)
    return released["WFS"](config).select_keyframes(np.array(scores), k, level, gap, frames)
