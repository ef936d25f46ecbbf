"""A temperature that fits an encoder's similarities."""

from __future__ import annotations

import logging

import torch

from tspo_bench.agent.base import TemporalAgent
from tspo_bench.errors import UserError, VideoError
from tspo_bench.training.episode import TrainingData
from tspo_bench.training.trainer import score_episodes

SPREAD = 2.0  # of the logits over a video's candidates, at the start
_QUESTIONS = 16

_log = logging.getLogger(__name__)


def fitting_tau(agent: TemporalAgent, data: TrainingData) -> float:
    """The tau at which an untrained agent's logits have a standard deviation of 2 over a video.

    Wider, and the policy is so peaked that all rollouts draw the same frames and groups have no
    signal; narrower, and it draws almost at random. Cosines spread differently with each encoder;
    the mean is taken over the first 16 questions of the data.

    Raises:
        UserError: no question's video can be read, or all scores are equal.
    """
    spreads = []
    for index in range(min(_QUESTIONS, len(data))):
        try:
            episode = data.episode(index, 0)
        except VideoError as error:
            _log.warning("an item is left out: %s", error)
            continue
        with torch.no_grad():
            spreads.append(score_episodes(agent, [episode])[0].std(unbiased=False).item())
    mean = sum(spreads) / max(1, len(spreads))
    if not mean > 0:
        raise UserError("tau cannot be chosen: the agent scores all frames alike; give --tau")
    return mean / SPREAD
