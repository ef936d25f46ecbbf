"""Accuracy of the reference MLLM on good, mixed and useless frames.

`python -m benchmarks.reference_bars` answers every question of the haystack's test split (5-minute
videos, K = 8) with six selections and writes results/reference/bars.json. The bars
make sure that on this task it is sampling that is measured.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np

from tspo_bench.evaluation import RunSettings, run_grid
from tspo_bench.report import cells_json
from tspo_bench.results import describe_environment
from tspo_bench.samplers.fill import spread
from tspo_bench.samplers.oracle import evidence_frames, share_out
from tspo_bench.types import Candidates, Need, Query, Selection

HERE = "benchmarks.reference_bars"
BARS = {
    "oracle": (0.85, 1.0),
    f"{HERE}:HalfOracle": (0.80, 1.0),
    f"{HERE}:OutsideEvidence": (0.0, 0.30),
    "blind": (0.20, 0.30),
}


class Mixed:
    """Frames of the evidence, as the oracle shares them out, among random frames outside it."""

    needs: ClassVar[frozenset[Need]] = frozenset({"probe", "evidence"})
    share: ClassVar[float]  # of the budget, for frames inside
    skip: ClassVar[int] = 0  # scenes of the evidence that are left out, from the first on

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """K frames, all of them candidates."""
        pools = evidence_frames(query.evidence, candidates)
        outside = np.setdiff1d(candidates.indices, np.concatenate(pools))
        kept = pools[self.skip :] or pools
        shares = share_out([len(pool) for pool in kept], round(self.share * k))
        chosen = [
            int(index)
            for pool, share in zip(kept, shares, strict=True)
            for index in pool[spread(len(pool), share)]
        ]
        others = random.Random(query.question_id).sample(outside.tolist(), k - len(chosen))
        return Selection(np.sort(np.array([*chosen, *others], np.int64)))


class HalfOracle(Mixed):
    """Half the frames are the oracle's, half lie outside the evidence."""

    share = 0.5


class OutsideEvidence(Mixed):
    """All frames lie outside the evidence."""

    share = 0.0


class WithoutAnchor(Mixed):
    """As HalfOracle, but the evidence's first scene is missing: for `after`, the anchor's."""

    share = 0.5
    skip = 1


def main() -> None:
    """Run the selections and say which bars are met."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/reference-bars")
    samplers = (*BARS, f"{HERE}:WithoutAnchor", "uniform")
    result = run_grid(RunSettings(samplers=samplers, out=out), command=sys.argv)
    rows = []
    for row in cells_json(result.cells)["tables"][0]["rows"]:
        low, high = BARS.get(row["sampler"], (0.0, 1.0))
        types = {name: group["accuracy"] for name, group in row["groups"]["type"].items()}
        figures = ("sampler", "n", "accuracy", "accuracy_low", "accuracy_high", "num_unparsed")
        is_met = low <= row["accuracy"] <= high
        rows.append(
            {**{key: row[key] for key in figures}, "bar": [low, high], "met": is_met, **types}
        )
        print(json.dumps(rows[-1]))
    path = Path("results/reference/bars.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "command": "python -m benchmarks.reference_bars",
        "environment": describe_environment(),
        "cells": rows,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
