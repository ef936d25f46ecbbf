"""Settings that belong together: for the built-in haystack, and the paper's own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.validation import check_bound


def check_whole_number(name: str, value: object) -> None:
    """Check a setting that counts something.

    Raises:
        UserError: it is not a whole number, below 1, or 10^12 or more.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"{name}={value!r}; give a whole number, 1 or more")
    check_bound(f"--{name}", value)


def check_positive(name: str, value: object) -> None:
    """Check a setting that is a number above 0.

    Raises:
        UserError: it is not, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise UserError(f"{name}={value!r}; give a number above 0")


@dataclass(frozen=True)
class Preset:
    """Settings of a training run, without its data and models.

    Args:
        name: as `--preset` has it; it stays where single settings are changed.
        frames: K, frames a rollout draws.
        rollouts: G, rollouts a question.
        steps: optimizer steps; None for one epoch.
        questions: a step and device.
        accumulation: batches of questions that make one step.
        learning_rate: at the start; it falls linearly to 0.
        tau: the temperature at the start; None for `training.temperature`'s rule.
        anneal: the temperature at the end, as a share of that at the start.
        rewards: names of rewards, whose sum counts.
        log_prob: see `training.objective.policy_loss`.
        answer: "generate", or "options": the likeliest letter, from one forward pass, is the reply.
        init_std: the paper's agent starts with weights drawn from a normal distribution of this
            standard deviation, and biases of 0; None for torch's own initialisation. The
            query-conditioned agent has its own start, as the cosine.

    `TSPOConfig` checks the trainer's own settings: rollouts, tau, rewards, log_prob, answer.

    Raises:
        UserError: no whole number or one below 1, or an anneal or learning rate not above 0.
    """

    name: str
    frames: int
    rollouts: int
    steps: int | None
    questions: int
    accumulation: int
    learning_rate: float
    tau: float | None
    anneal: float
    rewards: str = "answer,temporal"
    log_prob: str = "independent"
    answer: str = "generate"
    init_std: float | None = None

    def __post_init__(self) -> None:
        for name in ("frames", "steps", "questions", "accumulation"):
            value = getattr(self, name)
            if value is not None:
                check_whole_number(name, value)
        for name in ("anneal", "learning_rate", "init_std"):
            value = getattr(self, name)
            if value is not None:
                check_positive(name, value)

    def changed(self, **given: Any) -> Preset:
        """This preset with the settings that are not None."""
        return replace(self, **{key: value for key, value in given.items() if value is not None})


_ALL = (
    # arXiv 2508.04369 and its released scripts, for CLIP ViT-L/14. Two questions a device and step,
    # one after the other; their reader of replies; missing weights are Qwen2's, N(0, 0.02).
    Preset(
        name="paper", frames=16, rollouts=8, steps=None, questions=1, accumulation=2,
        learning_rate=5e-4, tau=0.025, anneal=0.4, rewards="answer-released,temporal",
        init_std=0.02,
    ),
    # Found on the built-in train split with an idealised reader in the MLLM's place: `coverage`,
    # unlike `temporal`, rewards a second needle, and an annealed tau ends the search too early.
    Preset(
        name="haystack", frames=8, rollouts=8, steps=300, questions=8, accumulation=1,
        learning_rate=2e-3, tau=None, anneal=1.0, rewards="answer,coverage",
    ),
    # The paper's toy example: one question, 12 draws of 6 frames; see `training.toy`.
    Preset(
        name="toy", frames=6, rollouts=12, steps=40, questions=1, accumulation=1,
        learning_rate=5e-4, tau=None, anneal=1.0, rewards="answer",
    ),
)  # fmt: skip
PRESETS = {each.name: each for each in _ALL}


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UserError: there is none.
    """
    if name not in PRESETS:
        raise UserError(f"no preset {name!r}; there are: {', '.join(PRESETS)}")
    return PRESETS[name]
