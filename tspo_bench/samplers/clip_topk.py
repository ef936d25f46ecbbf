"""The frames most similar to the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tspo_bench.samplers.scores import relevance, top_k
from tspo_bench.types import Candidates, Need, Query, Selection


@dataclass(frozen=True)
class ClipTopK:
    """The min(k, T) candidates with the highest cosine to the question, the earliest on ties."""

    needs: ClassVar[frozenset[Need]] = frozenset({"features"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick the k best-scored candidates.

        Raises:
            UserError: a feature is NaN or infinite.
        """
        scores = relevance(query, candidates)
        return Selection(candidates.indices[top_k(scores, k)], scores)
