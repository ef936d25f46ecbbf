"""Vectors and a query into frame indices: one algorithm a module."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

from pydantic import ValidationError

from tspo_bench.agent import KINDS
from tspo_bench.errors import UserError
from tspo_bench.registry import Registry, Spec, parse_spec
from tspo_bench.samplers.base import FrameSampler
from tspo_bench.types import Need
from tspo_bench.validation import plain

__all__ = ["FrameSampler", "load_sampler", "registry", "takes_agent", "with_agent"]

AGENTS = tuple(KINDS)  # samplers that score with an agent, named as its kind

registry = Registry("sampler")


def takes_agent(spec: Spec) -> bool:
    """Whether a sampler scores with an agent, or is a router to one that does."""
    local = spec.options.get("local", "") if spec.name == "router" else ""
    return spec.name in AGENTS or (local != "" and parse_spec(str(local)).name in AGENTS)


def with_agent(spec: Spec, agent: str | None) -> Spec:
    """The spec with `agent` as its option, if it takes an agent and names none itself.

    Of a router, it is the local sampler's option.
    """
    if agent is None or not takes_agent(spec):
        return spec
    if spec.name == "router":
        local = with_agent(parse_spec(str(spec.options["local"])), agent)
        return replace(spec, options={**spec.options, "local": local.label})
    return replace(spec, options={"agent": agent, **spec.options})


def load_sampler(
    spec: str, *, seed: int = 0, agent: str | None = None, **context: Any
) -> FrameSampler:
    """Build the sampler that a spec names.

    A spec is a name (`aks`), a name with options (`aks[t1=0.8,depth=5]`), `file:PATH`, a class
    (`my_pkg.mod:MySampler`) or a YAML card's path.

    Args:
        spec: what to build.
        seed: the run's seed, for samplers that draw.
        agent: for `tspo` and `tspo-q`, a router's too, where the spec names none.
        context: more that a sampler's constructor may name, such as `question_ids`, the ids of all
            questions in annotation order, by which `file:PATH` reads lists without ids.

    Raises:
        UserError: unknown name or option, a broken card, file or agent, an agent of another kind
            than the sampler's name says, or a class that is not a sampler.
    """
    parsed = with_agent(parse_spec(spec), agent)
    try:
        sampler = registry.create(parsed, seed=seed, **context)
    except ValidationError as error:
        raise UserError(f"sampler {parsed.name!r}: {plain(error)}") from error
    needs = getattr(sampler, "needs", None)
    known = get_args(Need)
    if not isinstance(needs, (set, frozenset)) or not needs <= set(known):
        raise UserError(
            f"sampler {spec!r}: its class attribute 'needs' is {needs!r}; "
            f"it must be a frozenset of some of: {', '.join(known)}"
        )
    if not callable(getattr(sampler, "select", None)):
        raise UserError(f"sampler {spec!r} has no method select(query, candidates, k)")
    if parsed.name in AGENTS and sampler.kind != parsed.name:
        raise UserError(
            f"sampler {spec!r}: agent {parsed.options['agent']!r} is of kind {sampler.kind!r}; "
            f"use --sampler {sampler.kind}"
        )
    return sampler  # type: ignore[no-any-return]
