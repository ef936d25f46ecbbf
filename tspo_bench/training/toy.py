"""The paper's toy example: one video, one question about its opening, asked again and again.

The reward rises, and the picks move into the scene that the question is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback, TrainerState

from tspo_bench.agent.base import TemporalAgent
from tspo_bench.errors import UserError
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.training.callbacks import TrainingProgress
from tspo_bench.training.config import TSPOConfig
from tspo_bench.training.episode import Episode
from tspo_bench.training.settings import TrainConfig, train_config
from tspo_bench.training.toy_figure import ToyRun, draw_animation, draw_figure
from tspo_bench.training.train import Trained, train_agent
from tspo_bench.types import Question, Span

TASK = f"{__name__}:OneOpening"
FIGURE, ANIMATION = "toy.png", "toy.gif"


class OneOpening(HaystackTask):
    """One question, about the opening of a minute of the pictogram world.

    The question comes without its evidence, so that the answer alone is rewarded (a `general` item
    in the paper's terms). In a minute six frames drawn at random hit the scene now and then; in the
    5 minutes of the other training videos they hardly ever would, and nothing could be learnt.

    Args:
        number: the video's, in the split; see `HaystackTask` for the videos of a minute.
        split: of the haystack.
    """

    def __init__(self, number: int = 3, split: str | None = "train") -> None:
        super().__init__("1min", split, videos=number + 1)
        self._asked = super().questions()[number]
        self.label = f"the opening of {self._asked.video}"

    def questions(self) -> Sequence[Question]:
        """The one question."""
        return (replace(self._asked, evidence=()),)

    @property
    def opening(self) -> Span:
        """Where the answer is to be seen."""
        return self._asked.evidence[0]


@dataclass(frozen=True)
class ToyTrained(Trained):
    """An agent's folder, with the course of its training."""

    run: ToyRun


def train_toy(
    config: TrainConfig,
    *,
    resume: bool = False,
    fresh: bool = False,
    command: Sequence[str] = (),
    progress: TrainingProgress | None = None,
) -> ToyTrained:
    """Train an agent on one question, and draw toy.png and toy.gif into its folder.

    Takes what `train_agent` takes, with a configuration by `toy_config`.

    Raises:
        UserError: see `train_agent`; or `resume` is given.
    """
    if resume:
        raise UserError("--toy is not resumed: it takes a minute or two; --fresh starts it over")
    watch = Watch()
    trained = train_agent(
        config, fresh=fresh, command=command, progress=progress, callbacks=[watch]
    )
    run = watch.run(config.agent)
    draw_figure(run, trained.folder / FIGURE)
    draw_animation(run, trained.folder / ANIMATION)
    return ToyTrained(trained.folder, trained.skipped, run)


def toy_config(
    agent: str, out: str | Path, preset: str | None = None, **settings: Any
) -> TrainConfig:
    """The configuration of a toy run: as `train_config`'s, with preset "toy" and its own task.

    Raises:
        UserError: see `train_config`; or data are given.
    """
    if settings.pop("data", None) is not None:
        raise UserError("--toy asks a question of its own; leave --data out")
    return train_config(agent, out, preset or "toy", **{**settings, "task": TASK})


class Watch(TrainerCallback):
    """Keeps the agent's scores before each step and after the last, and each step's reward."""

    def __init__(self) -> None:
        self._scores: list[np.ndarray] = []
        self._rewards: list[float] = []

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **known: Any) -> None:
        """Take the one episode, and the temperature."""
        assert isinstance(args, TSPOConfig)
        self._tau = args.tau
        self._episode: Episode = known["train_dataloader"].dataset[0]

    def on_step_begin(self, args: Any, state: TrainerState, control: Any, **known: Any) -> None:
        """Keep the scores that the step starts from."""
        self._keep_scores(known["model"])

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Have each step logged."""
        control.should_log = True

    def on_log(self, args: Any, state: TrainerState, control: Any, **known: Any) -> None:
        """Keep the step's reward."""
        if "reward" in known["logs"]:
            self._rewards.append(known["logs"]["reward"])

    def on_train_end(self, args: Any, state: TrainerState, control: Any, **known: Any) -> None:
        """Keep the final scores."""
        self._keep_scores(known["model"])

    def run(self, agent: str) -> ToyRun:
        """The run, with the video's frames."""
        episode, task = self._episode, OneOpening()
        frames = episode.fetch(np.arange(len(episode.features)), None)
        logits = torch.from_numpy(np.stack(self._scores)) / self._tau
        best = logits.topk(episode.k, dim=1).indices.sort(1).values
        return ToyRun(
            agent=agent,
            question=task.questions()[0].text,
            answer=episode.options[episode.letters.index(episode.answer)],
            opening=task.opening.in_seconds(episode.frame_rate),
            duration=episode.num_frames / episode.frame_rate,
            seconds=frames.seconds,
            pixels=frames.pixels,
            rewards=np.array(self._rewards),
            probabilities=logits.softmax(1).numpy(),
            picks=best.numpy(),
        )

    def _keep_scores(self, agent: TemporalAgent) -> None:
        self._scores.append(agent.score(self._episode.features, self._episode.text_features))
