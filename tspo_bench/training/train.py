"""`tspo-bench train`: from data, encoder and MLLM to an agent's folder."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers.trainer_utils import get_last_checkpoint, set_seed

from tspo_bench.agent.base import TemporalAgent
from tspo_bench.agent.paper_agent import PaperAgent
from tspo_bench.agent.query_agent import QueryAgent
from tspo_bench.errors import UserError
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.checkpoint import without_precision
from tspo_bench.mllms import load_mllm
from tspo_bench.tasks import load_task
from tspo_bench.training.callbacks import JsonLog, TellProgress, TrainingProgress
from tspo_bench.training.config import TSPOConfig
from tspo_bench.training.episode import TrainingData
from tspo_bench.training.presets import Preset
from tspo_bench.training.task_data import TaskData
from tspo_bench.training.temperature import fitting_tau
from tspo_bench.training.trainer import TSPOTrainer
from tspo_bench.training.tspo10k import TSPO10K

AGENTS: dict[str, type[TemporalAgent]] = {"tspo": PaperAgent, "tspo-q": QueryAgent}
LOG_FILE = "log.jsonl"
SETTINGS_FILE = "training.json"
_CHECKPOINTS = "checkpoints"
_SAVES = 10  # checkpoints over a run

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """What to train, on what, and where to put it.

    Args:
        agent: "tspo", the paper's, or "tspo-q", the query-conditioned one.
        out: the agent's folder.
        preset: settings of the training itself.
        data: TSPO-10K's JSON lines; None for `task`.
        video_root: the folder that the lines' videos are relative to.
        task: a task's spec, whose questions are trained on where there is no `data`.
        split: of the task.
        data_root: the task's.
        num_videos: use the task's first so many videos; None for all.
        without_types: question types left out.
        encoder: gives the features.
        model: answers.
        candidate_fps: candidates a second.
        options: of the agent's constructor (window, ...).
        seed: of the agent's first weights, the order, the haystacks and the rollouts.
        device: a torch device.
        batch_size: requests that the MLLM answers at once.

    Raises:
        UserError: an unknown agent, or data without a video root.
    """

    agent: str
    out: Path
    preset: Preset
    data: Path | None = None
    video_root: Path | None = None
    task: str = "haystack"
    split: str | None = "train"
    data_root: Path | None = None
    num_videos: int | None = None
    without_types: tuple[str, ...] = ()
    encoder: str = "reference"
    model: str = "reference"
    candidate_fps: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    device: str = "cpu"
    batch_size: int = 32

    def __post_init__(self) -> None:
        if self.agent not in AGENTS:
            raise UserError(f"no agent {self.agent!r}; there are: {', '.join(AGENTS)}")
        if self.data is not None and self.video_root is None:
            raise UserError(f"--data {self.data}: say where its videos are with --video-root")

    def settings(self) -> dict[str, Any]:
        """What decides the trained weights, as JSON."""
        kept = asdict(self)
        for name in ("out", "device", "batch_size"):
            del kept[name]
        return json.loads(json.dumps(kept, default=str))


@dataclass(frozen=True)
class Trained:
    """An agent's folder, and which lines of the data were left out."""

    folder: Path
    skipped: tuple[str, ...]


