"""Surprising frames: those that the frames before them do not foretell. Looks at no question."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tspo_bench.samplers.fill import filled
from tspo_bench.samplers.options import Count, sampler_options
from tspo_bench.samplers.scores import top_k, unit_features
from tspo_bench.types import Candidates, Features, IntArray, Need, Query, Selection


def surprises(frames: Features) -> Features:
    """How far each of the frames [T, d] lies from where those before it point, [T].

    The prediction is the Taylor series about the frame before, up to its second term, with
    backward differences for velocity and acceleration: f[t-1] + v + a / 2, v = f[t-1] - f[t-2],
    a = f[t-1] - 2 f[t-2] + f[t-3]. Before its start the video is taken to stand still.
    """
    padded = np.concatenate([np.repeat(frames[:1], 3, axis=0), frames])
    one, two, three = padded[2:-1], padded[1:-2], padded[:-3]
    velocity, acceleration = one - two, one - 2 * two + three
    residual = frames - (one + velocity + acceleration / 2)
    return np.asarray(np.linalg.norm(residual, axis=1), np.float32)


def peaks(scores: Features, radius: int) -> IntArray:
    """Positions whose score is the highest of all within `radius`, the earliest on ties."""
    edge = np.full(radius, -np.inf, scores.dtype)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([edge, scores, edge]), 2 * radius + 1
    )
    return np.flatnonzero(windows.argmax(axis=1) == radius)


@sampler_options
class Surprise:
    """The most surprising moments of the video: the idea of Swift Sampling, arXiv 2605.22678.

    The paper measures the residual of a Taylor expansion of the frames' features, with velocity
    and acceleration, and takes the largest residuals of their temporal neighbourhood. What its
    public descriptions leave open was chosen here: features have length 1, `radius` is 2 (one jump
    echoes in the two residuals after it), ties go to the earliest, and where there are fewer peaks
    than frames asked for, the highest residuals of the others fill up.
    """

    radius: Count = 2
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick the highest peaks, then fill up; the query does not matter.

        Raises:
            UserError: a feature is NaN or infinite.
        """
        frames, _ = unit_features(query, candidates)
        scores = surprises(frames)
        found = peaks(scores, self.radius)
        return filled(candidates, found[top_k(scores[found], k)], scores, k)
