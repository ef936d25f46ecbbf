"""Needles of a task's question: which span of its evidence each candidate lies in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.samplers.oracle import evidence_frames
from tspo_bench.training.task_data import _needle_of
from tspo_bench.types import Candidates, Question, Span

CANDIDATES = Candidates(np.arange(20) * 10, np.arange(20.0), num_frames=200, frame_rate=10.0)


def needles(*spans: tuple[float, float]) -> list[int] | None:
    evidence = tuple(Span(*span) for span in spans)
    question = Question("q", "v.mp4", "What?", ("a", "b"), "A", evidence=evidence)
    numbers = _needle_of(question, CANDIDATES)
    return None if numbers is None else numbers.tolist()


def test_a_frame_in_two_spans_belongs_to_the_shorter_whatever_their_order() -> None:
    rest = [-1] * 10
    assert needles((3, 4), (0, 9)) == [1, 1, 1, 0, 0, 1, 1, 1, 1, 1, *rest]
    assert needles((0, 9), (3, 4)) == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, *rest]
    assert needles((0, 4), (4, 8)) == [0, 0, 0, 0, 0, 1, 1, 1, 1, -1, *rest]  # equal: the first
    assert needles((3.2, 3.4)) is needles() is None


# A tenth of a second past a candidate, so that all agree on what is inside.
spans = st.lists(
    st.tuples(st.integers(0, 19), st.integers(0, 6)).map(lambda s: (s[0] + 0.0, sum(s) + 0.1)),
    min_size=1,
    max_size=5,
    unique=True,
)


@given(spans)
def test_needles_are_the_oracles_frames(given: list[tuple[float, float]]) -> None:
    given.sort()  # as the oracle breaks ties
    numbers = needles(*given)
    assert numbers is not None
    ours = {
        tuple(np.flatnonzero(np.array(numbers) == number) * 10) for number in set(numbers) - {-1}
    }
    assert ours == {tuple(pool) for pool in evidence_frames(given, CANDIDATES)}
