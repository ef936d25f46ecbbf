"""The examples in the docs run, and the table of columns is that of the code."""

from __future__ import annotations

import doctest
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.samplers.cases import QUERY, scored_candidates
from tests.training.episodes import Openings
from tests.write_columns import PAGE as COLUMNS_PAGE
from tests.write_columns import columns_csv
from tspo_bench.samplers import load_sampler
from tspo_bench.training.rewards import load_rewards, total_rewards

DOCS = Path(__file__).parents[1] / "docs"


def put_beside(page: str, file: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the one block of a page that begins with `# file` to a file beside the shell."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    (source,) = [block for block in blocks if block.startswith(f"# {file}\n")]
    (folder / file).write_text(source)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_a_sampler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_beside("write-a-sampler.md", "my_sampler.py", tmp_path, monkeypatch)
    monkeypatch.delitem(sys.modules, "my_sampler", raising=False)  # another test's
    candidates = scored_candidates([0.9, 0.8, 0.1, 0.2, 0.7, 0.6, 0.3])
    step = candidates.seconds[1] - candidates.seconds[0]
    for gap, picked in [(1, [0, 1, 4]), (2, [0, 4, 6]), (9, [0, 1, 4])]:  # the last: filled
        sampler = load_sampler(f"my_sampler:SpacedBest[gap={gap * step}]")
        selection = sampler.select(QUERY, candidates, 3)
        assert selection.indices.tolist() == candidates.indices[picked].tolist()
    monkeypatch.delitem(sys.modules, "my_sampler")


def test_a_reward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_beside("training.md", "my_reward.py", tmp_path, monkeypatch)
    rewards = load_rewards("answer,my_reward:spread")
    episode = Openings().episode(0, 0)  # its needle: the first 4 of 40 candidates
    draws = np.array([[0, 3, 20, 30], [5, 6, 7, 8], [1, 2, 3, 9]])
    total, parts = total_rewards(list(rewards.values()), episode, draws, ["A", "A", "B"])
    assert total.tolist() == [1 + 3 / 40, 1, 2 / 40]
    general = replace(episode, needle_of=None)
    total, parts = total_rewards(list(rewards.values()), general, draws, ["A", "A", "B"])
    assert (total.tolist(), parts[1]) == ([1, 1, 0], None)


@pytest.mark.slow
def test_write_a_sampler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """The page's file, and its examples with what they print."""
    put_beside("write-a-sampler.md", "my_sampler.py", tmp_path, monkeypatch)
    monkeypatch.delitem(sys.modules, "my_sampler", raising=False)  # another test's
    sys.path.insert(0, str(tmp_path))
    assert len((tmp_path / "my_sampler.py").read_text().splitlines()) <= 32
    done = doctest.testfile(str(DOCS / "write-a-sampler.md"), module_relative=False)
    assert (done.failed, done.attempted) == (0, 6)
    monkeypatch.delitem(sys.modules, "my_sampler")


def test_the_columns() -> None:
    """If this fails: `python -m tests.write_columns`."""
    assert COLUMNS_PAGE.read_text(encoding="utf-8") == columns_csv()
