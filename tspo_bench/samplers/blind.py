"""No frames: how far the question's words alone lead."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tspo_bench.samplers.options import sampler_options
from tspo_bench.types import Candidates, Need, Query, Selection


@sampler_options
class Blind:
    """No frame, at any budget."""

    needs: ClassVar[frozenset[Need]] = frozenset()

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick no frame."""
        return Selection(np.empty(0, np.int64))
