"""Seeds as a dimension of the grid: of agents trained with several, and of samplers that draw."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.evaluation.agents import make_agents
from tests.evaluation.support import READER, run, untimed_files
from tspo_bench.errors import UserError
from tspo_bench.evaluation.seeds import Seeded, any_seed, trained_seeds, with_seeds
from tspo_bench.results import Cell, read_run
from tspo_bench.specs import parse_spec

FARTHEST = "tests.evaluation.own:Farthest"


@pytest.fixture
def agents(clip: Path, tmp_path: Path) -> Path:
    """A folder with agents of the seeds 0, 1 and 10."""
    return make_agents(tmp_path / "agents" / "q", clip, (0, 1, 10))


def places(cells: tuple[Cell, ...]) -> list[tuple[str, int | None]]:
    return [(cell.settings.sampler, cell.settings.seed) for cell in cells]


@pytest.mark.slow
def test_a_cell_for_each_seed_and_one_of_what_has_none(
    questions: Path, clip: Path, agents: Path, tmp_path: Path
) -> None:
    samplers = ("uniform", "clip-topk", "oracle", "random", "random[seed=5]", FARTHEST, "tspo-q")
    grid = {"samplers": samplers, "encoder": str(clip), "agent": str(agents), "limit": 4}
    result = run(questions, tmp_path / "run", **grid, seeds=(1, 0))
    drawn = [(label, seed) for label in ("random", FARTHEST, "tspo-q") for seed in (1, 0)]
    assert places(result.cells) == [
        *(("uniform", None), ("clip-topk", None), ("oracle", None), *drawn[:2]),
        *(("random[seed=5]", None), *drawn[2:]),
    ]
    of_seed = {cell.settings.seed: cell for cell in result.cells[-2:]}
    for seed, cell in of_seed.items():
        assert cell.settings.sampler_settings["options"] == {"agent": str(agents / f"seed-{seed}")}
        assert cell.folder.name.endswith(f"--k4--seed{seed}")
    ids = {cell.settings.sampler_settings["id"] for cell in of_seed.values()}
    assert len(ids) == 2
    assert [record.notes["seed"] for record in result.cells[7].records] == [0] * 4
    # Each is what it is when it is named alone.
    for seed in (0, 1):
        named = run(
            *(questions, tmp_path / f"named-{seed}"),
            **{**grid, "agent": str(agents / f"seed-{seed}"), "samplers": ("tspo-q",)},
        )
        (alone,) = untimed_files(named.cells[0].run_folder).values()
        assert alone == untimed_files(tmp_path / "run")[of_seed[seed].folder.name]
        assert named.cells[0].settings.seed is None


def test_seeds_are_added_to_a_run(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    grid = {"samplers": ("uniform", "random"), "limit": 4}
    assert places(run(questions, out, **grid).cells) == [("uniform", None), ("random", 0)]
    before = {path: path.read_bytes() for path in out.glob("*/records.jsonl")}
    added = run(questions, out, **grid, seeds=(0, 1, 2))
    assert places(added.cells) == [("uniform", None), *(("random", seed) for seed in (0, 1, 2))]
    assert before.items() <= {path: path.read_bytes() for path in out.glob("*/*")}.items()
    assert places(tuple(read_run(out))) == places(added.cells)
    kept = json.loads((out / "run.json").read_text())["commands"]
    assert [command["settings"]["seeds"] for command in kept] == [None, [0, 1, 2]]
    log = tmp_path / "log"
    model = f"{READER}[log={log}]"
    fewer = run(questions, out, samplers=("random",), limit=3, seeds=(2,), models=(model,))
    assert [len(cell.records) for cell in fewer.cells] == [3]
    assert not log.exists()


@pytest.mark.slow
def test_another_training_of_an_agent_is_another_cell(
    questions: Path,
    clip: Path,
    agents: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spec = f"tspo-q[agent={agents}]"
    grid = {"samplers": (spec,), "encoder": str(clip), "limit": 2, "seeds": (0, 1)}
    run(questions, tmp_path / "run", **grid)
    weights = [agents / f"seed-{seed}" / "model.safetensors" for seed in (10, 1)]
    weights[1].write_bytes(weights[0].read_bytes())
    log = tmp_path / "log"
    run(questions, tmp_path / "run", **grid, models=(f"{READER}[log={log}]",))
    assert len(log.read_text().splitlines()) == 2  # seed 0 is as it was
    assert re.search(r"\(sampler_settings.id: .*seed1--", caplog.text)


def test_which_seeds_an_agent_has(agents: Path, clip: Path, tmp_path: Path) -> None:
    (agents / "seed-x").mkdir()
    (agents / "seed-3").write_text("")
    found = {seed: str(agents / f"seed-{seed}") for seed in (0, 1, 10)}
    assert trained_seeds(str(agents)) == found
    assert any_seed(str(agents)) == found[0]
    for single in (str(agents / "seed-0"), "tspo-q", "owner/name", str(tmp_path / "none")):
        assert trained_seeds(single) == {}
        assert any_seed(single) == single
    assert any_seed(None) is None
    spec = f"tspo-q[agent={agents},select=aks]"
    named = [f"tspo-q[agent={path},select=aks]" for path in found.values()]
    assert with_seeds(spec, None, None, {}) == list(map(Seeded, found, named))
    assert with_seeds(spec, "other", (10,), {}) == [Seeded(10, named[2])]
    assert parse_spec(named[0]).options == {"agent": found[0], "select": "aks"}
    alone = f"tspo-q[agent={agents / 'seed-0'}]"
    assert with_seeds(alone, None, (0, 1, 2), {}) == [Seeded(None, alone)]


def test_a_seed_that_is_not_there(agents: Path, clip: Path) -> None:
    with pytest.raises(
        UserError, match=r"has no seed-2; it has seed-0, seed-1, seed-10: name some"
    ):
        with_seeds("tspo-q", str(agents), (0, 2), {})
    make_agents(agents, clip, (None,))
    with pytest.raises(UserError, match="is an agent folder and also contains"):
        with_seeds("tspo-q", str(agents), None, {})


def test_a_task_that_draws_asks_all_seeds_the_same(
    films: Path, cache: Path, tmp_path: Path
) -> None:
    task = "tests.evaluation.own_task:Drawn"
    result = run(f"{task}[video={films / 'short.mp4'}]", tmp_path / "run",
                 samplers=("uniform", "random"), seeds=(3, 4))  # fmt: skip
    asked = {tuple(record.question_id for record in cell.records) for cell in result.cells}
    assert asked == {("drawn-3",)}
