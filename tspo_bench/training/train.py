"""`tspo-bench train`: from data, encoder and MLLM to an agent's folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import TrainerCallback
from transformers.trainer_utils import set_seed
from transformers.utils import SAFE_WEIGHTS_NAME

from tspo_bench.agent.base import TemporalAgent
from tspo_bench.errors import UserError
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.checkpoint import without_precision
from tspo_bench.mllms import load_mllm
from tspo_bench.tasks import Task, is_annotation_file, load_task
from tspo_bench.training.callbacks import (
    JsonLog,
    LogAtCheckpoints,
    TellProgress,
    TrainingProgress,
)
from tspo_bench.training.config import TSPOConfig
from tspo_bench.training.episode import TrainingData
from tspo_bench.training.folder import (
    CHECKPOINTS,
    check_folder,
    is_complete,
    last_checkpoint,
    prepare_folder,
)
from tspo_bench.training.settings import AGENTS, TrainConfig
from tspo_bench.training.task_data import TaskData
from tspo_bench.training.temperature import fitting_tau
from tspo_bench.training.trainer import TSPOTrainer
from tspo_bench.training.tspo10k import TSPO10K

LOG_FILE = "log.jsonl"
_SAVES = 10  # checkpoints over a run


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
    callbacks: Sequence[TrainerCallback] = (),
) -> Trained:
    """Train an agent and save it: config.json, model.safetensors, README.md, the log.

    The folder is touched once models, data and settings have turned out to be usable.

    Args:
        config: what to train.
        resume: go on from the folder's last checkpoint; a run that is complete stays as it is.
        fresh: throw away what an earlier run wrote into the folder.
        command: the words of the command line, for the model card.
        progress: is told of each step.
        callbacks: transformers' callbacks.

    Raises:
        UserError: something that was asked for cannot be used, or the folder holds another run.
    """
    preset = config.preset
    # Made first, since it checks settings, and knows which of several processes this one is.
    arguments = training_arguments(config, 1.0 if preset.tau is None else preset.tau)
    is_main = arguments.process_index == 0
    if is_main:
        check_folder(config, resume=resume, fresh=fresh)
    device = config.device if arguments.world_size == 1 else str(arguments.device)
    mllm = load_mllm(config.model, device, config.batch_size)
    encoder = load_encoder(config.encoder, device)
    data = load_data(config, encoder)
    agent = new_agent(config, encoder)
    if preset.tau is None:
        arguments.tau = fitting_tau(agent, data)
        arguments.tau_end = arguments.tau * preset.anneal
    with arguments.main_process_first(local=False):
        if is_main:
            prepare_folder(config, fresh=fresh)
    told: list[TrainerCallback] = [LogAtCheckpoints(), *callbacks]
    if is_main:
        told += [JsonLog(config.out / LOG_FILE), *([TellProgress(progress)] if progress else [])]
    trainer = TSPOTrainer(agent, arguments, data, mllm, callbacks=told)
    checkpoint = last_checkpoint(config.out) if resume else None
    if checkpoint is not None and is_complete(checkpoint):
        # The Trainer would take one step more where a run ended in the middle of an epoch.
        agent.load_state_dict(load_file(Path(checkpoint) / SAFE_WEIGHTS_NAME))
    else:
        trainer.train(resume_from_checkpoint=checkpoint)
    if is_main:
        agent.tau = arguments.tau_end
        about = {"frames": preset.frames, "command": command}
        agent.save_pretrained(config.out, model_card_kwargs=about)
    return Trained(config.out, data.skipped)


def new_agent(config: TrainConfig, encoder: FrameEncoder) -> TemporalAgent:
    """An untrained agent for an encoder's features, its weights drawn with the run's seed.

    Raises:
        UserError: an option of the agent's that is out of range.
    """
    set_seed(config.seed)
    return AGENTS[config.agent](
        encoder.width,
        1.0,
        encoder=config.encoder,
        encoder_id=without_precision(encoder.id),
        **config.options,
    )


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
            rule=config.candidates,
        )
    split = config.split or (None if is_annotation_file(config.task) else "train")
    task = load_task(config.task, data_root=config.data_root, split=split, seed=config.seed)
    _check_types(task, config.without_types)
    return TaskData(
        task,
        encoder,
        store,
        k=k,
        num_videos=config.num_videos,
        without_types=frozenset(config.without_types),
        rate=config.candidate_fps,
        rule=config.candidates,
    )


def training_arguments(config: TrainConfig, tau: float) -> TSPOConfig:
    """The preset in the trainer's terms."""
    preset = config.preset
    on_gpu = torch.device(config.device).type == "cuda"
    steps = preset.steps or -1
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(config.out / "tensorboard")
    arguments = TSPOConfig(
        output_dir=str(config.out / CHECKPOINTS),
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
    if on_gpu and arguments.world_size == 1:
        keep_to_one_gpu(arguments, torch.device(config.device))
    return arguments


def keep_to_one_gpu(arguments: TSPOConfig, device: torch.device) -> None:
    """Have a single process train on the GPU that was asked for, and on no other.

    By itself transformers takes the first one that it sees, and spreads each batch over all of them
    (DataParallel), which cannot split a batch of episodes.
    """
    arguments._n_gpu = 1
    if device.index is not None:
        arguments._setup_devices = device  # what `arguments.device` gives
        torch.cuda.set_device(device)  # what "cuda" means to accelerate


def _check_types(task: Task, without: Sequence[str]) -> None:
    if not without:
        return
    types = sorted({question.groups.get("type", "") for question in task.questions()} - {""})
    if unknown := [name for name in without if name not in types]:
        raise UserError(
            f"task {task.label!r} has no questions of type {', '.join(map(repr, unknown))}; "
            f"its types: {', '.join(types) or 'none'}"
        )
