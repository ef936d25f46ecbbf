"""Run the released AKS once and store its picks: aks_reference.json.

    python -m tests.data.samplers.make_aks_reference

Needs github.com/ncTimTang/AKS under $TSPO_BENCH_PEERS (see tests/samplers/peers.py).
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path

from tests.samplers.peers import (
    AKS_SETTINGS,
    NUM_SERIES,
    peer_source,
    run_released_aks,
    score_series,
)


def main() -> None:
    source = peer_source("ncTimTang/AKS", "frame_select.py")
    if source is None:
        raise SystemExit("fetch github:ncTimTang/AKS first, or set TSPO_BENCH_PEERS")
    warnings.simplefilter("ignore", RuntimeWarning)
    rows = []
    for seed in range(NUM_SERIES):
        k, t1, depth = AKS_SETTINGS[seed // 6 % len(AKS_SETTINGS)]
        with tempfile.TemporaryDirectory() as folder:
            [picked] = run_released_aks(
                source, [score_series(seed)], Path(folder), k=k, t1=t1, depth=depth
            )
        rows.append({"seed": seed, "k": k, "t1": t1, "depth": depth, "indices": picked})
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    Path(__file__).with_name("aks_reference.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
