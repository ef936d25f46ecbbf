"""`tspo-bench train`: from data, encoder and MLLM to an agent's folder."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import TrainerCallback
from transformers.trainer_utils import set_seed
from transformers.utils import SAFE_WEIGHTS_NAME

from tspo_bench.agent.base import TemporalAgent
from tspo_bench.agent.paper_agent import PaperAgent
from tspo_bench.errors import UserError
from tspo_bench.evaluation.reference_use import warn_of_reference, warn_of_reference_on
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.checkpoint import without_precision
from tspo_bench.features.encoder import find_encoder
from tspo_bench.mllms import check_mllm, load_mllm
from tspo_bench.mllms.base import MLLM
from tspo_bench.mllms.loading import check_asking
from tspo_bench.specs import parse_spec
from tspo_bench.tasks import Task, is_annotation_file, load_task
from tspo_bench.training.aside import CHECKPOINTS, SKIPPED_FILE, last_checkpoint
from tspo_bench.training.callbacks import (
    JsonLog,
    LogAtCheckpoints,
    ReportProgress,
    TrainingProgress,
)
from tspo_bench.training.config import TSPOConfig
from tspo_bench.training.episode import TrainingData
from tspo_bench.training.folder import check_folder, is_complete, prepared_folder
from tspo_bench.training.settings import AGENTS, TrainConfig
from tspo_bench.training.skipped import SkippedFile, summed_up
from tspo_bench.training.task_data import TaskData, usable_questions
from tspo_bench.training.temperature import fitting_tau
from tspo_bench.training.trainer import TSPOTrainer, check_first_episode
from tspo_bench.training.tspo10k import TSPO10K
from tspo_bench.training.tspo10k_items import read_items

_log = logging.getLogger(__name__)
LOG_FILE = "log.jsonl"
_SAVES = 10  # checkpoints over a run
_ANY_WIDTH = 64  # of features, to check the agent's options before the encoder is loaded


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

    The folder is touched once models, data and settings have turned out to be usable. If training
    fails before its first checkpoint, it is left as it was.

    Args:
        config: what to train.
        resume: continue from the folder's last checkpoint; a run that is complete stays as it is.
            With more steps than before, learning rate and temperature fall over all of them from
            there on, so only with constant ones do the weights equal those of one longer run.
        fresh: replace what an earlier run wrote into the folder, which is kept in `previous/` until
            this run is complete.
        command: the words of the command line, for the model card.
        progress: is called at each step.
        callbacks: transformers' callbacks.

    Raises:
        UserError: something that was asked for cannot be used, or the folder holds another run.
    """
    # Made first, since it checks settings, and knows which of several processes this one is.
    tau = config.preset.tau
    arguments = training_arguments(config, 1.0 if tau is None else tau)
    is_main = arguments.process_index == 0
    if is_main:
        check_folder(config, resume=resume, fresh=fresh)
    _check_usable(config, arguments)
    agent, data, mllm = _ready(config, arguments)
    attached: list[TrainerCallback] = [LogAtCheckpoints(), *callbacks]
    if is_main:
        attached.append(JsonLog(config.out / LOG_FILE))
        attached += [ReportProgress(progress)] if progress else []
    left_out: Callable[[str], None] | None = None
    with contextlib.ExitStack() as stack:
        with arguments.main_process_first(local=False):
            if is_main:
                stack.enter_context(prepared_folder(config, fresh=fresh))
                skipped = SkippedFile(config.out / SKIPPED_FILE)
                skipped.add(data.skipped)
                left_out = skipped.add_in_training
        trainer = TSPOTrainer(agent, arguments, data, mllm, attached, left_out)
        has_trained = _fit(trainer, agent, config.out, resume)
        if is_main:
            if has_trained:  # the library keeps a card that is there: that of the steps before
                (config.out / "README.md").unlink(missing_ok=True)
            agent.tau = arguments.tau_end
            agent.recipe = {**config.recipe(), "command": list(command)}
            agent.save_pretrained(config.out)
    return Trained(config.out, tuple(map(str, data.skipped)))


