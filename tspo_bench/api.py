"""The functions of the library: `tspo_bench.evaluate` and its neighbours.

The command line calls these functions too. torch and transformers are imported when a function
needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tspo_bench.selecting import (
    RecallResult,
    SelectedFrames,
    TaskSelections,
    recall,
    select_frames,
    select_task,
)

if TYPE_CHECKING:
    from tspo_bench.evaluation import EvaluationResult, Progress
    from tspo_bench.training.callbacks import TrainingProgress
    from tspo_bench.training.train import Trained

__all__ = [
    "RecallResult",
    "SelectedFrames",
    "TaskSelections",
    "evaluate",
    "recall",
    "register_model",
    "register_sampler",
    "register_task",
    "select_frames",
    "select_task",
    "train",
]


def evaluate(
    task: str | Sequence[str] = "haystack",
    sampler: str | Sequence[str] | None = None,
    model: str | Sequence[str] = "reference",
    frames: int | Sequence[int] | None = None,
    *,
    command: Sequence[str] = (),
    progress: Progress | None = None,
    **settings: Any,
) -> EvaluationResult:
    """Evaluate the grid of tasks x models x samplers x seeds x frame budgets.

    A call with equal settings resumes an earlier one. Questions that fail (a broken video, say) do
    not raise: their records say why, and they count as wrong.

    Example:
        >>> import tspo_bench
        >>> result = tspo_bench.evaluate("films.jsonl", ["uniform", "aks"], frames=4)
        >>> for cell, summary in zip(result.cells, result.summaries):
        ...     print(cell.settings.sampler, summary.n, summary.status_counts["decode_error"])
        uniform 3 0
        aks 3 0

    Args:
        task: benchmark tasks: names ("mlvu", "haystack[length=15min]"), paths of annotation files
            or cards, or "pkg.mod:Name". Like `sampler` and `model` a sequence of specs, or one text
            in which commas separate them.
        sampler: frame samplers to compare; None for uniform, or the preset's.
        model: MLLMs to evaluate.
        frames: the frame budget K, or several; None for 8, or the preset's.
        command: a command line to be kept in run.json.
        progress: its callbacks are called as the run proceeds.
        settings: by name, any other field of `tspo_bench.RunSettings` (`seeds`, `limit`,
            `protocol`, `encoder`, `agent`, `device`, `batch_size`, `out`, ...), where each is
            described; None for its default.

    Raises:
        UserError: a setting that is not known or cannot be used.
    """
    from tspo_bench.evaluation import RunSettings, run_grid

    given = RunSettings.of(task=task, sampler=sampler, model=model, frames=frames, **settings)
    return run_grid(given, command=command, progress=progress)


def train(
    agent: str = "tspo-q",
    *,
    out: str | Path,
    preset: str | None = None,
    resume: bool = False,
    fresh: bool = False,
    command: Sequence[str] = (),
    progress: TrainingProgress | None = None,
    **settings: Any,
) -> Trained:
    """Train a temporal agent; its folder is what the samplers tspo and tspo-q take as `agent`.

    Example:
        >>> import tspo_bench
        >>> tspo_bench.train("tspo-q", out="agents/mine", task="haystack", num_videos=50, steps=100)

    Args:
        agent: "tspo-q", the query-conditioned one, or "tspo", the paper's.
        out: the agent's folder.
        preset: "haystack" or "paper"; None for "paper" with `data`, else "haystack".
        resume: continue an interrupted run.
        fresh: replace what `out` holds, which is kept in `previous/` until the agent is complete.
        command: the words of a command line, for the model card.
        progress: is called at each step.
        settings: by name, any field of `training.settings.TrainConfig` (`task`, `num_videos`,
            `without_types`, `data`, `video_root`, `encoder`, `model`, `seed`, `device`, ...) and of
            `training.presets.Preset` (`frames`, `rollouts`, `steps`, `learning_rate`, `tau`,
            `rewards`, ...), and any argument of the agent's own (`window`, `without`).

    Raises:
        UserError: an unknown setting or one that cannot be used, or `out` holds another run.
    """
    from tspo_bench.training.settings import train_config
    from tspo_bench.training.train import train_agent

    config = train_config(agent, out, preset, **settings)
    return train_agent(config, resume=resume, fresh=fresh, command=command, progress=progress)


def register_sampler(name: str, target: str, description: str = "", **options: Any) -> None:
    """Give a name to a sampler class, for this process.

    Args:
        name: how `evaluate`, `select_frames` and tables will call it.
        target: "package.module:Name" of a class with the members of `samplers.base.FrameSampler`.
        description: one line for lists.
        options: arguments that its constructor is called with.

    Raises:
        UserError: the name is taken by another target.
    """
    from tspo_bench.samplers import registry

    registry.register(name, target, description, **options)


def register_task(name: str, target: str, description: str = "", **options: Any) -> None:
    """Give a name to a task class that inherits `tspo_bench.Task`; see `register_sampler`."""
    from tspo_bench.tasks import registry

    registry.register(name, target, description, **options)


def register_model(name: str, target: str, description: str = "", **options: Any) -> None:
    """Give a name to a model class that inherits `tspo_bench.MLLM`; see `register_sampler`."""
    from tspo_bench.mllms import registry

    registry.register(name, target, description, **options)