def train_agent(
    config: TrainConfig,
    *,
    resume: bool = False,
    fresh: bool = False,
    command: Sequence[str] = (),
    progress: TrainingProgress | None = None,
) -> Trained:
    """Train an agent and save it: config.json, model.safetensors, README.md, the log.

    Args:
        config: what to train.
        resume: go on from the folder's last checkpoint; a run that is complete stays as it is.
        fresh: throw away what the folder holds.
        command: the command line, for the model card.
        progress: is told of each step.

    Raises:
        UserError: something that was asked for cannot be used, or the folder holds another run.
    """
    _prepare_folder(config, resume=resume, fresh=fresh)
    mllm = load_mllm(config.model, config.device, config.batch_size)
    encoder = load_encoder(config.encoder, config.device)
    data = load_data(config, encoder)
    set_seed(config.seed)
    agent = AGENTS[config.agent](
        encoder.width,
        1.0,
        encoder=config.encoder,
        encoder_id=without_precision(encoder.id),
        **config.options,
    )
    tau = config.preset.tau or fitting_tau(agent, data)
    trainer = TSPOTrainer(
        agent,
        training_arguments(config, tau),
        data,
        mllm,
        callbacks=[
            JsonLog(config.out / LOG_FILE),
            *([TellProgress(progress)] if progress else []),
        ],
    )
    last = get_last_checkpoint(str(config.out / _CHECKPOINTS)) if resume else None
    trainer.train(resume_from_checkpoint=last)
    if trainer.is_world_process_zero():
        agent.tau = tau * config.preset.anneal
        agent.save_pretrained(
            config.out,
            model_card_kwargs={"frames": config.preset.frames, "command": " ".join(command)},
        )
    return Trained(config.out, data.skipped)


def trained_frames(folder: Path) -> int:
    """The frame budget that the agent in a folder was trained with."""
    return int(json.loads((folder / SETTINGS_FILE).read_text())["preset"]["frames"])


def load_data(config: TrainConfig, encoder: FrameEncoder) -> TrainingData:
    """The questions to train on.

    Raises:
        UserError: there is nothing usable.
    """
    store, k = FeatureStore(), config.preset.frames
    if config.data is not None:
        assert config.video_root is not None
        return TSPO10K(
            config.data,
            config.video_root,
            encoder,
            store,
            k=k,
            seed=config.seed,
            rate=config.candidate_fps,
        )
    task = load_task(config.task, data_root=config.data_root, split=config.split, seed=config.seed)
    return TaskData(
        task,
        encoder,
        store,
        k=k,
        num_videos=config.num_videos,
        without_types=frozenset(config.without_types),
        rate=config.candidate_fps,
    )


def training_arguments(config: TrainConfig, tau: float) -> TSPOConfig:
    """The preset in the trainer's terms."""
    preset = config.preset
    on_gpu = torch.device(config.device).type == "cuda"
    steps = preset.steps or -1
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(config.out / "tensorboard")
    return TSPOConfig(
        output_dir=str(config.out / _CHECKPOINTS),
        max_steps=steps,
        num_train_epochs=1,
        per_device_train_batch_size=preset.questions,
        gradient_accumulation_steps=preset.accumulation,
        learning_rate=preset.learning_rate,
        num_rollouts=preset.rollouts,
        tau=tau,
        tau_end=tau * preset.anneal,
        rewards=preset.rewards,
        log_prob=preset.log_prob,  # type: ignore[arg-type]
        save_steps=max(1, steps // _SAVES) if preset.steps else 1 / _SAVES,
        seed=config.seed,
        use_cpu=not on_gpu,
        bf16=on_gpu,
        dataloader_pin_memory=on_gpu,
        report_to=["tensorboard"],
    )


def _prepare_folder(config: TrainConfig, *, resume: bool, fresh: bool) -> None:
    """Refuse a folder that holds another run; write the settings."""
    path = config.out / SETTINGS_FILE
    if fresh and path.exists():
        shutil.rmtree(config.out)
    if path.exists():
        known = json.loads(path.read_text())
        if not resume:
            raise UserError(
                f"{config.out} holds a training run already; --resume goes on with it, --fresh "
                "throws it away, another name (--name) keeps both"
            )
        if changed := sorted(k for k, v in config.settings().items() if known.get(k) != v):
            raise UserError(
                f"{config.out} holds a run with another {', '.join(changed)}; give the same "
                "settings to resume it, or another name"
            )
    elif config.out.exists() and any(config.out.iterdir()):
        raise UserError(f"{config.out} is no training run's folder, and not empty; give another")
    config.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config.settings(), indent=1) + "\n")
