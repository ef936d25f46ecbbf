"""Queries and candidates that the samplers' tests share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tspo_bench.types import Candidates, Query

QUERY = Query("q1", "v.mp4", "What is it?", text_features=np.array([[1, 0]], np.float32))


def drawn_case(
    seed: int, length: int, width: int = 8, scale: float = 1.0
) -> tuple[Query, Candidates]:
    """A question and candidates at 1 fps, with normally distributed features."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(length, width)).astype(np.float32) * np.float32(scale)
    text = rng.normal(size=(1, width)).astype(np.float32)
    query = Query(f"q{seed}", "v.mp4", "?", text_features=text)
    return query, plain_candidates(length, features=features)


def scored_candidates(scores: Sequence[float] | np.ndarray, stride: int = 25) -> Candidates:
    """Candidates at 1 fps whose cosine to `QUERY` is `scores`, each in -1 .. 1."""
    cosines = np.asarray(scores, np.float64)
    features = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)
    return plain_candidates(len(cosines), stride, features.astype(np.float32))


def plain_candidates(
    length: int, stride: int = 25, features: np.ndarray | None = None, extra: int = 7
) -> Candidates:
    """`length` candidates a second apart; the video has `extra` frames after the last."""
    indices = np.arange(length, dtype=np.int64) * stride
    return Candidates(
        indices,
        indices / stride,
        num_frames=int(indices[-1]) + 1 + min(extra, stride - 1),
        frame_rate=float(stride),
        features=features,
    )
