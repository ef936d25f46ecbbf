"""Candidates drawn at random: what a selection without a look at the video is worth."""

from __future__ import annotations

import random
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.samplers.options import sampler_options
from tspo_bench.samplers.scores import argsort_desc
from tspo_bench.types import Candidates, IntArray, Need, Query, Selection

LOT_FLOOR = 1e-10  # keeps a lot's Gumbel noise finite


def question_generator(seed: int, query: Query) -> random.Random:
    """Random numbers that depend on the seed and the question's id only.

    So neither the order of questions nor `--limit` changes what is drawn.
    """
    # Python promises the same random() for a text seed in every version; numpy does not.
    return random.Random(f"{seed}:{query.question_id}")


def draw(generator: random.Random, logits: ArrayLike, count: int) -> IntArray:
    """Positions [min(count, T)] drawn one after another, without replacement, in that order.

    Each draw is by softmax over the logits of those that are left. Done as the top of logits [T]
    plus Gumbel noise, so the positions of a smaller count come first in those of a larger one.
    Takes T random numbers of the generator.
    """
    values = np.asarray(logits, np.float64)
    lots = np.array([generator.random() for _ in range(len(values))])
    noise = -np.log(-np.log(lots.clip(LOT_FLOOR, 1 - LOT_FLOOR)))
    return argsort_desc(values + noise)[:count]


@sampler_options
class Random:
    """min(k, T) of the T candidates, every subset equally likely.

    A smaller budget's picks are among those of a larger one.
    """

    seed: int = 0
    needs: ClassVar[frozenset[Need]] = frozenset({"probe"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Draw k candidates."""
        drawn = draw(question_generator(self.seed, query), np.zeros(len(candidates)), k)
        return Selection(candidates.indices[np.sort(drawn)])
