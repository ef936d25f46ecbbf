"""Rewards of a user's own, as `tests.training.own_rewards:early` names them."""

from __future__ import annotations

from tspo_bench.training.episode import Episode
from tspo_bench.types import IntArray

NUMBER = 3


def early(episode: Episode, positions: IntArray, reply: str) -> float:
    return 1 - float(positions.mean()) / len(episode.features)


def sometimes(episode: Episode, positions: IntArray, reply: str) -> float | None:
    return 1.0 if reply else None


def broken(episode: Episode, positions: IntArray, reply: str) -> float:
    return float("nan")
