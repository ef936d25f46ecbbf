"""Each reward on replies and draws whose worth is known; sums; custom rewards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.own_rewards import broken, early, sometimes
from tspo_bench.errors import UserError
from tspo_bench.training.episode import Episode
from tspo_bench.training.rewards import (
    answer,
    answer_released,
    coverage,
    load_rewards,
    registry,
    temporal,
    total_rewards,
)
from tspo_bench.types import Frames, IntArray

NOWHERE = np.array([0])


class Written(Episode):
    """An episode without a video."""

    def fetch(self, positions: IntArray, short_side: int | None) -> Frames:
        raise NotImplementedError


def episode(
    right: str = "B",
    *,
    letters: str = "ABC",
    options: tuple[str, ...] = ("A cat", "A dog", "A man"),
    needles: list[bool] | None = None,
) -> Episode:
    return Written(
        id="q",
        features=np.zeros((10, 2), np.float32),
        text_features=np.zeros((1, 2), np.float32),
        prompt="",
        letters=letters,
        options=options,
        answer=right,
        k=2,
        needle_of=None if needles is None else np.where(needles, 0, -1),
        frame_rate=1.0,
        num_frames=10,
    )


@pytest.mark.parametrize(
    ("reply", "strict", "released"),
    [
        ("B", 1, 1),
        ("b.", 1, 1),
        ("(B) A dog", 1, 1),
        ("A dog", 1, 0),
        ("C", 0, 0),
        ("Be careful", 0, 0),
        ("", 0, 0),
        ("B or C", 0, 1),
    ],
)
def test_strict_and_released_reader(reply: str, strict: float, released: float) -> None:
    assert answer(episode(), NOWHERE, reply) == strict
    assert answer_released(episode(), NOWHERE, reply) == released


def test_a_man_reads_as_a_in_the_released_reader_alone() -> None:
    assert answer_released(episode("A"), NOWHERE, "A man opens the door.") == 1
    assert answer(episode("A"), NOWHERE, "A man opens the door.") == 0


def test_unparsed_equals_unparsed_in_the_released_reader_alone() -> None:
    six = episode("F", letters="ABCDEF", options=("1", "2", "3", "4", "5", "6"))
    for reply, released in [("Hm", 1.0), ("F", 1.0), ("A", 0.0)]:
        assert answer_released(six, NOWHERE, reply) == released
    assert answer(six, NOWHERE, "Hm") == 0
    assert answer(six, NOWHERE, "F") == 1


def test_without_options_letters_are_still_read() -> None:
    bare = episode(options=())
    assert answer(bare, NOWHERE, "The answer is B.") == 1
    assert answer(bare, NOWHERE, "A dog") == 0
    assert answer(bare, NOWHERE, "D") == 0


def test_coverage_is_the_share_of_needles_that_are_hit() -> None:
    haystack = replace(episode(), needle_of=np.array([-1, 0, 0, -1, 1, 2, -1, -1, -1, -1]))
    shares = {(0, 3): 0, (1, 2): 1 / 3, (1, 2, 4): 2 / 3, (2, 4, 5, 9): 1}
    for drawn, share in shares.items():
        assert coverage(haystack, np.array(drawn), "") == pytest.approx(share)
    assert coverage(episode(), np.array([0]), "") is None


@given(st.lists(st.booleans(), min_size=10, max_size=10), st.sets(st.integers(0, 9), min_size=1))
def test_temporal_is_the_share_inside_needles(needles: list[bool], drawn: set[int]) -> None:
    inside = [position for position in drawn if needles[position]]
    reward = temporal(episode(needles=needles), np.array(sorted(drawn)), "")
    assert reward == pytest.approx(len(inside) / len(drawn))


def test_total_is_the_sum_of_what_applies() -> None:
    draws = np.array([[0, 1], [1, 2], [8, 9]])
    replies = ["B", "C", "B"]
    haystack = episode(needles=[False, True, True] + [False] * 7)
    total, parts = total_rewards([answer, temporal], haystack, draws, replies)
    assert total.tolist() == [1.5, 1.0, 1.0]
    assert [part.tolist() for part in parts if part is not None] == [[1, 0, 1], [0.5, 1, 0]]
    total, parts = total_rewards([answer, temporal], episode(), draws, replies)
    assert total.tolist() == [1, 0, 1]
    assert parts[1] is None
    total, parts = total_rewards([temporal], episode(), draws, replies)
    assert (total.tolist(), parts) == ([0, 0, 0], [None])


def test_specs_name_rewards() -> None:
    rewards = load_rewards("answer, temporal,tests.training.own_rewards:early")
    assert list(rewards) == ["answer", "temporal", "early"]
    draws = np.array([[0, 1], [8, 9]])
    total, _ = total_rewards(list(rewards.values()), episode(), draws, ["B", "B"])
    np.testing.assert_allclose(total, [1 + 0.95, 1 + 0.15])
    assert load_rewards("answer-released") == {"answer-released": answer_released}


def test_a_registered_reward_has_a_name() -> None:
    registry.register("early-frames", "tests.training.own_rewards:early")
    assert load_rewards("early-frames") == {"early-frames": early}


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ("", "no reward in ''; known: answer, answer-released"),
        ("anwser", "unknown reward 'anwser': did you mean 'answer'"),
        ("answer,answer", "reward 'answer' is given twice"),
        ("answer[strict=true]", r"reward 'answer\[strict=true\]': rewards have no options"),
        ("tests.training.own_rewards:late", "cannot be imported"),
        ("tests.no_such_module:late", "cannot be imported"),
        ("tests.training.own_rewards:NUMBER", "is not a function but int"),
    ],
)
def test_bad_specs(specs: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_rewards(specs)


def test_bad_rewards_are_named() -> None:
    draws = np.array([[0], [1]])
    with pytest.raises(UserError, match=r"'sometimes' gave \[1.0, None\] .* question 'q'"):
        total_rewards([sometimes], episode(), draws, ["x", ""])
    with pytest.raises(UserError, match=r"'broken' gave .*nan"):
        total_rewards([broken], episode(), draws, ["x", ""])
