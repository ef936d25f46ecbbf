"""The library's front door: what `tspo_bench.evaluate` and its neighbours are.

The command line calls these functions too. torch and transformers are imported when a function
needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tspo_bench.locating import RecallResult, recall
from tspo_bench.selecting import SelectedFrames, select_frames
from tspo_bench.task_selections import TaskSelections, select_task

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.console import Group

    from tspo_bench.evaluation import Progress
    from tspo_bench.report import Summary
    from tspo_bench.results import Cell
    from tspo_bench.training.callbacks import TrainingProgress
    from tspo_bench.training.train import Trained
    from tspo_bench.types import AnswerMode, CandidateRule, SubtitleMode

__all__ = [
    "EvaluationResult",
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


@dataclass(frozen=True)
class EvaluationResult:
    """The cells that were asked for, as they stand on disk.

    `cells` are in the order tasks, models, samplers, seeds, frame budgets; `skipped` says which
    annotations were left out and why. Tables take the cells that differ in the seed alone together,
    and compare with `baseline`.
    """

    cells: tuple[Cell, ...]
    skipped: tuple[str, ...]
    baseline: str = "uniform"

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """The figures of each cell: accuracy, its interval, evidence recall, ..."""
        from tspo_bench.report.summary import summarise_cells

        return tuple(summarise_cells([cell]) for cell in self.cells)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.cells[0].run_folder

    def to_dict(self, baseline: str | None = None) -> dict[str, Any]:
        """What `tspo-bench run --json` prints: shares of 1, None where undefined."""
        from tspo_bench.report import cells_json

        return cells_json(self.cells, baseline or self.baseline)

    def to_pandas(self) -> DataFrame:
        """The answers as a frame, a row for each; see `tspo_bench.read_records`."""
        from tspo_bench.report.dataframes import records_frame

        return records_frame(self.cells)

    def table(self, baseline: str | None = None) -> Group:
        """The comparison, and each sampler's difference to `baseline`, for `rich.print`."""
        from tspo_bench.report import results_table

        return results_table(self.cells, baseline or self.baseline)

    def groups_table(self) -> Group:
        """Accuracy by group (question type, duration, ...), for `rich.print`."""
        from tspo_bench.report import groups_table

        return groups_table(self.cells)


