"""How a video's questions are cut into parts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.evaluation.chunks import chunk_by_frames

PICKS = st.lists(st.lists(st.integers(0, 30), max_size=8), min_size=1, max_size=12)


@given(picks=PICKS, most=st.integers(0, 20))
def test_parts_are_as_long_as_the_bound_allows(picks: list[list[int]], most: int) -> None:
    arrays = [np.array(sorted(set(pick)), np.int64) for pick in picks]
    parts = list(chunk_by_frames(arrays, most))
    places = range(len(picks))
    assert [i for part in parts for i in places[part]] == list(places)

    def union(runs: list[list[int]]) -> int:
        return len({index for run in runs for index in run})

    for part in parts:
        assert union(picks[part]) <= most or len(picks[part]) == 1
    for part in parts[:-1]:  # one more would have been too many
        assert union(picks[part.start : part.stop + 1]) > most
