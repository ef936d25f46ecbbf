"""Evidence recall: by hand, by its properties, and on published selections."""

import json
from math import gcd
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.results import EvidenceRecall, evidence_recall

times = st.floats(0, 100)
frames = st.lists(times, max_size=8)
spans = st.lists(
    st.tuples(times, times).map(lambda pair: (min(pair), max(pair))) | times.map(lambda t: (t, t)),
    max_size=6,
)


@pytest.mark.parametrize(
    ("spans", "frames", "recall"),
    [
        ([(2, 4)], [2], 1.0),
        ([(2, 4)], [4], 1.0),
        ([(2, 4)], [3.3], 1.0),
        ([(2, 4)], [1.9, 4.1], 0.0),  # a span is not widened by the tolerance
        ([(5, 5)], [4], 1.0),
        ([(5, 5)], [6], 1.0),
        ([(5, 5)], [3.9, 6.1], 0.0),
        ([(1, 2), (8, 9)], [1.5, 1.6], 0.5),
        ([(1, 2), (8, 9)], [], 0.0),
        ([(1, 9), (2, 3)], [2.5], 1.0),  # one frame can hit several
        ([], [1.0], None),
    ],
)
def test_by_hand(spans: list, frames: list, recall: float | None) -> None:
    assert evidence_recall(spans, frames, tolerance=1.0).recall == recall


def test_rounding_of_frame_times_does_not_decide() -> None:
    moment = 110 / 30
    assert evidence_recall([(moment, moment)], [80 / 30], tolerance=1.0).recall == 1.0


def test_spans_beyond_the_end_are_left_out_and_counted() -> None:
    found = evidence_recall([(1, 1), (12, 13)], [1], tolerance=1, duration_seconds=10)
    assert (found.recall, found.num_spans, found.num_beyond_end) == (1.0, 1, 1)
    assert evidence_recall([(12, 12)], [9], tolerance=9, duration_seconds=10).recall is None
    assert evidence_recall([(8, 13)], [9], tolerance=1, duration_seconds=10).recall == 1.0


@given(spans, frames, frames, st.floats(0, 10), st.floats(0, 10))
def test_more_frames_and_more_tolerance_never_hit_less(spans, some, more, low, high) -> None:
    low, high = sorted((low, high))
    base = evidence_recall(spans, some, tolerance=low)
    assert 0 <= base.num_hit <= base.num_spans == len(spans)
    assert evidence_recall(spans, some + more, tolerance=low).num_hit >= base.num_hit
    assert evidence_recall(spans, some, tolerance=high).num_hit >= base.num_hit


def test_published_selections_give_the_known_recall(real_data: Path) -> None:
    """The figures of the real data's README, counted there by other code, with all moments in."""
    questions = json.loads((real_data / "selections/TSPO_LongVideoBench_frameIdx.json").read_text())
    aks = json.loads((real_data / "selections/AKS_LongVideoBench_64.json").read_text())
    found: dict[str, list[EvidenceRecall]] = {"tspo": [], "aks": [], "uniform": []}
    num_beyond = 0
    for question, aks_picks in zip(questions, aks, strict=True):
        if len(question["frame_idx"]) != 64:
            continue
        rate = gcd(*(int(pick) for pick in question["frame_idx"]))
        uniform = np.linspace(0, int(question["duration"] * rate) - 1, 64).astype(int)
        moments = [(frame / rate, frame / rate) for frame in question["position"]]
        picks = {"tspo": question["frame_idx"], "aks": aks_picks, "uniform": uniform}
        for name, chosen in picks.items():
            found[name].append(evidence_recall(moments, np.array(chosen) / rate, tolerance=1.0))
        num_beyond += evidence_recall(
            moments, [], tolerance=1.0, duration_seconds=question["duration"]
        ).num_beyond_end
    means = {name: np.mean([one.recall for one in some]) for name, some in found.items()}
    pooled = {
        name: sum(one.num_hit for one in some) / sum(one.num_spans for one in some)
        for name, some in found.items()
    }
    assert len(found["tspo"]) == 976
    assert sum(one.num_spans for one in found["tspo"]) == 1809
    assert means == pytest.approx({"tspo": 0.351, "aks": 0.353, "uniform": 0.229}, abs=5e-4)
    assert pooled == pytest.approx({"tspo": 0.324, "aks": 0.317, "uniform": 0.233}, abs=5e-4)
    assert num_beyond == 5
