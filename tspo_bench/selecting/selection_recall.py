"""Evidence recall of frame selections, without an MLLM: `tspo_bench.recall`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.results import evidence_recall, share_inside
from tspo_bench.results.scenes import scene_metrics, scenes_of
from tspo_bench.selecting.recall_rows import (
    RecallRow,
    SelectionRecall,
    largest_gap,
    recall_rows,
)
from tspo_bench.selecting.settings import selection_settings
from tspo_bench.tasks import warn_of_skipped
from tspo_bench.types import Features, Selection

if TYPE_CHECKING:
    from tspo_bench.evaluation import RunSettings
    from tspo_bench.evaluation.choosing import Job
    from tspo_bench.evaluation.rates import AssumedRates
    from tspo_bench.evaluation.task_plan import TaskPlan
    from tspo_bench.features.base import FrameEncoder
    from tspo_bench.selecting.task_selector import SelectionProgress


@dataclass(frozen=True)
class RecallResult:
    """Every question's selection, measured, and the rows of the table."""

    selections: tuple[SelectionRecall, ...]
    rows: tuple[RecallRow, ...]

    @property
    def errors(self) -> tuple[str, ...]:
        """Why questions have no selection."""
        return tuple(error for errors in self.errors_by_cell.values() for error in errors)

    @property
    def errors_by_cell(self) -> dict[str, list[str]]:
        """The same by sampler and budget: "aks K=8"."""
        found: dict[str, list[str]] = {}
        for one in self.selections:
            if one.failure is not None:
                found.setdefault(f"{one.sampler} K={one.frames}", []).append(one.failure.error)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return what `tspo-bench recall --json` prints."""
        return {"rows": [row.to_dict() for row in self.rows], "errors": list(self.errors)}


def recall(
    task: str | Sequence[str] = "haystack",
    sampler: str | Sequence[str] = "uniform",
    frames: int | Sequence[int] = 8,
    *,
    tolerance: float | Sequence[float] | None = None,
    baseline: str = "uniform",
    fps: float | None = None,
    seed: int = 0,
    progress: SelectionProgress | None = None,
    **settings: Any,
) -> RecallResult:
    """Measure samplers' selections for questions with annotated evidence, without an MLLM.

    Samplers that need no more than a video's probe (uniform, random, oracle, selection files) do
    without the videos: where one is not there, or `fps` is given, its length is the annotations'
    and its rate is `fps`, the annotations', a selection file's own, or what the strides of the
    frame numbers in selection files make of it (`selections.rates`).

    Example:
        >>> import tspo_bench
        >>> found = tspo_bench.recall("films.jsonl", ["uniform", "aks"], frames=4)
        >>> [(row.sampler, row.n) for row in found.rows if row.subset == "all"]
        [('uniform', 3), ('aks', 3)]

    Args:
        task, sampler, frames: as for `evaluate`.
        tolerance: seconds around an annotated moment within which a frame finds it, or several;
            None for the task's.
        baseline: the sampler that the others are compared with, as a spec.
        fps: the frame rate of all videos, none of which is then opened for the probe alone.
        seed: of samplers and tasks that draw.
        progress: follows the selections.
        settings: of `tspo_bench.RunSettings`, by name: `encoder`, `agent`, `candidate_fps`,
            `candidates`, `limit`, `only_present`, `split`, `data_root`, `annotations`, `evidence`,
            `device`.

    Raises:
        UserError: a setting that cannot be used, no question with evidence, or missing videos of
            unknown frame rate.
    """
    from tspo_bench.evaluation.rates import assumed_rates
    from tspo_bench.evaluation.reference_use import warn_of_reference
    from tspo_bench.evaluation.task_plan import check_baseline, load_run_encoder, load_tasks

    config = selection_settings(settings, task=task, sampler=sampler, frames=frames, seed=seed)
    tolerances = (tolerance,) if isinstance(tolerance, int | float) else tolerance
    _check_numbers(fps, tolerances or ())
    asked = load_tasks(config)
    _check_measurable(asked)
    against = check_baseline(baseline, asked)
    rates = [assumed_rates(one, fps) for one in asked]
    network = load_run_encoder(config, asked)
    warn_of_reference([one.task for one in asked], network)
    rows: list[RecallRow] = []
    measured: list[SelectionRecall] = []
    for one, known in zip(asked, rates, strict=True):
        found = _measured(config, one, known, network, tolerances, progress)
        measured += found
        rows += recall_rows(one.task.label, found, against, _tuned_for(one))
    return RecallResult(tuple(measured), tuple(rows))


def _tuned_for(asked: TaskPlan) -> dict[str, str]:
    """The benchmarks that samplers were tuned on, by label."""
    return {named.label: named.tuned_for for named in asked.samplers if named.tuned_for is not None}


def _check_numbers(fps: float | None, tolerances: Sequence[float]) -> None:
    if fps is not None and not 0 < fps < math.inf:
        raise UserError(f"--fps must be > 0 (got {fps})")
    for seconds in tolerances:
        if not 0 <= seconds < math.inf:
            raise UserError(f"--tolerance must be >= 0 seconds (got {seconds})")


def _check_measurable(asked: Sequence[TaskPlan]) -> None:
    """Report skipped annotations; reject tasks without evidence, and samplers without frames."""
    for one in asked:
        warn_of_skipped(one.task)
        if not any(question.evidence for question in one.questions):
            raise UserError(
                f"task {one.task.label!r}: none of its {len(one.questions)} questions has "
                "annotated evidence"
            )
        for named in one.samplers:
            if not named.sampler.needs:
                raise UserError(f"sampler {named.label!r} selects no frames; leave it out")


def _measured(
    config: RunSettings,
    asked: TaskPlan,
    rates: AssumedRates,
    encoder: FrameEncoder | None,
    tolerances: Sequence[float] | None,
    progress: SelectionProgress | None,
) -> list[SelectionRecall]:
    """Every selection for a task's questions, measured: sampler by sampler, not video by video."""
    from tspo_bench.evaluation.choosing import SelectionContext
    from tspo_bench.evaluation.plan import OpenCell
    from tspo_bench.features import FeatureStore
    from tspo_bench.selecting.task_selector import TaskSelector

    cells = [
        OpenCell(named.label, named.sampler, budget)
        for named in asked.samplers
        for budget in config.budgets
    ]
    context = SelectionContext(
        asked.task, FeatureStore(), encoder, config.candidate_fps, rule=config.candidates
    )
    within = tolerances or (asked.task.tolerance_seconds,)
    found = [
        _measure(job, within, job.question.video in rates.guessed)
        for job in TaskSelector(context, rates.by_video).jobs(asked.questions, cells, progress)
    ]
    order = {(cell.label, cell.budget.frames): place for place, cell in enumerate(cells)}
    return sorted(found, key=lambda one: order[one.sampler, one.frames])


