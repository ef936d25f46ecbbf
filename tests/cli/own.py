"""A model and custom samplers, as users write them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tspo_bench import MLLM
from tspo_bench.errors import UserError
from tspo_bench.training.episode import Episode
from tspo_bench.types import Answer, Candidates, IntArray, Query, Request, Selection

ALWAYS_A = "tests.cli.own:AlwaysA"


class AlwaysA(MLLM):
    name = "always-a"
    id = "always-a"
    short_side = 32

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return [Answer("A") for _ in requests]


class InterruptedOnce(AlwaysA):
    """Somebody presses Ctrl-C when the second question is put to it for the first time."""

    calls: ClassVar[int] = 0

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        type(self).calls += 1
        if self.calls == 2:
            raise KeyboardInterrupt
        return super().answer(requests)


class InterruptedAtOnce(AlwaysA):
    """Somebody presses Ctrl-C while the first question is put to it."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        raise KeyboardInterrupt


class OfNothing(AlwaysA):
    """Its answers are none."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return []


class Unloadable(AlwaysA):
    """Cannot be made, as weights that do not fit into memory."""

    def __init__(self) -> None:
        raise UserError("model 'always-a': out of memory")


def broken_reward(episode: Episode, positions: IntArray, reply: str) -> float:
    return {}["no such key"]


def endless_reward(episode: Episode, positions: IntArray, reply: str) -> float:
    return float("inf")


class InterruptedAt:
    """When Ctrl-C is pressed: before so many more calls of a reward. Once."""

    calls_left: ClassVar[int] = 0


def interrupted_once(episode: Episode, positions: IntArray, reply: str) -> float:
    InterruptedAt.calls_left -= 1
    if InterruptedAt.calls_left == 0:
        raise KeyboardInterrupt
    return float(positions.mean())


class Chatty:
    """Prints, as people's own code does."""

    needs = frozenset({"probe"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        print("looking at", query.video_id, threading.current_thread().name)  # noqa: T201
        return Selection(candidates.indices[:k])


class OffGrid:
    """Scores the candidates by their place and picks one of them and one frame between two."""

    needs = frozenset({"probe"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        scores = np.arange(len(candidates), dtype=np.float32)
        return Selection(candidates.indices[1] + np.arange(2), scores)


class Outside:
    needs = frozenset({"probe"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        return Selection(np.array([candidates.num_frames]))


class HalfFilled:
    """Picks the first four candidates, two of them by a fill rule."""

    needs = frozenset({"probe"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        return Selection(candidates.indices[:4], num_filled=2)
