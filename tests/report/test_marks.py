"""Best and second best: only where it is more than chance, all pairs tested together."""

import itertools

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from tests.report.support import record
from tspo_bench.report.marks import marks
from tspo_bench.report.paired import paired_difference
from tspo_bench.types import Record


def rows_of(*shares: float, n: int = 200, seed: int = 0) -> list[list[Record]]:
    """Rows whose answers go together: a question is right where its difficulty is below a share."""
    difficulty = np.random.default_rng(seed).random(n)
    return [[record(k, bool(difficulty[k] < share)) for k in range(n)] for share in shares]


def accuracies(rows: list[list[Record]]) -> list[float]:
    return [sum(one.correct for one in row) / len(row) for row in rows]


def test_clear_differences_are_marked_in_any_order() -> None:
    for order in itertools.permutations((0.8, 0.6, 0.4)):
        rows = rows_of(*order)
        expected = {0.8: "best", 0.6: "second", 0.4: None}
        assert marks(rows, accuracies(rows)) == [expected[share] for share in order]


def test_what_may_be_chance_is_not_marked() -> None:
    rows = rows_of(0.62, 0.6, 0.2)
    assert marks(rows, accuracies(rows)) == [None, None, None]  # no second without a best
    rows = rows_of(0.8, 0.5, 0.49)
    assert marks(rows, accuracies(rows)) == ["best", None, None]


def test_the_last_is_never_second_and_one_alone_is_not_best() -> None:
    rows = rows_of(0.8, 0.4)
    assert marks(rows, accuracies(rows)) == ["best", None]
    assert marks(rows[:1], accuracies(rows[:1])) == [None]
    assert marks([], []) == []
    assert marks([*rows, rows[0]], [0.8, 0.4, None]) == ["best", None, None]


@pytest.mark.slow
def test_all_pairs_count_as_tests() -> None:
    """The best of four is best by Holm over all six pairs, not over the three that it is in."""
    for seed in range(12):
        rows = rows_of(0.56, 0.5, 0.45, 0.4, n=80, seed=seed)
        values = accuracies(rows)
        order = sorted(range(4), key=lambda place: -values[place])
        pairs = list(itertools.combinations(order, 2))
        found = [paired_difference(rows[a], rows[b]) for a, b in pairs]
        adjusted = multipletests([one.p_value for one in found], method="holm")[1]
        better = [
            p < 0.05 and (one.difference or 0) > 0 for p, one in zip(adjusted, found, strict=True)
        ]
        expected = all(ok for ok, pair in zip(better, pairs, strict=True) if pair[0] == order[0])
        assert (marks(rows, values)[order[0]] == "best") is expected


def test_equal_samplers_are_seldom_marked() -> None:
    rng = np.random.default_rng(1)
    marked, draws = 0, 150
    for _ in range(draws):
        level = np.repeat(rng.random(30), 2)
        rows = [
            [record(k, bool(ok)) for k, ok in enumerate(rng.random(60) < level)] for _ in range(4)
        ]
        marked += "best" in marks(rows, accuracies(rows))
    assert marked <= scipy.stats.binom.ppf(0.999, draws, 0.05)
