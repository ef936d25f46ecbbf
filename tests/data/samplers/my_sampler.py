"""A custom sampler in 30 lines: the best-scored frames, `gap` seconds apart at least.

tspo-bench run --task haystack --sampler uniform,my_sampler:SpacedBest[gap=3]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tspo_bench.samplers.fill import fill_by_score
from tspo_bench.samplers.scores import argsort_desc, relevance
from tspo_bench.types import Candidates, Need, Query, Selection


@dataclass(frozen=True)
class SpacedBest:
    gap: float = 2.0
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        scores = relevance(query, candidates)
        picked: list[int] = []
        for frame in argsort_desc(scores):
            apart = np.abs(candidates.seconds[picked] - candidates.seconds[frame]) >= self.gap
            if len(picked) < k and apart.all():
                picked.append(int(frame))
        picks = fill_by_score(np.array(picked, np.int64), scores, k)
        return Selection(candidates.indices[picks], scores, num_filled=len(picks) - len(picked))
