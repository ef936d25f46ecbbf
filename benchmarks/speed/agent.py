"""The agents' forward pass over a video's length, against dense attention with a mask.

`python -m benchmarks.speed.agent` scores T frames of width 768 with the paper's agent, with tspo-q,
and with the paper's agent in two dense ways: all T x T products, those outside of the window
masked; and as published, where the mask is filled entry by entry, and the attention without it is
computed too and counts zero times. Each measurement is a process of its own, for its peak memory.
Scores are checked to be equal at T = 300 first. Results go to results/benchmarks/speed_agent.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.measure import compare, write_result
from tspo_bench.agent.base import TemporalAgent
from tspo_bench.agent.paper_agent import PaperAgent, positions
from tspo_bench.agent.query_agent import QueryAgent

WIDTH = 768
LENGTHS = (300, 3600, 14400, 86400)
LONGEST_DENSE = 3600  # 6.6 GB a tensor of products at 14400
CHECKED = 300
DENSE = ("dense", "published")


class DenseAttention(torch.nn.Module):
    """Window attention by a mask over the products of all pairs of frames."""

    def __init__(self, windowed: Any, published: bool) -> None:
        super().__init__()
        self.published = published
        self.heads, self.window = windowed.heads, windowed.window
        self.linears = torch.nn.ModuleList([windowed.Self_q, windowed.Self_k, windowed.Self_v])

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """[1, T, d] to [1, T, d]."""
        query, key, value = (
            linear(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for linear in self.linears
        )
        hidden = (self.filled_mask if self.published else self.mask)(x.shape[1])
        products = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        attended = products.masked_fill(hidden, -torch.inf).softmax(-1) @ value
        if self.published:
            attended = 0.0 * (products.softmax(-1) @ value) + attended
        return attended.transpose(1, 2).reshape(x.shape)

    def mask(self, frames: int) -> Tensor:
        """Which products are outside of the window [T, T]."""
        places = torch.arange(frames)
        offsets = places[None] - places[:, None] + self.window // 2
        return (offsets < 0) | (offsets >= self.window)

    def filled_mask(self, frames: int) -> Tensor:
        """The same, entry by entry."""
        hidden = torch.ones(frames, frames, dtype=torch.bool)
        for frame in range(frames):
            for offset in range(self.window):
                hidden[frame, min(max(frame - self.window // 2 + offset, 0), frames - 1)] = False
        return hidden


class DenseAgent(PaperAgent):
    """The paper's agent with such attention, over all frames in one piece."""

    def __init__(self, width: int, published: bool) -> None:
        super().__init__(width)
        self.temporal = DenseAttention(self.temporal, published)  # type: ignore[assignment]

    def frame_scores(self, frames: Tensor, query: Tensor, lengths: Tensor | None) -> Tensor:
        """See `TemporalAgent.frame_scores`."""
        return self._scores(frames, positions(frames), query, lengths)


def agent_of(way: str) -> TemporalAgent:
    """The agent of a way, its weights drawn with one seed."""
    torch.manual_seed(0)
    if way == "tspo-q":
        return QueryAgent(WIDTH, 1.0).eval()
    if way == "tspo":
        return PaperAgent(WIDTH).eval()
    return DenseAgent(WIDTH, way == "published").eval()


def scored(way: str, frames: int, rounds: int) -> dict[str, Any]:
    """Seconds and peak memory of one way, in this process."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((frames, WIDTH), dtype=np.float32)
    query = rng.standard_normal((1, WIDTH), dtype=np.float32)
    agent = agent_of(way)
    agent.score(features[:CHECKED], query)
    before = _peak_gib()
    timing = compare({way: lambda: agent.score(features, query)}, rounds, warm_up=frames < 14400)
    return {**timing[way].as_json(), "peak_gib_above_inputs": round(_peak_gib() - before, 3)}


def in_own_process(way: str, frames: int, rounds: int) -> dict[str, Any]:
    """`scored`, in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.speed.agent", "--one", way]
    command += ["--frames", str(frames), "--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check_equal() -> float:
    """The largest difference between the scores of the dense ways and ours."""
    rng = np.random.default_rng(1)
    features = rng.standard_normal((CHECKED, WIDTH), dtype=np.float32)
    query = rng.standard_normal((1, WIDTH), dtype=np.float32)
    ours, *dense = (agent_of(way).score(features, query) for way in ("tspo", *DENSE))
    difference = max(float(np.abs(ours - other).max()) for other in dense)
    assert difference < 1e-5, difference
    return difference


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Measure and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", metavar="WAY", help="measure this way alone, here")
    parser.add_argument("--frames", type=int, nargs="+", default=LENGTHS, metavar="T")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(scored(given.one, given.frames[0], given.rounds)))
        return
    cases: dict[str, Any] = {"largest_difference": check_equal()}
    for frames in given.frames:
        ways = ["tspo", "tspo-q", *(DENSE if frames <= LONGEST_DENSE else ())]
        found = {way: in_own_process(way, frames, given.rounds) for way in ways}
        cases[f"T={frames}"] = found
        for way in set(DENSE) & set(ways):
            times = found[way]["median_seconds"] / found["tspo"]["median_seconds"]
            cases[f"T={frames}, {way} over tspo"] = round(times, 1)
    settings = {"width": WIDTH, "rounds": given.rounds, "threads": torch.get_num_threads()}
    print(write_result("agent", settings, cases).read_text())


if __name__ == "__main__":
    main()
