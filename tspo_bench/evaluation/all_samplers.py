"""`--sampler all`: every sampler of the package that is a way to choose frames."""

from __future__ import annotations

from collections.abc import Iterable

from tspo_bench.evaluation.seeds import any_seed
from tspo_bench.samplers import registry

ALL = "all"
# Frames of a file; and the bounds, which --with-bounds adds where a task can give them.
_LEFT_OUT = {"file", "blind", "oracle"}


def expand_all(samplers: Iterable[str], agent: str | None) -> tuple[str, ...]:
    """Replace "all" by every sampler with a card, but for presets tuned for one benchmark.

    Of the samplers with an agent it is those of `agent`'s kind, if one is given.

    Raises:
        UserError: the agent cannot be loaded.
    """
    given = tuple(samplers)
    if ALL not in given:
        return given
    found = _all(agent)
    others = [name for name in given if name != ALL and name not in found]
    return (*found, *others)


def _all(agent: str | None) -> list[str]:
    from tspo_bench.agent import KINDS, load_agent

    named = any_seed(agent)
    others = set() if named is None else KINDS.keys() - {load_agent(named).kind}
    return [
        name
        for name, card in registry.cards().items()
        if name not in _LEFT_OUT | others and not card.tuned_for
    ]
