"""Select frames for a whole task and write them to a file: `tspo_bench.select_task`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.samplers.published import PublishedFrames
from tspo_bench.selecting.settings import sampler_settings
from tspo_bench.selections import SHAPES, FileSelection, SelectionFile, write_selections
from tspo_bench.selections.file_selection import checked_frames
from tspo_bench.tasks import warn_of_skipped
from tspo_bench.types import JSON

if TYPE_CHECKING:
    from tspo_bench.evaluation import RunSettings
    from tspo_bench.evaluation.task_plan import TaskPlan
    from tspo_bench.features.base import FrameEncoder
    from tspo_bench.selecting.task_selector import SelectionProgress


@dataclass(frozen=True)
class TaskSelections:
    """A task's selections, and why some questions have none.

    `errors` maps a question's id to the reason.
    """

    path: Path
    selections: SelectionFile
    errors: dict[str, str]


def select_task(
    task: str,
    out: str | Path,
    sampler: str = "aks",
    frames: int = 8,
    *,
    shape: str | None = None,
    seed: int = 0,
    progress: SelectionProgress | None = None,
    **settings: Any,
) -> TaskSelections:
    """Select frames for every question of a task and write them to a file.

    The file is what the sampler `file:PATH` reads, so that a model can be asked on another machine
    or day. Features are kept as they are made: a call that was interrupted starts over at little
    cost. With `file:PATH` for the sampler, a file is turned into another shape as it is,
    without the videos; `frames` does not matter.

    Example:
        >>> import tspo_bench
        >>> made = tspo_bench.select_task("films.jsonl", "sel.json", "aks", frames=4)
        >>> len(made.selections.picks)
        3

    Args:
        task: one task, as for `evaluate`.
        out: the file: .json or .parquet, or any name with a `shape`.
        sampler: one sampler.
        frames: the frame budget K.
        shape: one that others read: see `tspo_bench.selections.SHAPES`; None for ours.
        seed: of samplers and tasks that draw.
        progress: follows the selections.
        settings: of `tspo_bench.RunSettings`, by name: `encoder`, `agent`, `candidate_fps`,
            `candidates`, `limit`, `only_present`, `split`, `data_root`, `annotations`, `evidence`,
            `device`.

    Raises:
        UserError: something that was asked for does not exist, or the file cannot be written.
    """
    from tspo_bench.evaluation.reference_use import warn_of_reference
    from tspo_bench.evaluation.task_plan import load_run_encoder, load_tasks

    path = user_path(out)
    _check_out(path, shape)
    config = sampler_settings(settings, sampler, frames, seed, tasks=(task,))
    (asked,) = load_tasks(config)
    warn_of_skipped(asked.task)
    (named,) = asked.samplers
    if not named.sampler.needs:
        raise UserError(f"sampler {named.label!r} selects no frames that a file could hold")
    if isinstance(named.sampler, PublishedFrames):
        return _converted(asked, named.sampler, path, shape)
    network = load_run_encoder(config, [asked])
    warn_of_reference([asked.task], network)
    picked, errors = _selections(config, asked, network, progress)
    if not picked:
        first = next(iter(errors.values()))
        raise UserError(f"no question has a selection, so {path} is not written; {first}")
    selections = SelectionFile(picked, _made_by(config, asked, network))
    _write(path, selections, asked, shape)
    return TaskSelections(path, selections, errors)


def _selections(
    config: RunSettings,
    asked: TaskPlan,
    encoder: FrameEncoder | None,
    progress: SelectionProgress | None,
) -> tuple[dict[str, FileSelection], dict[str, str]]:
    """The file's rows in the questions' order, and the errors: both by question."""
    from tspo_bench.evaluation.choosing import SelectionContext
    from tspo_bench.evaluation.plan import OpenCell
    from tspo_bench.features import FeatureStore
    from tspo_bench.selecting.task_selector import TaskSelector

    (named,) = asked.samplers
    cell = OpenCell(named.label, named.sampler, config.budgets[0])
    context = SelectionContext(
        asked.task, FeatureStore(), encoder, config.candidate_fps, rule=config.candidates
    )
    picked: dict[str, FileSelection] = {}
    errors: dict[str, str] = {}
    for job in TaskSelector(context).jobs(asked.questions, [cell], progress):
        if job.selection.failure is not None:
            errors[job.question.id] = job.selection.failure.error
        else:
            picked[job.question.id] = FileSelection.of(job.selection, job.question.video)
    return {q.id: picked[q.id] for q in asked.questions if q.id in picked}, errors


def _write(path: Path, selections: SelectionFile, asked: TaskPlan, shape: str | None) -> None:
    """Write the file; where its shape cannot hold the selections, they are kept in ours."""
    ids = asked.task.annotation_ids
    try:
        write_selections(path, selections, asked.questions, shape, annotation_ids=ids)
    except UserError as error:
        if shape is None:
            raise
        kept = path.with_name(f"{path.name}.ours.json")  # hours of work, perhaps
        write_selections(kept, selections, asked.questions)
        raise UserError(f"{error}; the selections are in {kept}") from error


def _converted(
    asked: TaskPlan, sampler: PublishedFrames, path: Path, shape: str | None
) -> TaskSelections:
    """A file's selections of the task's questions, written in another shape."""

    picked: dict[str, FileSelection] = {}
    errors: dict[str, str] = {}
    for question in asked.questions:
        one = sampler.selections.picks.get(question.id)
        where = f"frame selections {sampler.path}, question {question.id!r}"
        if one is None:
            errors[question.id] = f"{where}: not in the file"
            continue
        try:
            checked_frames(one.indices, one.num_frames)
            picked[question.id] = one
        except ValueError as error:
            errors[question.id] = f"{where}: {error}"
    made_by = sampler.selections.made_by or {"task": asked.task.label, "file": sampler.path.name}
    selections = SelectionFile(picked, made_by)
    ids = asked.task.annotation_ids
    write_selections(path, selections, asked.questions, shape, annotation_ids=ids)
    return TaskSelections(path, selections, errors)


def _check_out(path: Path, shape: str | None) -> None:
    """Reject now what could not be written after hours."""
    if shape is not None and shape not in SHAPES:
        raise UserError(f"shape {shape!r} of frame selections; use one of: {', '.join(SHAPES)}")
    if shape is None and path.suffix not in (".json", ".parquet"):
        raise UserError(f"frame selections {path}: give a name that ends in .json or .parquet")
    if not path.absolute().parent.is_dir():
        raise UserError(f"frame selections {path}: no such folder: {path.absolute().parent}")


def _made_by(config: RunSettings, asked: TaskPlan, encoder: FrameEncoder | None) -> dict[str, JSON]:
    (named,) = asked.samplers
    return {
        "task": asked.task.label,
        "questions": asked.digest,
        "sampler": named.label,
        "sampler_settings": named.settings,
        "seed": named.seed,
        "frames": config.budgets[0].frames,
        "candidate_fps": config.candidate_fps,
        "candidates": config.candidates,
        "encoder_id": None if encoder is None else encoder.id,
    }
