"""BOLT: inverse transform sampling of sharpened scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.samplers.fill import Fill, check_fill, fill_by_score
from tspo_bench.samplers.inverse_transform import inverse_transform
from tspo_bench.samplers.options import check_number
from tspo_bench.samplers.scores import relevance
from tspo_bench.types import Candidates, IntArray, Need, Query, Selection


def bolt(scores: ArrayLike, k: int, power: float = 3.0) -> IntArray:
    """Sorted distinct positions, at most k, that BOLT picks from scores [T].

    The scores are scaled to 0 .. 1 and raised to `power`. Of their cumulative sum, as a share of
    the total, the frames at k evenly spaced shares from 1/k to 1 - 1/k are taken.

    Gives the frames of the released code, which repeats a frame that holds several shares: here it
    is given once. Where that code is undefined we chose: constant scores weigh the same, and k = 1
    (whose share would be 1, the very end) takes the frame at 1/2.

    Source: arXiv 2503.21483, github.com/sming256/BOLT, `select_frames.py`.
    """
    values = np.asarray(scores, np.float64)
    width = np.ptp(values)
    weights = ((values - values.min()) / width) ** power if width > 0 else np.ones_like(values)
    shares = np.linspace(1 / k, 1 - 1 / k, k) if k > 1 else np.array([0.5])
    return inverse_transform(weights, shares)


@dataclass(frozen=True)
class BOLT:
    """Inverse transform sampling on the cosine to the question.

    `fill` is what happens where one frame holds several shares, so that fewer than min(k, T) are
    picked: "score" adds the best-scored of the others, "none" leaves them out.

    Raises:
        UserError: an option that is out of range.
    """

    power: float = 3.0
    fill: Fill = "score"
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})

    def __post_init__(self) -> None:
        check_number("bolt", "power", self.power, above=0)
        check_fill("bolt", self.fill)

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick as published, then fill up.

        Raises:
            UserError: a feature is NaN or infinite.
        """
        scores = relevance(query, candidates)
        published = bolt(scores, k, self.power)
        picks = fill_by_score(published, scores, k) if self.fill == "score" else published
        return Selection(candidates.indices[picks], scores, len(picks) - len(published))
