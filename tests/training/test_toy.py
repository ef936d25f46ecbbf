"""The toy example: its one question, what is kept of a run, and the files that it draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from tspo_bench.agent.checkpoint import load_agent
from tspo_bench.errors import UserError
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.training.task_data import TaskData
from tspo_bench.training.toy import OneOpening, ToyTrained, toy_config, train_toy

STEPS = 2


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> ToyTrained:
    folder = tmp_path_factory.mktemp("toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSPO_BENCH_CACHE", str(folder / "cache"))
        config = toy_config("tspo", folder / "agent", steps=STEPS, rollouts=3, device="cpu")
        return train_toy(config)


def test_the_question_is_about_an_opening_and_nothing_says_where() -> None:
    task = OneOpening()
    (asked,) = task.questions()
    whole = next(q for q in HaystackTask("1min", "train", videos=4).questions() if q.id == asked.id)
    assert whole.groups["type"] == "opening"
    assert (asked.text, asked.options, asked.answer) == (whole.text, whole.options, whole.answer)
    assert (asked.evidence, whole.evidence) == ((), (task.opening,))


def test_what_is_drawn_is_what_happened(toy: ToyTrained) -> None:
    run = toy.run
    lines = [json.loads(line) for line in (toy.folder / "log.jsonl").read_text().splitlines()]
    assert run.rewards.tolist() == [line["reward"] for line in lines if "reward" in line]
    assert len(run.rewards) == run.steps == STEPS
    # The last probabilities are the saved agent's, computed again from the store's features.
    agent, encoder = load_agent(str(toy.folder)), load_encoder("reference")
    episode = TaskData(OneOpening(), encoder, FeatureStore(), k=6).episode(0, 0)
    scores = agent.score(episode.features, episode.text_features)
    assert np.allclose(run.probabilities[-1], softmax(scores / agent.tau), atol=1e-6)
    assert not np.allclose(run.probabilities[0], run.probabilities[-1], atol=1e-4)
    assert run.probabilities.shape == (STEPS + 1, 60)
    for row, picks in zip(run.probabilities, run.picks, strict=True):
        assert picks.tolist() == sorted(np.argsort(-row)[:6].tolist())


def test_only_the_answer_is_rewarded(toy: ToyTrained) -> None:
    lines = [json.loads(line) for line in (toy.folder / "log.jsonl").read_text().splitlines()]
    assert all(line["reward"] == line["reward_answer"] for line in lines if "reward" in line)
    assert not any("reward_temporal" in line for line in lines)


def test_hits_are_counted_by_seconds(toy: ToyTrained) -> None:
    start, end = toy.run.opening
    for step in (0, STEPS):
        seconds = toy.run.seconds[toy.run.picks[step]]
        assert toy.run.hits(step) == sum(start <= second <= end for second in seconds) / 6
    assert toy.run.in_opening.sum() == np.floor(end) - np.ceil(start) + 1


def test_the_figures_are_there(toy: ToyTrained) -> None:
    still, moving = Image.open(toy.folder / "toy.png"), Image.open(toy.folder / "toy.gif")
    assert still.width > 1000
    assert np.asarray(still.convert("L")).std() > 10  # not empty
    assert moving.n_frames == STEPS + 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data": "items.jsonl"}, "leave --data out"),
        ({"stps": 3}, "no setting 'stps'; did you mean 'steps'"),
    ],
)
def test_what_a_toy_cannot_do(given: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        toy_config("tspo", tmp_path / "agent", **given)


def test_a_toy_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--toy is not resumed"):
        train_toy(toy_config("tspo", tmp_path / "agent"), resume=True)
    assert not (tmp_path / "agent").exists()
