"""The oracle: inside the evidence, every span first, filled evenly outside."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samplers.cases import plain_candidates
from tspo_bench.errors import UserError
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.fill import spread
from tspo_bench.samplers.oracle import share_out
from tspo_bench.types import Query, Selection


def select(evidence: list[tuple[float, float]], k: int, length: int = 60) -> Selection:
    query = Query("q1", "v", "?", evidence=tuple(evidence))
    return load_sampler("oracle").select(query, plain_candidates(length, stride=10), k)


@pytest.mark.parametrize(
    ("evidence", "k", "seconds"),
    [
        ([(10, 14)], 4, [10, 11, 12, 13]),  # 14 s is the next scene's
        ([(10, 14)], 2, [11, 13]),
        ([(10, 14)], 1, [12]),
        ([(10, 20), (40, 43)], 2, [15, 41]),  # each span one
        ([(10, 20), (40, 43)], 4, [12, 17, 40, 42]),
        ([(10, 20), (40, 42)], 8, [10, 12, 14, 15, 17, 19, 40, 41]),  # the short one is used up
        ([(10, 11), (20, 21), (30, 31), (40, 41)], 2, [20, 40]),  # spread over the spans
        ([(5.4, 5.4), (30.6, 30.6)], 2, [5, 31]),  # moments: nearest candidates
        ([(5.5, 5.5)], 1, [5]),  # the earlier on ties
        ([(99, 99)], 1, [59]),  # a moment beyond the end
        ([(10, 30), (12, 13)], 2, [12, 20]),  # a frame in both belongs to the shorter
        ([(10, 14), (10, 14)], 2, [11, 13]),  # an annotation given twice is one
        ([(3.2, 3.9)], 1, [3.6]),  # between two candidates: the frame nearest to the middle
    ],
)
def test_picks(evidence: list[tuple[float, float]], k: int, seconds: list[float]) -> None:
    selection = select(evidence, k)
    assert (selection.indices / 10).tolist() == seconds
    assert selection.num_filled == 0
    assert selection.notes == {"evidence_frames": k}


def test_fills_evenly_from_outside_when_the_evidence_is_short() -> None:
    selection = select([(10, 12)], 7)
    inside = [100, 110]
    assert set(inside) <= set(selection.indices.tolist())
    assert selection.num_filled == 5
    assert selection.notes == {"evidence_frames": 2}
    outside = np.array([i for i in range(0, 600, 10) if i not in inside])
    assert set(selection.indices.tolist()) - set(inside) == set(outside[spread(58, 5)].tolist())


def test_needs_evidence() -> None:
    assert load_sampler("oracle").needs == {"probe", "evidence"}
    with pytest.raises(UserError, match="'oracle': question 'q1' has no annotated evidence"):
        select([], 4)


@st.composite
def scenes(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Disjoint spans of 2 to 8 s, as the built-in task has them."""
    cuts = np.cumsum(draw(st.lists(st.integers(2, 8), min_size=2, max_size=12))).tolist()
    spans = list(itertools.pairwise(cuts))
    return draw(st.lists(st.sampled_from(spans), min_size=1, unique=True))


@given(evidence=scenes(), k=st.integers(1, 40))
@settings(deadline=None)
def test_every_span_first_and_never_outside_before_the_evidence_is_used_up(
    evidence: list[tuple[float, float]], k: int
) -> None:
    selection = select(evidence, k, length=100)
    times = selection.indices / 10
    hits = [int(((start <= times) & (times < end)).sum()) for start, end in evidence]
    available = [end - start for start, end in evidence]
    assert len(times) == k
    assert sum(hits) == min(k, sum(available)) == selection.notes["evidence_frames"]
    assert sum(hit > 0 for hit in hits) == min(k, len(evidence))
    for hit, other, room in ((a, b, r) for a in hits for b, r in zip(hits, available, strict=True)):
        assert hit - other <= 1 or other == room


@given(length=st.integers(0, 300), data=st.data())
def test_spread_is_distinct_and_centred(length: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, length))
    positions = spread(length, count)
    assert len(set(positions.tolist())) == count
    exact = [(j + 0.5) * length / count for j in range(count)]
    assert positions.tolist() == [int(x + 1e-9) for x in exact]


@pytest.mark.parametrize(
    ("sizes", "k", "shares"),
    [
        ([5, 5], 3, [1, 2]),
        ([1, 9, 2], 7, [1, 4, 2]),
        ([3, 3], 99, [3, 3]),
        ([4, 4, 4], 0, [0, 0, 0]),
    ],
)
def test_share_out(sizes: list[int], k: int, shares: list[int]) -> None:
    assert share_out(sizes, k) == shares
