"""The settings of a training run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import get_args

from transformers import TrainingArguments

from tspo_bench.errors import UserError
from tspo_bench.training.objective import LogProb
from tspo_bench.training.rewards import load_rewards
from tspo_bench.types import AnswerMode


@dataclass
class TSPOConfig(TrainingArguments):
    """`transformers.TrainingArguments` with TSPO's settings.

    A step takes `per_device_train_batch_size` x `gradient_accumulation_steps` questions a device,
    each with `num_rollouts` draws.

    Args:
        num_rollouts: G, draws a question.
        tau: the temperature at the start.
        tau_end: the temperature at the end, to which it falls linearly.
        rewards: names or "pkg.mod:name" of rewards, whose sum is a rollout's; commas separate.
        log_prob: of a drawn frame; see `training.objective.policy_loss`.
        answer: how the MLLM is asked; see `Request.mode`.

    Raises:
        UserError: a value out of range, or an unknown reward.
    """

    learning_rate: float = field(default=5e-4)
    lr_scheduler_type: str = field(default="linear")
    per_device_train_batch_size: int = field(default=1)
    remove_unused_columns: bool = field(default=False)
    logging_steps: float = field(default=5)
    save_total_limit: int | None = field(default=2)
    disable_tqdm: bool | None = field(default=True)

    num_rollouts: int = field(default=8)
    tau: float = field(default=0.025)
    tau_end: float = field(default=0.01)
    rewards: str = field(default="answer,temporal")
    log_prob: LogProb = field(default="independent")
    answer: AnswerMode = field(default="generate")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_rollouts < 2:
            raise UserError(
                f"{self.num_rollouts} rollouts a question: a rollout's advantage is measured "
                "against the others of its group; give 2 or more"
            )
        for name in ("tau", "tau_end"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise UserError(f"{name}={value}: a temperature must be above 0")
        for name, choices in (("log_prob", LogProb), ("answer", AnswerMode)):
            if getattr(self, name) not in get_args(choices):
                known = " or ".join(get_args(choices))
                raise UserError(f"{name}={getattr(self, name)!r}; use {known}")
        load_rewards(self.rewards)
