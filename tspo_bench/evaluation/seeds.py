"""The seeds that a sampler of a run depends on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.samplers import AGENTS, with_agent
from tspo_bench.samplers import registry as samplers
from tspo_bench.specs import parse_spec

_SEED_FOLDER = re.compile(r"seed-(0|[1-9][0-9]*)")


class Seeded(NamedTuple):
    """A sampler's spec with a seed; None if it depends on none."""

    seed: int | None
    spec: str


def with_seeds(
    text: str, agent: str | None, seeds: Sequence[int] | None, context: Mapping[str, Any]
) -> list[Seeded]:
    """Return a sampler's specs: one for each seed, or a single one that depends on none.

    An agent trained with several seeds is a different one for each; a sampler whose
    constructor takes a `seed` that its spec does not give draws with each of them.

    Args:
        text: the sampler's spec.
        agent: the run's, for samplers that have one and name none.
        seeds: the run's; None for all of an agent's, and 0 for a sampler that draws.
        context: what else the sampler's constructor is offered.

    Raises:
        UserError: an unknown sampler, or an agent without one of the seeds.
    """
    spec = with_agent(parse_spec(text), agent)
    if spec.name in AGENTS:
        name = str(samplers.card(spec).options["agent"])
        trained = trained_seeds(name)
        chosen = sorted(trained) if seeds is None else seeds
        if missing := [seed for seed in chosen if trained and seed not in trained]:
            raise UserError(
                f"agent {name!r} has no seed-{missing[0]}; it has "
                f"{', '.join(f'seed-{seed}' for seed in sorted(trained))}: name some of these with "
                "--seeds, or train the others"
            )
        options = dict(spec.options)
        return [
            Seeded(seed, replace(spec, options={**options, "agent": trained[seed]}).label)
            for seed in chosen
            if trained
        ] or [Seeded(None, text)]
    takes_seed = "seed" in samplers.prepare(spec, seed=0, **context).keywords
    if not takes_seed or "seed" in samplers.card(spec).options:
        return [Seeded(None, text)]
    return [Seeded(seed, text) for seed in ((0,) if seeds is None else seeds)]


def trained_seeds(agent: str) -> dict[int, str]:
    """The agents in a folder that `tspo-bench train --seeds` filled, by seed.

    There are none where the name is of a single agent: its own folder, a hub id, the package's.

    Raises:
        UserError: the folder is an agent's own and holds others by seed, too.
    """
    folder = user_path(agent)
    if agent in AGENTS or not folder.is_dir():
        return {}
    matches = [_SEED_FOLDER.fullmatch(path.name) for path in folder.iterdir() if path.is_dir()]
    found = {int(match[1]): str(Path(agent) / match[0]) for match in matches if match}
    if found and (folder / "config.json").is_file():
        raise UserError(
            f"{agent!r} is an agent folder and also contains {', '.join(sorted(found.values()))}; "
            "name one of them, or move the others into a folder of their own"
        )
    return found


def any_seed(agent: str | None) -> str | None:
    """An agent of a folder with several seeds, any other agent as it is."""
    trained = {} if agent is None else trained_seeds(agent)
    return trained[min(trained)] if trained else agent
