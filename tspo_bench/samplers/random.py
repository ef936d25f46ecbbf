"""Candidates drawn at random: what a selection without a look at the video is worth."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.samplers.scores import top_k
from tspo_bench.types import Candidates, Need, Query, Selection


@dataclass(frozen=True)
class Random:
    """min(k, T) of the T candidates, every subset equally likely.

    The draw hangs on the seed and the question's id only, so neither the order of questions nor
    `--limit` changes it, and a smaller budget's picks are among those of a larger one.

    Raises:
        UserError: a seed that is no whole number.
    """

    seed: int = 0
    needs: ClassVar[frozenset[Need]] = frozenset({"probe"})

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise UserError(f"sampler 'random': seed={self.seed!r}; use a whole number")

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick the k candidates with the highest lots."""
        # Python promises the same random() for a text seed in every version; numpy does not.
        generator = random.Random(f"{self.seed}:{query.question_id}")
        lots = np.array([generator.random() for _ in range(len(candidates))])
        return Selection(candidates.indices[top_k(lots, k)])
