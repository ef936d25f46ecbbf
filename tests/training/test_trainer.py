"""The trainer: what it moves, what it learns, and that an interruption leaves no trace."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.mllms.checkpoints import llava_onevision
from tests.training.episodes import CANDIDATES, WIDTH, Darkest, MadeUp, Openings
from tspo_bench.agent.base import TemporalAgent
from tspo_bench.agent.paper_agent import PaperAgent
from tspo_bench.agent.query_agent import QueryAgent
from tspo_bench.errors import UserError, VideoError
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.training.callbacks import JsonLog
from tspo_bench.training.config import TSPOConfig
from tspo_bench.training.episode import Episode
from tspo_bench.training.trainer import TSPOTrainer
from tspo_bench.types import Frames, IntArray


def _config(folder: Path, **changed: object) -> TSPOConfig:
    settings: dict[str, object] = {
        "output_dir": str(folder),
        "max_steps": 6,
        "per_device_train_batch_size": 2,
        "learning_rate": 1e-2,
        "num_rollouts": 4,
        "tau": 0.3,
        "tau_end": 0.2,
        "save_steps": 2,
        "save_total_limit": None,
        "logging_steps": 1,
        "use_cpu": True,
        "report_to": [],
    }
    return TSPOConfig(**{**settings, **changed})  # type: ignore[arg-type]


def _agent(kind: type[TemporalAgent] = QueryAgent) -> TemporalAgent:
    torch.manual_seed(0)
    return kind(WIDTH, 0.3, window=4)


def _train(
    folder: Path, agent: TemporalAgent, resume: str | None = None, **changed: object
) -> None:
    trainer = TSPOTrainer(agent, _config(folder, **changed), Openings(), Darkest())
    trainer.train(resume_from_checkpoint=resume)


@pytest.mark.parametrize("kind", [QueryAgent, PaperAgent])
def test_every_parameter_moves(kind: type[TemporalAgent], tmp_path: Path) -> None:
    agent = _agent(kind)
    before = {name: p.detach().clone() for name, p in agent.named_parameters()}
    _train(tmp_path, agent)
    still = [
        name
        for name, p in agent.named_parameters()
        if p.requires_grad and torch.equal(p, before[name])
    ]
    assert still == []
    assert all(p.isfinite().all() for p in agent.parameters())


def test_the_frozen_model_stays_as_it_is(tmp_path: Path) -> None:
    mllm = TransformersVLM(str(llava_onevision(tmp_path / "llava")), max_new_tokens=2)
    model = mllm._model
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    config = _config(tmp_path / "out", max_steps=2)
    TSPOTrainer(_agent(), config, Openings(), mllm).train()
    assert all(torch.equal(before[name], weights) for name, weights in model.state_dict().items())
    assert all(weights.grad is None for weights in model.parameters())


def test_more_frames_than_candidates_are_an_error(tmp_path: Path) -> None:
    class Few(Openings):
        def episode(self, index: int, epoch: int) -> Episode:
            episode = super().episode(index, epoch)
            return dataclasses.replace(episode, k=len(episode.features))

    candidates = len(Openings().episode(0, 0).features)
    with pytest.raises(UserError, match=f"K = {candidates} of {candidates} candidates"):
        TSPOTrainer(_agent(), _config(tmp_path), Few(), Darkest())


def test_all_rollouts_of_a_step_go_into_one_call(tmp_path: Path) -> None:
    reader = Darkest()
    TSPOTrainer(_agent(), _config(tmp_path, max_steps=3), Openings(), reader).train()
    assert reader.calls == [2 * 4] * 3  # two questions, four rollouts


@pytest.mark.slow
@pytest.mark.parametrize("kind", [QueryAgent, PaperAgent])
def test_a_run_that_was_stopped_ends_in_the_same_weights(
    kind: type[TemporalAgent], tmp_path: Path
) -> None:
    whole, stopped, resumed = _agent(kind), _agent(kind), _agent(kind)
    _train(tmp_path / "whole", whole)
    trainer = TSPOTrainer(stopped, _config(tmp_path / "cut"), Openings(), Darkest())
    step, real = 0, trainer.training_step

    def killed(*arguments: object, **named: object) -> torch.Tensor:
        nonlocal step
        step += 1
        if step == 4:  # after the checkpoint of step 2
            raise KeyboardInterrupt
        return real(*arguments, **named)

    trainer.training_step = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    _train(tmp_path / "cut", resumed, resume=str(tmp_path / "cut" / "checkpoint-2"))
    for name, weight in resumed.state_dict().items():
        assert torch.equal(weight, whole.state_dict()[name]), name


def test_more_steps_with_constant_rates_end_in_the_weights_of_one_run(tmp_path: Path) -> None:
    constant = {"lr_scheduler_type": "constant", "tau_end": 0.3}
    whole, longer = _agent(), _agent()
    _train(tmp_path / "whole", whole, **constant)
    _train(tmp_path / "cut", longer, max_steps=4, **constant)
    _train(tmp_path / "cut", longer, resume=str(tmp_path / "cut" / "checkpoint-4"), **constant)
    for name, weight in longer.state_dict().items():
        assert torch.equal(weight, whole.state_dict()[name]), name


def test_more_steps_follow_the_schedule_of_all_steps(tmp_path: Path) -> None:
    _train(tmp_path, _agent(), max_steps=2)
    log = tmp_path / "log.jsonl"
    trainer = TSPOTrainer(_agent(), _config(tmp_path), Openings(), Darkest(), [JsonLog(log)])
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    lines = [json.loads(line) for line in log.read_text().splitlines()][:-1]
    assert [line["step"] for line in lines] == [3, 4, 5, 6]
    assert [line["learning_rate"] for line in lines] == pytest.approx(
        [1e-2 * (6 - step) / 6 for step in (2, 3, 4, 5)]
    )
    assert [line["tau"] for line in lines] == pytest.approx(
        [0.3 - 0.1 * step / 6 for step in (2, 3, 4, 5)]
    )


@pytest.mark.slow
def test_a_tiny_agent_learns_to_find_the_opening(tmp_path: Path) -> None:
    agent = _agent()
    config = _config(
        tmp_path, max_steps=150, rewards="temporal", save_strategy="no", num_rollouts=8
    )
    TSPOTrainer(agent, config, Openings(300), Darkest()).train()
    shares = []
    for index in range(300, 340):  # questions that it has not seen
        episode = Openings().episode(index, 0)
        picks = np.argsort(-agent.score(episode.features, episode.text_features))[:4]
        shares.append(np.mean(picks < CANDIDATES // 10))
    assert np.mean(shares) > 0.9


def test_the_log_says_what_a_step_was_worth(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    trainer = TSPOTrainer(
        _agent(), _config(tmp_path), Openings(), Darkest(), callbacks=[JsonLog(log)]
    )
    trainer.train()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6, 6]
    for line in lines[:6]:
        total = line["reward_answer"] + line["reward_temporal"]
        assert line["reward"] == pytest.approx(total)
        assert 0 <= line["without_signal"] <= 1
        assert 0 <= line["entropy"] <= np.log(CANDIDATES)
        assert line["seconds_per_step"] > 0
    taus = [line["tau"] for line in lines[:6]]
    assert np.allclose(taus, np.linspace(0.3, 0.2, 7)[:-1], atol=1e-6)


class _Broken(Openings):
    def episode(self, index: int, epoch: int):  # type: ignore[no-untyped-def]
        if index % 2:
            raise VideoError(f"video {index}.mp4 cannot be read")
        return super().episode(index, epoch)


def test_questions_whose_video_cannot_be_read_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent = _agent()
    config = _config(tmp_path, per_device_train_batch_size=1, max_steps=12)
    TSPOTrainer(agent, config, _Broken(), Darkest()).train()
    assert "an item is left out: video" in caplog.text
    assert all(p.isfinite().all() for p in agent.parameters())


class _Undecodable(Openings):
    """Every other question's frames cannot be decoded, though their features are there."""

    def episode(self, index: int, epoch: int):  # type: ignore[no-untyped-def]
        episode = super().episode(index, epoch)
        if index % 2:
            return _Damaged(
                **{f.name: getattr(episode, f.name) for f in dataclasses.fields(episode)}
            )
        return episode


