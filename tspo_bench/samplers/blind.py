"""No frames at all: what the question's words alone give away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tspo_bench.types import Candidates, Need, Query, Selection


@dataclass(frozen=True)
class Blind:
    """Nothing, whatever the budget."""

    needs: ClassVar[frozenset[Need]] = frozenset()

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick no frame."""
        return Selection(np.empty(0, np.int64))
