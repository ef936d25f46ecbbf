"""Evenly spaced frames of the whole video: the baseline of every paper, which has many meanings."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from tspo_bench.samplers.options import Short, sampler_options
from tspo_bench.types import Candidates, IntArray, Need, Query, Selection

_QWEN_MOST = 768  # frames


def both_ends(num_frames: int, k: int) -> IntArray:
    """The first, the last and evenly between, truncated: LLaVA-Video's rule.

    Source: LLaVA-NeXT and lmms-eval `llava_vid`, with `force_sample`; the TSPO paper's baseline.
    """
    return np.linspace(0, num_frames - 1, k).astype(np.int64)


def left_edge(num_frames: int, k: int) -> IntArray:
    """The first frame of each of k parts of int(N / k) frames: LongVideoBench's own loader."""
    return num_frames // k * np.arange(k, dtype=np.int64)


def bin_centres(num_frames: int, k: int) -> IntArray:
    """The middle of each of k parts: MLVU's own loader (MVBench's and VideoChat2's too)."""
    size = (num_frames - 1) / k
    return int(size / 2) + np.round(size * np.arange(k)).astype(np.int64)


def qwen_reader(num_frames: int, k: int, frame_rate: float) -> IntArray:
    """k evenly spaced of the frames that Qwen's own reader takes: 2 a second, at most 768.

    A video of fewer than k / 2 seconds has fewer of these; each is given once.

    Source: `smart_nframes` of qwen-vl-utils, thinned out by lmms-eval's `qwen2_5_vl`. They round
    in float32, so that in one video of seven some frames are the next ones.
    """
    most = min(_QWEN_MOST, num_frames) // 2 * 2
    count = int(min(max(2 * num_frames / frame_rate, 4), most)) // 2 * 2
    taken = np.round(np.linspace(0, num_frames - 1, count)).astype(np.int64)
    return np.unique(taken[np.linspace(0, count - 1, k).astype(np.int64)])


VARIANTS: dict[str, Callable[[int, int], IntArray]] = {
    "both-ends": both_ends,
    "left-edge": left_edge,
    "bin-centres": bin_centres,
}


@sampler_options
class Uniform:
    """min(k, N) evenly spaced frames of the video's N, not only of its candidates.

    Where N <= k these are all frames. Otherwise the steps of each variant are longer than one
    frame, so its frames are distinct.

    Args:
        variant: where the frames are, one of VARIANTS, or "qwen": `qwen_reader`.
        short: what is shown of a video of k candidates or fewer: "uniform", k frames as for any
            other; "candidates", these alone (LLaVA-Video in lmms-eval, without `force_sample`).
    """

    variant: Literal["both-ends", "left-edge", "bin-centres", "qwen"] = "both-ends"
    short: Short = "uniform"
    needs: ClassVar[frozenset[Need]] = frozenset({"probe"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick k evenly spaced frames; the query does not matter."""
        num_frames = candidates.num_frames
        if self.short == "candidates" and 0 < len(candidates) <= k:
            return Selection(candidates.indices)
        if num_frames <= k or k == 0:
            return Selection(np.arange(min(k, num_frames), dtype=np.int64))
        if self.variant == "qwen":
            return Selection(qwen_reader(num_frames, k, candidates.frame_rate))
        return Selection(VARIANTS[self.variant](num_frames, k))
