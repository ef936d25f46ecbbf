"""`tspo-bench run --seeds` and `--baseline`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A
from tests.evaluation.agents import make_agents
from tests.features.checkpoints import clip

RUN = ("run", "--task", "films.jsonl", "--model", ALWAYS_A, "--frames", "2", "--out", "mine")
SAMPLERS = ("--sampler", "uniform,clip-topk,random,tspo-q")


@pytest.fixture
def agent(films: Path) -> tuple[str, ...]:
    """Options that name an agent of three seeds and its encoder."""
    encoder = clip(films.with_name("clip"))
    make_agents(films.with_name("agents") / "q", encoder, (0, 1, 2))
    return ("--agent", "agents/q", "--encoder", str(encoder))


def test_seeds_are_cells_and_one_row(cli: Cli, agent: tuple[str, ...]) -> None:
    done = cli(*RUN, *SAMPLERS, *agent, "--seeds", "0,1,2", "--json")
    assert done.code == 0
    found = json.loads(done.out)
    assert [(cell["sampler"], cell["seed"]) for cell in found["cells"]] == [
        *(("uniform", None), ("clip-topk", None)),
        *((sampler, seed) for sampler in ("random", "tspo-q") for seed in (0, 1, 2)),
    ]
    assert [row["seeds"] for row in found["pooled"]] == [[], [], [0, 1, 2], [0, 1, 2]]
    assert [row["n"] for row in found["pooled"]] == [3, 3, 3, 3]
    paired = [row["paired"] for row in found["pooled"]]
    assert paired[0] is None
    same = {"difference": 0.0, "ci95": None, "p": 1.0, "n": 3, "videos": 2}
    assert paired[3] == {"baseline": "uniform", **same, "both_answered": same}
    table = cli(*RUN, *SAMPLERS, *agent, "--seeds", "0,1,2", "--baseline", "clip-topk")
    assert table.code == 0
    assert "tspo-q (3 seeds)" in table.out
    assert "accuracy minus that of clip-topk" in table.out
    assert "mine/\n" in table.out
    assert "--k2--seed2/" in table.out


def test_without_seeds_all_of_the_agents_and_one_draw(cli: Cli, agent: tuple[str, ...]) -> None:
    done = cli(*RUN, *SAMPLERS, *agent, "--json")
    assert [row["seeds"] for row in json.loads(done.out)["pooled"]] == [[], [], [0], [0, 1, 2]]
    one = cli(*RUN, "--sampler", "tspo-q[agent=agents/q]", *agent[2:], "--seeds", "1", "--json")
    assert [cell["seed"] for cell in json.loads(one.out)["cells"]] == [1]


def test_mistakes(cli: Cli, agent: tuple[str, ...]) -> None:
    missing = cli(*RUN, *SAMPLERS, *agent, "--seeds", "0,5")
    assert missing.code == 2
    assert "agent 'agents/q' has no seed-5; it has seed-0, seed-1, seed-2" in missing.error
    assert not Path("mine").exists()
    other = cli(*RUN, "--sampler", "uniform,random", "--baseline", "aks")
    assert other.code == 2
    assert "--baseline 'aks' is none of the samplers: uniform, random" in other.error
    assert not Path("mine").exists()
    assert "baseline" not in cli(*RUN, "--sampler", "random").err
