"""Which row of a table is the best, where that is more than chance."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

from tspo_bench.report.paired import PairedDifference, holm, paired_difference
from tspo_bench.types import Record

Mark = Literal["best", "second"]
LEVEL = 0.05


def marks(
    rows: Sequence[Sequence[Record]], accuracies: Sequence[float | None]
) -> list[Mark | None]:
    """The marks of rows that answered the same questions.

    All pairs of rows are tested (`paired_difference`), and their p-values adjusted together by
    Holm's rule, as it is the data that say which row is the highest. The row with the highest
    accuracy is *best* if it is better than each other one at 5%; then the next is *second* if it is
    better than each one below it, and there is one.

    Args:
        rows: the records of each row.
        accuracies: the figure that the rows are ordered by; rows without one have no mark.
    """
    found: list[Mark | None] = [None] * len(rows)
    known = [place for place, accuracy in enumerate(accuracies) if accuracy is not None]
    order = sorted(known, key=lambda place: -(accuracies[place] or 0))
    pairs = list(itertools.combinations(order, 2))
    differences = [paired_difference(rows[high], rows[low]) for high, low in pairs]
    adjusted = holm([difference.p_value for difference in differences])
    beaten = {
        pair
        for pair, difference, p in zip(pairs, differences, adjusted, strict=True)
        if _is_better(difference, p)
    }
    for rank, mark in enumerate(("best", "second")):
        below = order[rank + 1 :]
        if not below or not all((order[rank], low) in beaten for low in below):
            break
        found[order[rank]] = "best" if mark == "best" else "second"
    return found


def _is_better(difference: PairedDifference, p: float | None) -> bool:
    return p is not None and p < LEVEL and (difference.difference or 0) > 0
