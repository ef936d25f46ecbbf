"""Frames and a prompt into an answer."""

from __future__ import annotations

from tspo_bench.mllms.loading import check_asking, check_mllm, load_mllm, reach_mllm, registry

__all__ = ["check_asking", "check_mllm", "load_mllm", "reach_mllm", "registry"]
