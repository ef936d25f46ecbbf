"""Rollouts in both ways of asking: words, and the likeliest option's letter."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.mllms.checkpoints import WORDS, qwen3_vl
from tests.training.episodes import CANDIDATES, Darkest, MadeUp, Openings
from tspo_bench import MLLM
from tspo_bench.errors import UserError
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.training.rewards import load_rewards, reads_replies, total_rewards
from tspo_bench.training.rollout import Group, answer_groups, unanswered
from tspo_bench.types import Answer, AnswerMode, Frames, IntArray, Prompt, Request


class Noise(MadeUp):
    """Frames of noise."""

    def fetch(self, positions: IntArray, short_side: int | None) -> Frames:
        video = np.random.default_rng(0).integers(0, 255, (CANDIDATES, 40, 56, 3), dtype=np.uint8)
        return Frames(positions, positions.astype(np.float64), video[positions])


def noise(word: str) -> Noise:
    """A question whose reply begins with a word: the tiny model goes on with a letter in some."""
    made = Openings().episode(0, 0)
    fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    return Noise(**{**fields, "prompt": Prompt("which thing ?", reply_start=f" {word}")})


def groups_of(mllm: MLLM, episodes: Sequence[Noise], mode: AnswerMode) -> list[Group]:
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randperm(CANDIDATES, generator=generator).reshape(-1, 4)[:6] for _ in episodes]
    groups = answer_groups(episodes, drawn, mllm, mode)
    assert all(isinstance(group, Group) for group in groups)
    return groups  # type: ignore[return-value]


def rewards_of(group: Group, replies: Sequence[str]) -> list[float]:
    positions = group.drawn.sort(1).values.numpy()
    rewards = list(load_rewards("answer,temporal,coverage").values())
    total, _ = total_rewards(rewards, group.episode, positions, replies)
    return list(total)


def test_where_the_model_replies_a_letter_the_rewards_are_equal(tmp_path: Path) -> None:
    mllm = TransformersVLM(str(qwen3_vl(tmp_path / "tiny")), max_new_tokens=1)
    episodes = [noise(word) for word in WORDS]
    said, likeliest = (groups_of(mllm, episodes, mode) for mode in ("generate", "options"))
    compared = 0
    for words, letters in zip(said, likeliest, strict=True):
        assert set(letters.replies) <= set("ABCD")
        by_word, by_letter = rewards_of(words, words.replies), rewards_of(letters, letters.replies)
        for reply, one, other in zip(words.replies, by_word, by_letter, strict=True):
            if reply in tuple("ABCD"):
                assert one == other
                compared += 1
    assert compared, "no reply was a letter: nothing was tested"


def test_a_model_without_log_probabilities_is_named() -> None:
    with pytest.raises(UserError, match="'darkest' gives no log-probabilities of options"):
        answer_groups([Openings().episode(0, 0)], [torch.tensor([[0, 1]])], Darkest(), "options")


@pytest.mark.parametrize("mode", ["generate", "options"])
def test_all_requests_are_of_the_mode(mode: AnswerMode) -> None:
    asked: list[Request] = []

    class Listener(MLLM):
        name = id = "listener"

        def answer(self, requests: Sequence[Request]) -> list[Answer]:
            asked.extend(requests)
            return [Answer("A", {"A": 0.0})] * len(requests)

    answer_groups([Openings().episode(0, 0)], [torch.tensor([[0, 1], [2, 3]])], Listener(), mode)
    assert [request.mode for request in asked] == [mode] * 2


def test_the_mllm_is_asked_only_where_a_reward_reads_its_reply() -> None:
    def custom(episode: object, positions: object, reply: str) -> float:
        return 0.0

    for specs, reads in (("coverage", False), ("temporal,coverage", False), ("answer", True)):
        assert reads_replies(load_rewards(specs).values()) == reads
    assert reads_replies([*load_rewards("coverage").values(), custom])
    group = unanswered(Openings().episode(0, 0), torch.tensor([[0, 1], [2, 3]]))
    assert group.replies == ("", "")
