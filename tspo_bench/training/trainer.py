"""The trainer: that of transformers, with a step that draws, answers, rewards and compares."""

from __future__ import annotations

import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Sampler, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback

from tspo_bench.agent.base import TemporalAgent
from tspo_bench.agent.policy import entropy
from tspo_bench.errors import UserError, VideoError
from tspo_bench.mllms.base import MLLM
from tspo_bench.training.clips import ClipEpisode
from tspo_bench.training.config import TSPOConfig
from tspo_bench.training.dataset import EpisodeDataset, collate
from tspo_bench.training.episode import Episode, TrainingData
from tspo_bench.training.objective import advantages, no_signal, policy_loss
from tspo_bench.training.rewards import load_rewards, reads_replies, total_rewards
from tspo_bench.training.rollout import Group, answer_groups, draw_groups, unanswered

_log = logging.getLogger(__name__)


class TSPOTrainer(Trainer):
    """Trains a temporal agent against a frozen MLLM's answers.

    Everything but the step is `transformers.Trainer`'s: checkpoints, resuming, schedules, gradient
    accumulation, several GPUs by `accelerate launch`. A run that was killed and resumed ends in the
    same weights, on a CPU bit for bit: order, episodes and noise follow from the seed and the step
    alone.

    Args:
        agent: is trained.
        args: the settings.
        data: the questions.
        mllm: answers; it is not trained.
        callbacks: transformers' callbacks.
        left_out: is given the reason why a question is left out, its video being unreadable.

    Raises:
        UserError: a reward that does not exist, features of another width than the agent's, more
            frames to draw than a video has candidates, or no video that can be read.
    """

    args: TSPOConfig

    def __init__(
        self,
        agent: TemporalAgent,
        args: TSPOConfig,
        data: TrainingData,
        mllm: MLLM,
        callbacks: Sequence[TrainerCallback] = (),
        left_out: Callable[[str], None] | None = None,
    ) -> None:
        self._tell_left_out = left_out
        self.rewards = load_rewards(args.rewards)
        check_first_episode(agent, data)
        self.mllm = mllm
        self.generator = torch.Generator()
        self._metrics: dict[str, list[float]] = defaultdict(list)
        self._micro_step = 0
        self._noisy_step: int | None = None  # the step whose noise was seeded last
        self._drawn_at = args.tau  # the temperature of the newest rollouts
        super().__init__(
            model=agent,
            args=args,
            train_dataset=EpisodeDataset(data, args.seed, self._left_out),
            data_collator=collate,
            callbacks=list(callbacks),
        )
        self.remove_callback(PrinterCallback)  # stdout is for results

    @property
    def tau(self) -> float:
        """The temperature of the present step."""
        done = self.state.global_step / max(1, self.state.max_steps)
        return self.args.tau + (self.args.tau_end - self.args.tau) * done

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        # The dataset itself shuffles by epoch: an order that no generator's state can change.
        return SequentialSampler(range(len(self.train_dataset)))  # type: ignore[arg-type]

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None and isinstance(self.lr_scheduler, LambdaLR):
            assert self.optimizer is not None
            # The checkpoint's rate is that of its own number of steps: 0 at the last one.
            schedule = self.lr_scheduler
            shares = [share(schedule.last_epoch) for share in schedule.lr_lambdas]
            rates = [base * share for base, share in zip(schedule.base_lrs, shares, strict=True)]
            for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
            schedule._last_lr = rates

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The mean policy loss over the batch's questions."""
        started = time.perf_counter()
        groups, logits = self._answered(model, inputs["episodes"])
        lost = inputs["left_out"] + len(inputs["episodes"]) - len(groups)
        self._note("left_out", [1.0] * lost + [0.0] * len(groups))
        if not groups:  # none of the batch can be read: a step that changes nothing
            return sum(p.sum() for p in model.parameters()) * 0.0
        losses = [
            policy_loss(row, group.drawn.to(row.device), self._judge(group), self.args.log_prob)
            for row, group in zip(logits, groups, strict=True)
        ]
        self._note("entropy", [entropy(row.detach()).item() for row in logits])
        clips = [group.episode for group in groups if isinstance(group.episode, ClipEpisode)]
        self._note("redrawn", [episode.redrawn for episode in clips])
        seconds = time.perf_counter() - started
        self._note("seconds_per_step", [seconds * self.args.gradient_accumulation_steps])
        loss = torch.stack(losses).mean()
        return (loss, {}) if return_outputs else loss

    def _answered(
        self, model: torch.nn.Module, episodes: Sequence[Episode]
    ) -> tuple[list[Group], list[Tensor]]:
        """The episodes' rollouts with replies, and their logits [T]: of those that can be read."""
        if not episodes:
            return [], []
        self._drawn_at = self.tau
        logits = [scores / self.tau for scores in score_episodes(model, episodes)]
        self._seed_noise()
        drawn = draw_groups(
            episodes, [row.detach().cpu() for row in logits], self.args.num_rollouts, self.generator
        )
        groups: list[Group] = []
        kept: list[Tensor] = []
        answered: Sequence[Group | VideoError]
        if reads_replies(self.rewards.values()):
            answered = answer_groups(episodes, drawn, self.mllm, self.args.answer)
        else:
            answered = [unanswered(*pair) for pair in zip(episodes, drawn, strict=True)]
        for episode, row, group in zip(episodes, logits, answered, strict=True):
            if isinstance(group, VideoError):
                self._left_out(f"{episode.id}: {group}")
            else:
                groups.append(group)
                kept.append(row)
        return groups, kept

    def _left_out(self, reason: str) -> None:
        _log.warning("an item is left out: %s", reason)
        if self._tell_left_out is not None:
            self._tell_left_out(reason)

    def _seed_noise(self) -> None:
        """Seed the noise by device, step and part of a step alone."""
        if self.state.global_step != self._noisy_step:
            self._noisy_step, self._micro_step = self.state.global_step, 0
        args = self.args
        place = f"{args.seed}/{self.state.global_step}/{self._micro_step}/{args.process_index}"
        self.generator.manual_seed(random.Random(place).getrandbits(63))
        self._micro_step += 1

    def _judge(self, group: Group) -> Tensor:
        """The rollouts' advantages [G]; the rewards are noted."""
        positions = group.drawn.sort(1).values.numpy()
        total, parts = total_rewards(
            list(self.rewards.values()), group.episode, positions, group.replies
        )
        rewards = torch.from_numpy(total)
        self._note("reward", [rewards.mean().item()])
        for name, part in zip(self.rewards, parts, strict=True):
            if part is not None:
                self._note(f"reward_{name}", [part.mean()])
        self._note("without_signal", [no_signal(rewards).double().item()])
        return advantages(rewards)

    def _note(self, name: str, values: Sequence[float]) -> None:
        if values:
            self._metrics[name] += [float(value) for value in values]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the means of what was noted since the last time, with what the library logs."""
        noted = {name: sum(values) / len(values) for name, values in self._metrics.items()}
        self._metrics.clear()
        # Not `self.tau`: when a step is logged, that is the next one's.
        tau = {"tau": self._drawn_at} if noted else {}
        super().log({**logs, **noted, **tau}, start_time)


def check_first_episode(agent: TemporalAgent, data: TrainingData) -> None:
    """Check that an agent can be trained on data, by the first episode that can be read.

    Raises:
        UserError: other features than the agent's, no more candidates than frames to draw, or no
            episode that can be read.
    """
    first: VideoError | None = None
    for index in range(len(data)):
        try:
            episode = data.episode(index, 0)
        except VideoError as error:  # logged when its turn comes
            first = first or error
            continue
        candidates, width = episode.features.shape
        if width != agent.width:
            raise UserError(
                f"the data's features have width {width}, but the agent reads width {agent.width}; "
                "use the encoder that the agent is made for"
            )
        if episode.k >= candidates:
            raise UserError(
                f"item {episode.id!r}: K = {episode.k} of {candidates} candidates leaves nothing "
                "to choose; give fewer --frames, or more candidates with --candidate-fps"
            )
        return
    raise UserError(
        f"none of the videos of {len(data)} training questions can be read; the first: {first}"
    )


def score_episodes(model: torch.nn.Module, episodes: Sequence[Episode]) -> list[Tensor]:
    """Scores [T] before tau of each episode, computed in one padded batch.

    Raises:
        UserError: the features' width is not the agent's.
    """
    device = next(model.parameters()).device
    frames = [torch.from_numpy(np.asarray(e.features, np.float32)) for e in episodes]
    queries = torch.from_numpy(np.concatenate([e.text_features for e in episodes]))
    lengths = torch.tensor([len(rows) for rows in frames])
    padded = pad_sequence(frames, batch_first=True).to(device)
    scores = model(padded, queries.to(device), lengths.to(device))
    return [row[:length] for row, length in zip(scores, lengths.tolist(), strict=True)]
