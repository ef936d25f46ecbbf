"""Frames and text into vectors, and the store that keeps them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tspo_bench.features.encoder import load_encoder
    from tspo_bench.features.store import FeatureStore, StoredCandidates

__all__ = ["FeatureStore", "StoredCandidates", "load_encoder"]

_HOMES = {
    "FeatureStore": "store",
    "StoredCandidates": "store",
    "load_encoder": "encoder",
}


def __getattr__(name: str) -> Any:
    """Import on first use: torch and transformers take seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
