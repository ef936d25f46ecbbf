"""The temporal agent: its networks, the policy that draws frames from scores, its checkpoints."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tspo_bench.agent.base import TemporalAgent
    from tspo_bench.agent.checkpoint import load_agent
    from tspo_bench.agent.paper_agent import PaperAgent
    from tspo_bench.agent.query_agent import QueryAgent

__all__ = ["KINDS", "PaperAgent", "QueryAgent", "TemporalAgent", "agent_class", "load_agent"]

# The kinds of agents, by which samplers and `tspo-bench train` name them, and their classes.
KINDS = {"tspo": "PaperAgent", "tspo-q": "QueryAgent"}

_HOMES = {
    "PaperAgent": "paper_agent",
    "QueryAgent": "query_agent",
    "TemporalAgent": "base",
    "load_agent": "checkpoint",
}


def agent_class(kind: str) -> type[TemporalAgent]:
    """The class of one of KINDS."""
    found: type[TemporalAgent] = __getattr__(KINDS[kind])
    return found


def __getattr__(name: str) -> Any:
    """Import on first use: torch and huggingface_hub take seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
