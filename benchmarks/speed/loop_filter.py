"""What a scan without the decoder's loop filter saves, and what it changes. Not an option of ours.

Both ways decode in this process, with one thread.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from tspo_bench.features.encoder import load_encoder
from tspo_bench.haystack.world import PICTOGRAMS
from tspo_bench.types import Features, IntArray, Pixels
from tspo_bench.video.pyav_reader import PyAVReader

K = 8
QUERIES = 32


class Unfiltered(PyAVReader):
    """Leaves the loop filter out: errors build up until the next keyframe."""

    def _open(self) -> None:
        self._decoder_options = {**self._decoder_options, "skip_loop_filter": "all"}
        super()._open()


def measured(path: Path, short_side: int) -> dict[str, Any]:
    """Times, and the differences of pixels, features and top-k selections."""
    exact, exact_seconds = _scanned(PyAVReader(path), short_side)
    other, other_seconds = _scanned(Unfiltered(path), short_side)
    encoder = load_encoder("reference")
    features = [_unit(encoder.encode_frames(pixels)) for pixels in (exact, other)]
    texts = _unit(encoder.encode_text(list(PICTOGRAMS)[:QUERIES]))
    picks = [_top(texts @ frames.T) for frames in features]
    shared = [len(set(one) & set(two)) / K for one, two in zip(*picks, strict=True)]
    cosines = np.sum(features[0] * features[1], axis=1)
    return {
        "seconds": round(exact_seconds, 3),
        "seconds_without_loop_filter": round(other_seconds, 3),
        "times_ours": round(other_seconds / exact_seconds, 3),
        "mean_pixel_difference": round(_mean_difference(exact, other), 3),
        "mean_cosine_distance": round(float(1 - cosines.mean()), 6),
        "max_cosine_distance": round(float(1 - cosines.min()), 6),
        "equal_selections": round(float(np.mean(np.array(shared) == 1)), 3),
        "equal_frames": round(float(np.mean(shared)), 3),
        "queries": len(texts),
        "k": K,
    }


def _scanned(reader: PyAVReader, short_side: int) -> tuple[Pixels, float]:
    with reader:
        reader.use_threads(several=False)
        begun = time.perf_counter()
        pixels = np.concatenate([frames.pixels for frames in reader.scan(1.0, short_side)])
        return pixels, time.perf_counter() - begun


def _mean_difference(one: Pixels, two: Pixels) -> float:
    apart = [np.abs(a.astype(int) - b).mean() for a, b in zip(one, two, strict=True)]
    return float(np.mean(apart))


def _unit(features: Features) -> Features:
    unit: Features = features / np.linalg.norm(features, axis=1, keepdims=True)
    return unit


def _top(scores: Features) -> IntArray:
    """The K best frames of each query [q, K]."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :K]