def _measure(job: Job, tolerances: Sequence[float], is_guessed: bool) -> SelectionRecall:
    cell, question, selection = job
    assert cell.budget.frames is not None
    of_question = SelectionRecall(question, cell.label, cell.budget.frames, selection.failure)
    if selection.failure is not None or selection.candidates is None:
        return of_question
    spans = [span.in_seconds(selection.frame_rate) for span in question.evidence]
    times, duration = selection.timestamps, selection.duration_seconds
    scenes = scenes_of(question.evidence, selection.frame_rate, duration)
    return replace(
        of_question,
        num_candidates=len(selection.candidates),
        num_selected=len(selection),
        assumed_rate=selection.frame_rate if selection.is_assumed else None,
        is_guessed=selection.is_assumed and is_guessed,
        recalls={
            seconds: evidence_recall(spans, times, tolerance=seconds, duration_seconds=duration)
            for seconds in tolerances
        },
        scenes={t: scene_metrics(scenes, times, tolerance=t) for t in tolerances},
        inside={t: share_inside(spans, times, tolerance=t) for t in tolerances},
        largest_gap=None if duration is None else largest_gap(times.tolist(), duration),
        redundancy=_redundancy(selection),
        frames_processed=selection.frames_processed,
        timing=selection.timing,
    )


def _redundancy(selection: Selection) -> float | None:
    """Mean cosine of each frame and the next, by the features of the nearest candidates."""
    candidates = selection.candidates
    if candidates is None or candidates.features is None or len(selection) < 2:
        return None
    times = candidates.seconds
    places = [int(np.abs(times - second).argmin()) for second in selection.timestamps]
    chosen: Features = candidates.features[places].astype(np.float32)
    unit = chosen / np.linalg.norm(chosen, axis=1, keepdims=True).clip(min=1e-8)
    return float((unit[1:] * unit[:-1]).sum(axis=1).mean())
