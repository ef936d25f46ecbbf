"""Multimodal LLMs: frames and a prompt into an answer."""

from __future__ import annotations

from tspo_bench.mllms.base import MLLM
from tspo_bench.mllms.loading import (
    check_asking,
    check_mllm,
    check_server,
    counts_visual_tokens,
    load_mllm,
    registry,
)

__all__ = [
    "MLLM",
    "check_asking",
    "check_mllm",
    "check_server",
    "counts_visual_tokens",
    "load_mllm",
    "registry",
]
