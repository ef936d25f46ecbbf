"""Rewards of a rollout: pure functions of the question, the drawn frames, and the reply.

A custom reward is such a function; `my_pkg.mod:my_reward` names it, as `registry.register`
or an entry point of the group `tspo_bench.rewards` does.

Example:
    >>> def early(episode, positions, reply):
    ...     return 1 - positions.mean() / len(episode.features)
"""

from __future__ import annotations

import math
import pkgutil
import re
import traceback
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from tspo_bench.errors import CRASHES, UserError
from tspo_bench.registry import Registry, parse_spec, split_specs
from tspo_bench.specs import make_local_modules_importable
from tspo_bench.tasks.strict_extractor import read_answer
from tspo_bench.training.episode import Episode
from tspo_bench.types import FloatArray, IntArray


class Reward(Protocol):
    """Judges one rollout; None says that it does not apply to this question, for any rollout.

    `positions` [k] are the drawn candidates, sorted; `reply` is the MLLM's, greedy, on them.
    """

    def __call__(self, episode: Episode, positions: IntArray, reply: str) -> float | None:
        """The rollout's reward."""
        ...


def answer(episode: Episode, positions: IntArray, reply: str) -> float:
    """R_A: 1 if the reply states the right option, read as strictly as in evaluation."""
    return float(read_answer(reply, episode.options or tuple(episode.letters)) == episode.answer)


def answer_released(episode: Episode, positions: IntArray, reply: str) -> float:
    """R_A as TSPO's released code has it: the first stand-alone a to e, even as an article.

    "A man ..." reads as A. What holds no such letter equals a right answer that holds none (F to
    J): both are "unparsed".
    """
    return float(_released_letter(reply) == _released_letter(episode.answer))


def temporal(episode: Episode, positions: IntArray, reply: str) -> float | None:
    """R_T: share of the drawn frames that lie inside any needle; None where there are none."""
    if episode.needles is None:
        return None
    return float(episode.needles[positions].mean())


def coverage(episode: Episode, positions: IntArray, reply: str) -> float | None:
    """Share of the needles in which at least one drawn frame lies; None where there are none.

    `temporal` is content with one needle, however many the answer needs; this is not.
    """
    if episode.needle_of is None:
        return None
    numbers = set(episode.needle_of.tolist()) - {-1}
    return len(numbers & set(episode.needle_of[positions].tolist())) / len(numbers)


# Of evidence alone: with these the MLLM need not be asked.
_WITHOUT_REPLY = (temporal, coverage)


def reads_replies(rewards: Iterable[Reward]) -> bool:
    """Whether any of the rewards may read the MLLM's reply; custom ones may."""
    return not all(reward in _WITHOUT_REPLY for reward in rewards)


registry = Registry("reward")
registry.register("answer", f"{__name__}:answer")
registry.register("answer-released", f"{__name__}:answer_released")
registry.register("temporal", f"{__name__}:temporal")
registry.register("coverage", f"{__name__}:coverage")


def load_rewards(specs: str) -> dict[str, Reward]:
    """The rewards that a list such as "answer,temporal" names, in its order.

    Raises:
        UserError: none is named, one is unknown, not importable, not a function, has options,
            or is given twice.
    """
    rewards: dict[str, Reward] = {}
    for text in split_specs(specs):
        spec = parse_spec(text)
        card = registry.card(spec)
        if card.options:
            raise UserError(f"reward {text!r}: rewards have no options; write {spec.name}")
        if card.name in rewards:
            raise UserError(f"reward {card.name!r} is given twice in {specs!r}")
        rewards[card.name] = _imported(card.target)
    if not rewards:
        raise UserError(f"no reward in {specs!r}; known: {', '.join(registry.cards())}")
    return rewards


def total_rewards(
    rewards: Sequence[Reward], episode: Episode, draws: IntArray, replies: Sequence[str]
) -> tuple[FloatArray, list[FloatArray | None]]:
    """The sum of the rewards that apply to an episode, for each of its G rollouts.

    Args:
        rewards: what to add up.
        episode: the question.
        draws: positions of the drawn candidates [G, k], each row sorted.
        replies: the MLLM's, [G].

    Returns:
        The sums [G] (0 where no reward applies), and each reward's part [G], or None where that
        does not apply.

    Raises:
        UserError: a reward fails, applies to some of the rollouts only, or gives no finite number.
    """
    parts = [_part(reward, episode, draws, replies) for reward in rewards]
    total = np.zeros(len(replies))
    for part in parts:
        if part is not None:
            total += part
    return total, parts


def _part(
    reward: Reward, episode: Episode, draws: IntArray, replies: Sequence[str]
) -> FloatArray | None:
    values = [_worth(reward, episode, *each) for each in zip(draws, replies, strict=True)]
    if all(value is None for value in values):
        return None
    if not all(_is_number(value) for value in values):
        name = getattr(reward, "__name__", repr(reward))
        raise UserError(
            f"reward {name!r} gave {values} for the rollouts of question {episode.id!r}; "
            "give a finite number for each, or None for all"
        )
    return np.array(values, np.float64)


def _worth(reward: Reward, episode: Episode, positions: IntArray, reply: str) -> float | None:
    try:
        return reward(episode, positions, reply)
    except UserError:
        raise
    except CRASHES as error:  # of custom code
        place = traceback.extract_tb(error.__traceback__)[-1]
        name = getattr(reward, "__name__", repr(reward))
        raise UserError(
            f"reward {name!r} failed on question {episode.id!r}: {type(error).__name__}: {error} "
            f"({place.filename}:{place.lineno})"
        ) from error


def _is_number(value: object) -> bool:
    try:
        return math.isfinite(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False


def _released_letter(text: str) -> str | None:
    found = re.search(r"(?<![a-z])[a-e](?![a-z])", text.strip().lower())
    return found[0] if found else None


def _imported(target: str) -> Reward:
    make_local_modules_importable()
    try:
        found = pkgutil.resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"reward {target!r} cannot be imported: {error}") from error
    if not callable(found):
        raise UserError(f"reward {target!r} is not a function but {type(found).__name__}")
    return found
