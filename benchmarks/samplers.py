"""The cost of a selection: every sampler that works on scores or features, on one thread.

`OMP_NUM_THREADS=1 python -m benchmarks.samplers` times the samplers of all cards on made-up
features of an hour at 1 fps (T = 3600, d = 512) for K = 64, and writes
results/benchmarks/samplers.json. Samplers that score on demand are given cosines of the same
features, and how many frames they ask for is counted. Agents have random weights. Times are the
processor's, which others on the machine disturb less.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tspo_bench.agent import PaperAgent, QueryAgent
from tspo_bench.files import make_folder
from tspo_bench.results import describe_environment
from tspo_bench.samplers import AGENTS, FrameSampler, load_sampler, registry
from tspo_bench.samplers.scores import cosine
from tspo_bench.types import Candidates, Features, IntArray, Query

RESULTS = Path("results/benchmarks")
T, WIDTH, K = 3600, 512, 64
SCENE = 40  # seconds
REPEATS = 9
TIMED = {"probe", "features", "lazy_scores"}
NOT_TIMED = {"file"}  # reads a published list


class CountedScores:
    """Cosines on demand; remembers which frames were asked for."""

    def __init__(self, features: Features, text: Features) -> None:
        self._features, self._text = features, text
        self.seen: set[int] = set()

    def __call__(self, positions: IntArray) -> Features:
        """Scores [n] of the candidates at these positions."""
        self.seen.update(map(int, positions))
        return cosine(self._features[positions], self._text)


def made_up_video() -> tuple[Query, Candidates]:
    """Scenes of 40 s in narrow directions, as an encoder gives them, and a question of one."""
    rng = np.random.default_rng(0)
    scenes = rng.normal(size=(T // SCENE, WIDTH))[np.arange(T) // SCENE]
    features = rng.normal(size=WIDTH) + 0.7 * scenes + 0.4 * rng.normal(size=(T, WIDTH))
    text = 0.3 * features[T // 3] + rng.normal(size=WIDTH)
    query = Query("q", "v", "What is the man holding?", (), text.astype(np.float32)[None])
    seconds = np.arange(T, dtype=np.float64)
    return query, Candidates(
        np.arange(T) * 25, seconds, T * 25, 25.0, features=features.astype(np.float32)
    )


def timed_samplers(folder: Path) -> dict[str, FrameSampler]:
    """The samplers of all cards that see no more than scores, features or the probe."""
    for kind, agent in (("tspo", PaperAgent), ("tspo-q", QueryAgent)):
        agent(WIDTH, 0.025).save_pretrained(folder / kind)
    found = {}
    for name, card in registry.cards().items():
        if card.problem is None and name not in NOT_TIMED:
            agent_folder = str(folder / name) if name in AGENTS else None
            sampler = load_sampler(name, agent=agent_folder, question_ids=[])
            if sampler.needs and sampler.needs <= TIMED:
                found[name] = sampler
    return found


def measure(sampler: FrameSampler, query: Query, candidates: Candidates) -> dict[str, Any]:
    """Milliseconds of the processor a pick, after one to warm up, and frames scored on demand."""
    milliseconds, scored = [], None
    for repeat in range(REPEATS + 1):
        given = candidates
        if "lazy_scores" in sampler.needs:
            assert candidates.features is not None
            assert query.text_features is not None
            score = CountedScores(candidates.features, query.text_features)
            given = Candidates(
                candidates.indices, candidates.seconds, candidates.num_frames,
                candidates.frame_rate, score=score,
            )  # fmt: skip
        start = time.process_time()
        picked = sampler.select(query, given, K)
        if repeat:
            milliseconds.append(1000 * (time.process_time() - start))
        if len(picked.indices) != K:
            raise AssertionError(f"{sampler} gave {len(picked.indices)} frames")
        scored = len(score.seen) if given.score else None
    return {
        "needs": sorted(sampler.needs),
        "median_ms": round(statistics.median(milliseconds), 2),
        "lowest_ms": round(min(milliseconds), 2),
        "scored_on_demand": scored,
    }


def main() -> None:
    """Time all, print a table, write the results."""
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("start it as OMP_NUM_THREADS=1 python -m benchmarks.samplers")
    query, candidates = made_up_video()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, sampler in timed_samplers(Path(folder)).items():
            figures[name] = figure = measure(sampler, query, candidates)
            asked = figure["scored_on_demand"]
            note = "" if asked is None else f"  {asked} of {T} frames scored"
            print(f"{name:20} {figure['median_ms']:9.2f} ms {figure['lowest_ms']:9.2f} ms{note}")
    results = {
        "command": "OMP_NUM_THREADS=1 python -m benchmarks.samplers",
        "environment": describe_environment(),
        "candidates": T,
        "width": WIDTH,
        "frames": K,
        "repeats": REPEATS,
        "samplers": figures,
    }
    make_folder(RESULTS, hint="run this in the repository's root")
    (RESULTS / "samplers.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
