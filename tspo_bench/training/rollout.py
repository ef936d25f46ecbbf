"""Rollouts: draws of frames, and what the MLLM answers when it is shown them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tspo_bench.agent.policy import draw
from tspo_bench.errors import UserError, VideoError
from tspo_bench.mllms.base import MLLM
from tspo_bench.training.episode import Episode
from tspo_bench.types import Answer, AnswerMode, Failed, Frames, Request


@dataclass(frozen=True)
class Group:
    """The G rollouts of one question: positions [G, k] in the order drawn, and replies [G]."""

    episode: Episode
    drawn: Tensor
    replies: tuple[str, ...]


def draw_groups(
    episodes: Sequence[Episode],
    logits: Sequence[Tensor],
    rollouts: int,
    generator: torch.Generator,
) -> list[Tensor]:
    """For each episode, positions [G, min(k, T)] drawn from its logits [T]."""
    pairs = zip(episodes, logits, strict=True)
    return [draw(row, min(e.k, len(row)), rollouts, generator) for e, row in pairs]


def unanswered(episode: Episode, drawn: Tensor) -> Group:
    """The rollouts of a question whose rewards read no reply."""
    return Group(episode, drawn, ("",) * len(drawn))


def answer_groups(
    episodes: Sequence[Episode],
    drawn: Sequence[Tensor],
    mllm: MLLM,
    mode: AnswerMode = "generate",
) -> list[Group | VideoError]:
    """Show the MLLM the drawn frames of all rollouts of all episodes, in one call.

    The frames of an episode are decoded once, for all its rollouts, and rollouts that drew
    the same frames are answered once. An episode with a frame that cannot be decoded
    comes back as the error. In mode "options" a reply is the likeliest option's letter, from one
    forward pass.

    Raises:
        UserError: the MLLM gave no answer, or, in mode "options", no log-probabilities: a reward
            made up for it would teach something wrong.
    """
    requests: list[Request] = []
    asked: list[np.ndarray | VideoError] = []  # for each episode, which request is whose [G]
    for episode, group in zip(episodes, drawn, strict=True):
        sets, request_of = np.unique(
            np.sort(group.cpu().numpy(), axis=1), axis=0, return_inverse=True
        )
        union = np.unique(sets)
        try:
            frames = episode.fetch(union, mllm.short_side)
        except VideoError as error:
            asked.append(error)
            continue
        asked.append(len(requests) + request_of.reshape(-1))
        requests += [_request(episode, frames, np.searchsorted(union, row), mode) for row in sets]
    answers = mllm.answer(requests) if requests else []
    texts = [_text(mllm, answer, mode) for answer in answers]
    return [
        numbers
        if isinstance(numbers, VideoError)
        else Group(episode, group, tuple(texts[number] for number in numbers))
        for episode, group, numbers in zip(episodes, drawn, asked, strict=True)
    ]


def _text(mllm: MLLM, answer: Answer | Failed, mode: AnswerMode) -> str:
    if isinstance(answer, Failed):
        raise UserError(
            f"model {mllm.name!r} gave no answer: {answer.error}; fix it, then rerun with --resume"
        )
    if mode == "options" and answer.option_logprobs is None:
        raise UserError(
            f"model {mllm.name!r} gives no log-probabilities of options; use --answer generate"
        )
    return answer.text


def _request(episode: Episode, union: Frames, rows: np.ndarray, mode: AnswerMode) -> Request:
    frames = Frames(union.indices[rows], union.seconds[rows], union.pixels[rows])
    return Request(
        frames, episode.prompt, episode.frame_rate, episode.letters, episode.num_frames, mode
    )
