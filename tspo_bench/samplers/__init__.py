"""Vectors and a query into frame indices: one algorithm a module."""

from __future__ import annotations

from typing import Any, get_args

from tspo_bench.errors import UserError
from tspo_bench.registry import Registry, parse_spec
from tspo_bench.samplers.base import FrameSampler
from tspo_bench.types import Need

__all__ = ["FrameSampler", "load_sampler", "registry"]

registry = Registry("sampler")


def load_sampler(spec: str, *, seed: int = 0, **context: Any) -> FrameSampler:
    """Build the sampler that a spec names.

    A spec is a name (`aks`), a name with options (`aks[t1=0.8,depth=5]`), `file:PATH`, a class
    (`my_pkg.mod:MySampler`) or a YAML card's path.

    Args:
        spec: what to build.
        seed: the run's seed, for samplers that draw.
        context: more that a sampler's constructor may name, such as `question_ids`, the ids of all
            questions in annotation order, by which `file:PATH` reads lists without ids.

    Raises:
        UserError: unknown name or option, a broken card or file, or a class that is no sampler.
    """
    sampler = registry.create(parse_spec(spec), seed=seed, **context)
    needs = getattr(sampler, "needs", None)
    known = get_args(Need)
    if not isinstance(needs, (set, frozenset)) or not needs <= set(known):
        raise UserError(
            f"sampler {spec!r}: its class attribute 'needs' is {needs!r}; "
            f"it must be a frozenset of some of: {', '.join(known)}"
        )
    if not callable(getattr(sampler, "select", None)):
        raise UserError(f"sampler {spec!r} has no method select(query, candidates, k)")
    return sampler  # type: ignore[no-any-return]
