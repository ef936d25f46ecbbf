"""A custom sampler: by class and by card, beside the shell or installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.samplers.cases import QUERY, scored_candidates
from tspo_bench.errors import UserError
from tspo_bench.samplers import load_sampler

FOLDER = Path(__file__).parents[1] / "data" / "samplers"


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell stands in the folder that holds my_sampler.py."""
    monkeypatch.chdir(FOLDER)
    monkeypatch.setattr(sys, "path", list(sys.path))


SCORES = [0.9, 0.8, 0.1, 0.7, 0.2, 0.6]


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize(
    ("spec", "gap", "seconds"),
    [
        ("my_sampler:SpacedBest", 2.0, [0, 3, 5]),
        ("my_sampler:SpacedBest[gap=3]", 3, [0, 1, 3]),
        ("my_card.yaml", 4.5, [0, 1, 5]),
        ("./my_card.yaml[gap=1e0]", 1.0, [0, 1, 3]),
        (str(FOLDER / "my_card.yaml"), 4.5, [0, 1, 5]),
    ],
)
def test_by_class_and_by_card(spec: str, gap: float, seconds: list[int]) -> None:
    sampler = load_sampler(spec, seed=5)
    assert sampler.gap == gap
    selection = sampler.select(QUERY, scored_candidates(SCORES), 3)
    assert (selection.indices // 25).tolist() == seconds
    everything = sampler.select(QUERY, scored_candidates(SCORES), 99)
    assert len(everything.indices) == len(SCORES)


def test_the_example_is_30_lines_and_a_console_script_finds_it(tmp_path: Path) -> None:
    source = (FOLDER / "my_sampler.py").read_text()
    assert len(source.splitlines()) <= 35
    (tmp_path / "my_pkg").mkdir()
    (tmp_path / "my_pkg" / "mod.py").write_text(source)
    script = tmp_path / "bin" / "script.py"  # as an installed command, not `python -m`
    script.parent.mkdir()
    script.write_text(
        "from tspo_bench.samplers import load_sampler\n"
        "print(load_sampler('my_pkg.mod:SpacedBest[gap=7]'))\n"
    )
    shown = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "SpacedBest(gap=7)"


class NoNeeds:
    def select(self, query, candidates, k):
        raise NotImplementedError


class OddNeeds(NoNeeds):
    needs = frozenset({"probe", "sound"})


class NoSelect:
    needs = frozenset({"probe"})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NoNeeds", "'needs' is None; it must be a frozenset of some of: probe, features"),
        ("OddNeeds", "sound"),
        ("NoSelect", r"has no method select\(query, candidates, k\)"),
        ("QUERY", "is not a class but Query"),
        ("Missing", "cannot be imported"),
    ],
)
def test_a_class_that_is_not_a_sampler(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_sampler(f"{__name__}:{name}")


def test_seed_reaches_a_class_that_names_it() -> None:
    assert load_sampler(f"{__name__}:Seeded", seed=11).seed == 11


class Seeded:
    needs = frozenset({"probe"})

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def select(self, query, candidates, k):
        return np.arange(k)