def _check_usable(config: TrainConfig, arguments: TSPOConfig) -> None:
    """Check what can be checked before models are loaded: options, checkpoints, questions."""
    AGENTS[config.agent](_ANY_WIDTH, 1.0, **config.options)
    check_mllm(config.model, config.device)
    check_asking(config.model, config.device, arguments.answer, "")
    find_encoder(config.encoder)
    if config.data is not None and config.video_root is not None:
        read_items(config.data, config.video_root)
    else:
        usable_questions(training_task(config), **_which_questions(config))


def _ready(config: TrainConfig, arguments: TSPOConfig) -> tuple[TemporalAgent, TrainingData, MLLM]:
    """The agent, data and MLLM of a run, checked against each other; the temperature is set."""
    device = config.device if arguments.world_size == 1 else str(arguments.device)
    mllm = load_mllm(config.model, device, config.batch_size)
    encoder = load_encoder(config.encoder, device)
    data = load_data(config, encoder)
    if data.skipped and arguments.process_index == 0:
        where = f"{config.out / SKIPPED_FILE} names each"
        _log.warning("%s; %s", summed_up(data.skipped, len(data)), where)
    agent = new_agent(config, encoder)
    if config.preset.tau is None:
        arguments.tau = fitting_tau(agent, data)
        arguments.tau_end = arguments.tau * config.preset.anneal
    check_first_episode(agent, data)
    return agent, data, mllm


def _fit(trainer: TSPOTrainer, agent: TemporalAgent, out: Path, resume: bool) -> bool:
    """Train, unless the last checkpoint is complete: whether a step was left."""
    checkpoint = last_checkpoint(out) if resume else None
    if resume and checkpoint is None:
        _log.warning("--resume: no checkpoint in %s; training starts at step 0", out)
    if checkpoint is not None and is_complete(checkpoint, trainer.args.max_steps):
        # The Trainer would take one step more where a run ended in the middle of an epoch.
        agent.load_state_dict(load_file(Path(checkpoint) / SAFE_WEIGHTS_NAME))
        return False
    trainer.train(resume_from_checkpoint=checkpoint)
    return True


def new_agent(config: TrainConfig, encoder: FrameEncoder) -> TemporalAgent:
    """An untrained agent for an encoder's features, its weights drawn with the run's seed.

    Raises:
        UserError: an option of the agent's that is out of range.
    """
    set_seed(config.seed)
    agent = AGENTS[config.agent](
        encoder.width,
        1.0,
        encoder=config.encoder,
        encoder_id=without_precision(encoder.id),
        **config.options,
    )
    if isinstance(agent, PaperAgent) and config.preset.init_std is not None:
        agent.draw_weights(config.preset.init_std)
    return agent


def load_data(config: TrainConfig, encoder: FrameEncoder) -> TrainingData:
    """The questions to train on.

    Raises:
        UserError: there is nothing usable.
    """
    store, k = FeatureStore(), config.preset.frames
    if config.data is not None:
        assert config.video_root is not None
        warn_of_reference_on(config.data.name, encoder, [config.model])
        return TSPO10K(
            config.data,
            config.video_root,
            encoder,
            store,
            k=k,
            seed=config.seed,
            rate=config.candidate_fps,
        )
    task = training_task(config)
    warn_of_reference([task], encoder, [config.model])
    rate, rule = config.candidate_fps, config.candidates
    return TaskData(task, encoder, store, k=k, rate=rate, rule=rule, **_which_questions(config))


def training_task(config: TrainConfig) -> Task:
    """Load the task whose questions are trained on.

    Raises:
        UserError: it cannot be loaded, or has no questions of a type to leave out.
    """
    own_clips = "clips" in parse_spec(config.task).options
    has_splits = not is_annotation_file(config.task) and not own_clips
    split = config.split or ("train" if has_splits else None)
    task = load_task(config.task, data_root=config.data_root, split=split, seed=config.seed)
    _check_types(task, config.without_types)
    return task


def _which_questions(config: TrainConfig) -> dict[str, Any]:
    return {
        "num_videos": config.num_videos,
        "only_present": config.only_present,
        "without_types": frozenset(config.without_types),
    }


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
        answer=preset.answer,  # type: ignore[arg-type]
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
