"""`tspo-bench run --seeds` and `--baseline`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A
from tests.evaluation.agents import make_agents
from tests.features.checkpoints import clip
from tests.support import table_rows

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
    found = {row["sampler"]: row for row in table_rows(done.out)}
    seeds = {"uniform": [], "clip-topk": [], "random": [0, 1, 2], "tspo-q": [0, 1, 2]}
    assert {name: row["seeds"] for name, row in found.items()} == seeds
    assert {row["n"] for row in found.values()} == {3}
    assert found["uniform"]["n_paired"] is None
    keys = ("difference", "difference_low", "p", "n_paired", "num_videos_paired")
    assert [found["tspo-q"][key] for key in keys] == [0.0, None, 1.0, 3, 2]
    assert [found["tspo-q"][f"{key}_both_answered"] for key in ("difference", "p", "n")] == [
        0,
        1,
        3,
    ]
    table = cli(*RUN, *SAMPLERS, *agent, "--seeds", "0,1,2", "--baseline", "clip-topk")
    assert table.code == 0
    assert "tspo-q (3 seeds)" in table.out
    assert "accuracy minus that of clip-topk" in table.out
    assert "mine/\n" in table.out
    assert "--k2--seed2/" in table.out


def test_without_seeds_all_of_the_agents_and_one_draw(cli: Cli, agent: tuple[str, ...]) -> None:
    done = cli(*RUN, *SAMPLERS, *agent, "--json")
    seeds = {row["sampler"]: row["seeds"] for row in table_rows(done.out)}
    assert seeds == {"uniform": [], "clip-topk": [], "random": [0], "tspo-q": [0, 1, 2]}
    one = cli(*RUN, "--sampler", "tspo-q[agent=agents/q]", *agent[2:], "--seeds", "1", "--json")
    assert [row["seeds"] for row in table_rows(one.out)] == [[1]]


def test_mistakes(cli: Cli, agent: tuple[str, ...]) -> None:
    missing = cli(*RUN, *SAMPLERS, *agent, "--seeds", "0,5")
    assert missing.code == 2
    assert "agent 'agents/q' has no seed-5; it has seed-0, seed-1, seed-2" in missing.error
    assert not Path("mine").exists()
    other = cli(*RUN, "--sampler", "uniform,random", "--baseline", "aks")
    assert other.code == 2
    assert "--baseline 'aks' is not one of the samplers: uniform, random" in other.error
    assert not Path("mine").exists()
    assert "baseline" not in cli(*RUN, "--sampler", "random").err