class _Damaged(MadeUp):
    def fetch(self, positions: IntArray, short_side: int | None) -> Frames:
        raise VideoError("frame 7 cannot be decoded")


@pytest.mark.parametrize(
    ("data", "reason"),
    [(_Broken(), "video 3.mp4 cannot be"), (_Undecodable(), "opening-3: frame 7 cannot be")],
)
def test_what_is_left_out_is_said_and_counted(data: Openings, reason: str, tmp_path: Path) -> None:
    left_out: list[str] = []
    log = tmp_path / "log.jsonl"
    config = _config(tmp_path, per_device_train_batch_size=3, max_steps=8)
    reader = Darkest()
    TSPOTrainer(_agent(), config, data, reader, [JsonLog(log)], left_out.append).train()
    lines = [json.loads(text) for text in log.read_text().splitlines()][:-1]
    shares = [line["left_out"] for line in lines]
    assert sum(shares) * 3 == pytest.approx(12)  # of 24 in one epoch, each once
    assert len([said for said in left_out if said.startswith(reason)]) == 1
    assert 12 < sum(reader.calls) <= 12 * 4  # rollouts of equal frames are answered once
    steps_without = [line for line, share in zip(lines, shares, strict=True) if share == 1]
    assert all("reward" not in line for line in steps_without)


def test_data_of_which_nothing_can_be_read_are_an_error(tmp_path: Path) -> None:
    class Gone(Openings):
        def episode(self, index: int, epoch: int):  # type: ignore[no-untyped-def]
            raise VideoError(f"video {index}.mp4 cannot be read")

    with pytest.raises(UserError, match=r"none of the videos of 24 .* the first: video 0\.mp4"):
        TSPOTrainer(_agent(), _config(tmp_path), Gone(), Darkest())


@pytest.mark.parametrize("steps", [1, 4])
def test_the_temperature_logged_is_that_of_the_lines_last_step(steps: int, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    config = _config(tmp_path, max_steps=8, logging_steps=steps)
    TSPOTrainer(_agent(), config, Openings(), Darkest(), [JsonLog(log)]).train()
    lines = [json.loads(text) for text in log.read_text().splitlines()][:-1]
    assert [line["step"] for line in lines] == list(range(steps, 9, steps))
    for line in lines:
        assert line["tau"] == pytest.approx(0.3 - 0.1 * (line["step"] - 1) / 8)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"num_rollouts": 1}, "1 rollouts a question"),
        ({"tau": 0.0}, "tau=0.0: a temperature must be above 0"),
        ({"tau_end": -1.0}, "tau_end=-1.0"),
        ({"log_prob": "exact"}, "log_prob='exact'; use independent or plackett-luce"),
    ],
)
def test_settings_out_of_range(changed: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        _config(tmp_path, **changed)


def test_features_of_another_width(tmp_path: Path) -> None:
    agent = QueryAgent(WIDTH + 1, 0.3)
    with pytest.raises(UserError, match=f"width {WIDTH}, .* width {WIDTH + 1}"):
        _train(tmp_path, agent)
