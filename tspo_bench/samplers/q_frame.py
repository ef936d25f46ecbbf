"""Q-Frame: frames drawn by chances that follow the question."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tspo_bench.samplers.options import Positive, sampler_options
from tspo_bench.samplers.random import draw, question_generator
from tspo_bench.samplers.scores import checked_features
from tspo_bench.types import Candidates, Features, FloatArray, Need, Query, Selection


def products(frames: Features, text: Features) -> FloatArray:
    """Scalar products [T] of features [T, d] and [1, d], equal for equal frames."""
    if frames.shape[1] != text.size:
        raise ValueError(f"frames {list(frames.shape)} and text {list(text.shape)} do not match")
    left, right = frames.astype(np.float64), text.astype(np.float64).reshape(-1)
    return np.asarray(np.einsum("td,d->t", left, right))  # row by row, unlike BLAS


@sampler_options
class QFrame:
    """min(k, T) candidates drawn without replacement by softmax of product / temperature.

    Done by the Gumbel-max trick, as in the paper: noise is added and the best are taken. The
    product is that of the features as the encoder gives them, not normalised, as in the released
    code; the differences of cosines, at 0.8, would be lost in the noise. The draw follows the seed
    and the question's id only. Frames that match equally are drawn as `random` draws them.

    Left out: the paper's multi-resolution (the best frames large, the next ones smaller), since all
    frames of a question have one size here; its 128 evenly spaced candidates, since all samplers
    pick from the same candidates.

    Source: arXiv 2506.22139, github.com/xiaomi-research/q-frame, `TextImageMatching`.
    """

    temperature: Positive = 0.8
    seed: int = 0
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Draw k candidates.

        Raises:
            UserError: a feature is NaN or infinite.
        """
        scores = products(*checked_features(query, candidates))
        drawn = draw(question_generator(self.seed, query), scores / self.temperature, k)
        return Selection(candidates.indices[np.sort(drawn)], scores.astype(np.float32))
