"""Tiny agents in folders as `tspo-bench train` leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from tspo_bench.agent.query_agent import QueryAgent
from tspo_bench.features import load_encoder


def make_agents(folder: Path, encoder: Path, seeds: Sequence[int | None]) -> Path:
    """Untrained agents of several seeds in seed-N; of the seed None in the folder itself."""
    loaded = load_encoder(str(encoder))
    for seed in seeds:
        torch.manual_seed(100 + (seed or 0))
        agent = QueryAgent(loaded.width, 0.1, encoder=str(encoder), encoder_id=loaded.id, hidden=8)
        torch.nn.init.normal_(agent.head.weight)
        agent.save_pretrained(folder if seed is None else folder / f"seed-{seed}")
    return folder
