"""Run the released FOCUS and WFS-SB once and store their picks: search_reference.json.

    python -m tests.data.samplers.make_search_reference

Needs github.com/NUS-HPC-AI-Lab/FOCUS and github.com/MAC-AutoML/WFS-SB under $TSPO_BENCH_PEERS (see
tests/samplers/peers.py).
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np

from tests.samplers.peers import (
    NUM_SERIES,
    frame_directions,
    peer_source,
    run_released_focus,
    run_released_wfs,
    score_series,
)


def main() -> None:
    focus = peer_source("NUS-HPC-AI-Lab/FOCUS", "focus.py")
    wfs = peer_source("MAC-AutoML/WFS-SB", "wfs/core.py")
    if focus is None or wfs is None:
        raise SystemExit("fetch the two repositories first, or set TSPO_BENCH_PEERS")
    warnings.simplefilter("ignore", UserWarning)  # series shorter than the wavelet
    rows = []
    for seed in range(NUM_SERIES):
        scores = score_series(seed)
        k, rate = (64, 8, 16, 5)[seed % 4], (1.0, 2.0, 8.0)[seed // 4 % 3]
        if len(scores) <= k:
            continue
        picks, asked = run_released_focus(focus, scores, k, rate, seed)
        row = {"seed": seed, "k": k, "rate": rate, "focus": picks}
        row["num_asked"] = [len(positions) for positions in asked]
        if np.ptp(scores):  # constant: boundaries of rounding errors
            row["wfs"] = run_released_wfs(wfs, scores, frame_directions(seed, len(scores)), k)
        rows.append(row)
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    Path(__file__).with_name("search_reference.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