def evaluate(
    task: str | Sequence[str] = "haystack",
    sampler: str | Sequence[str] | None = None,
    model: str | Sequence[str] = "reference",
    frames: int | Sequence[int] | None = None,
    *,
    preset: str | None = None,
    visual_tokens: int | Sequence[int] | None = None,
    encoder: str | None = None,
    agent: str | None = None,
    candidate_fps: float = 1.0,
    candidates: CandidateRule | None = None,
    limit: int | None = None,
    only_present: bool = False,
    seeds: int | Sequence[int] | None = None,
    split: str | None = None,
    protocol: str | None = None,
    subtitles: SubtitleMode = "none",
    answer: AnswerMode = "generate",
    with_bounds: bool = False,
    data_root: str | Path | None = None,
    annotations: str | Path | None = None,
    device: str | None = None,
    batch_size: int = 8,
    out: str | Path | None = None,
    fresh: bool = False,
    baseline: str = "uniform",
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate the grid of tasks x models x samplers x seeds x frame budgets.

    A call with equal settings goes on where an earlier one stopped. Questions that fail (a broken
    video, say) do not raise: their records say why, and they count as wrong.

    Example:
        >>> import tspo_bench
        >>> result = tspo_bench.evaluate("films.jsonl", ["uniform", "aks"], frames=4)
        >>> for cell, summary in zip(result.cells, result.summaries):
        ...     print(cell.settings["sampler"], summary.n, summary.status_counts["decode_error"])
        uniform 3 0
        aks 3 0

    Args:
        task: what to ask: names ("mlvu", "haystack[length=15min]"), paths of annotation files or
            cards, or "pkg.mod:Name". Like `sampler` and `model` a sequence of specs, or one text in
            which commas separate them.
        sampler: who picks the frames ("uniform", "aks[depth=5]", "file:PATH", "pkg.mod:Name"); None
            for uniform.
        model: who answers ("reference", a checkpoint's folder or hub id, "pkg.mod:Name").
        frames: the frame budget K, or several; None for 8.
        preset: the settings of a published evaluation, "tspo-paper", where `sampler`, `frames`,
            `encoder`, `agent`, `candidates`, `protocol` and options of the model are not given.
            What is given otherwise is logged.
        visual_tokens: a number of visual tokens, or several, in place of `frames`: each question is
            given as many frames as it allows, so that models and resolutions cost the same.
        encoder: gives the features that samplers search with: "reference", a folder or a hub id;
            None for the agent's folder if that holds an encoder too, else "reference".
        agent: a temporal agent's folder or hub id, for the samplers tspo and tspo-q where their
            specs name none; None for those in the package. A folder with seed-0, seed-1, ... is an
            agent of each seed.
        candidate_fps: candidate frames per second.
        candidates: which frames these are: every n-th ("stride"), those shown at each 1 /
            `candidate_fps` second ("time"), or (None, "auto") by time where frames are uneven in
            time.
        limit: ask the first so many questions of a fixed shuffle.
        only_present: only questions whose videos are there; `limit` draws among these.
        seeds: one or several, of samplers that draw and of agents trained with several; what hangs
            on none is run once. None for all of an agent's, and 0 for what draws. Tasks that draw
            get the first.
        split: the tasks' split; None for each task's default.
        protocol: how to ask, read and average: "strict" (None), "official", "lmms-eval".
        subtitles: which of them the model is shown: "none", those "aligned" with the chosen frames,
            or "full", those of the whole video.
        answer: "generate", words that the protocol reads, or "options", the option whose letter has
            the highest log-probability.
        with_bounds: add the samplers blind and, where the task has evidence, oracle.
        data_root: the folder with the task's annotations and videos.
        annotations: the annotation file, where it lies elsewhere.
        device: a torch device; None for CUDA where torch sees it, else the CPU.
        batch_size: questions that the model answers at once.
        out: the run's folder; None for one under `runs/` that follows from the settings.
        fresh: start the cells over.
        baseline: the sampler that the result's tables compare the others with.
        command: a command line to be kept in run.json.
        progress: is told of each record.

    Raises:
        UserError: something that was asked for does not exist or cannot be used, or `out` holds a
            cell of other settings.
    """
    from tspo_bench.evaluation import RunConfig, run_grid
    from tspo_bench.evaluation.presets import with_preset

    asked: dict[str, Any] = {
        "model": model,
        "sampler": sampler,
        "frames": frames,
        "visual_tokens": visual_tokens,
        "encoder": encoder,
        "agent": agent,
        "candidate_fps": candidate_fps,
        "candidates": candidates,
        "protocol": protocol,
        "subtitles": subtitles,
        "answer": answer,
    }
    if preset is not None:
        asked = with_preset(preset, task, **asked)
    asked["sampler"] = asked["sampler"] or "uniform"
    asked["candidates"] = asked["candidates"] or "auto"
    config = RunConfig.of(
        task,
        **asked,
        preset=preset,
        limit=limit,
        only_present=only_present,
        seeds=seeds,
        split=split,
        with_bounds=with_bounds,
        data_root=data_root,
        annotations=annotations,
        device=device,
        batch_size=batch_size,
        out=out,
        fresh=fresh,
        baseline=baseline,
    )
    result = run_grid(config, command=command, progress=progress)
    return EvaluationResult(result.cells, result.skipped, baseline)


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
        resume: go on with a run that was interrupted.
        fresh: replace what `out` holds, which is kept in `previous/` until the agent is complete.
        command: the words of a command line, for the model card.
        progress: is told of each step.
        settings: by name, any field of `training.settings.TrainConfig` (`task`, `num_videos`,
            `without_types`, `data`, `video_root`, `encoder`, `model`, `seed`, `device`, ...) and of
            `training.presets.Preset` (`frames`, `rollouts`, `steps`, `learning_rate`, `tau`,
            `rewards`, ...), and any argument of the agent's own (`window`, `without`).

    Raises:
        UserError: a setting that there is not, something that cannot be used, or `out` holds
            another run.
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
    """Give a name to a task class (`tasks.base.Task`); see `register_sampler`."""
    from tspo_bench.tasks import registry

    registry.register(name, target, description, **options)


def register_model(name: str, target: str, description: str = "", **options: Any) -> None:
    """Give a name to a model class (`mllms.base.MLLM`); see `register_sampler`."""
    from tspo_bench.mllms import registry

    registry.register(name, target, description, **options)
