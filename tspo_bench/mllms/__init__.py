"""Frames and a prompt into an answer."""

from __future__ import annotations

from tspo_bench.mllms.loading import load_mllm, registry

__all__ = ["load_mllm", "registry"]
