"""Judge selections without an MLLM: `tspo_bench.locate`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.report.located import Located, LocatedRow, largest_gap, located_rows
from tspo_bench.results import evidence_recall, share_inside
from tspo_bench.tasks import tell_of_skipped
from tspo_bench.types import CandidateRule, Features

if TYPE_CHECKING:
    from tspo_bench.evaluation import RunSettings
    from tspo_bench.evaluation.picking import Pick, PickProgress
    from tspo_bench.evaluation.plan import NamedSampler
    from tspo_bench.evaluation.rates import AssumedRates
    from tspo_bench.evaluation.task_plan import TaskPlan
    from tspo_bench.features.base import FrameEncoder


@dataclass(frozen=True)
class LocateResult:
    """Every question's selection, measured, and the rows that they come to."""

    located: tuple[Located, ...]
    rows: tuple[LocatedRow, ...]

    @property
    def errors(self) -> tuple[str, ...]:
        """Why questions have no selection."""
        return tuple(one.error for one in self.located if one.error is not None)

    @property
    def errors_by_cell(self) -> dict[str, list[str]]:
        """The same by sampler and budget: "aks K=8"."""
        found: dict[str, list[str]] = {}
        for one in self.located:
            if one.error is not None:
                found.setdefault(f"{one.sampler} K={one.frames}", []).append(one.error)
        return found

    def to_dict(self) -> dict[str, Any]:
        """What `tspo-bench locate --json` prints."""
        return {"rows": [row.to_dict() for row in self.rows], "errors": list(self.errors)}


def locate(
    task: str | Sequence[str] = "haystack",
    sampler: str | Sequence[str] = "uniform",
    frames: int | Sequence[int] = 8,
    *,
    tolerance: float | Sequence[float] | None = None,
    baseline: str = "uniform",
    fps: float | None = None,
    encoder: str | None = None,
    agent: str | None = None,
    candidate_fps: float = 1.0,
    candidates: CandidateRule = "auto",
    limit: int | None = None,
    only_present: bool = False,
    seed: int = 0,
    split: str | None = None,
    data_root: str | Path | None = None,
    annotations: str | Path | None = None,
    device: str | None = None,
    progress: PickProgress | None = None,
) -> LocateResult:
    """Measure what samplers select for questions with annotated evidence, with no MLLM.

    Samplers that need no more than a video's probe (uniform, random, oracle, selection files) do
    without the videos: where one is not there, or `fps` is given, its length is the annotations'
    and its rate is `fps`, the annotations', a selection file's own, or what the strides of the
    frame numbers in selection files make of it (`selections.rates`).

    Example:
        >>> import tspo_bench
        >>> found = tspo_bench.locate("films.jsonl", ["uniform", "aks"], frames=4)
        >>> [(row.sampler, row.n) for row in found.rows if row.subset == "all"]
        [('uniform', 3), ('aks', 3)]

    Args:
        task: what is asked, as for `evaluate`.
        sampler: who selects, as for `evaluate`.
        frames: the frame budget K, or several.
        tolerance: seconds around an annotated moment within which a frame finds it, or several;
            None for the task's.
        baseline: the sampler that the others are compared with, as a spec.
        fps: the frame rate of all videos, none of which is then opened for the probe alone.
        encoder: for samplers that search.
        agent: for the samplers tspo and tspo-q.
        candidate_fps: candidate frames per second.
        candidates: which frames these are: every n-th ("stride"), those shown at each 1 /
            `candidate_fps` second ("time"), or ("auto") by time where frames are uneven in time.
        limit: look at the first so many questions of a fixed shuffle.
        only_present: only questions whose videos are there; `limit` draws among these.
        seed: of samplers and tasks that draw.
        split: the tasks' split; None for each task's default.
        data_root: the folder with annotations and videos.
        annotations: the annotation file, where it lies elsewhere.
        device: a torch device.
        progress: is told of each selection.

    Raises:
        UserError: something that was asked for does not exist, no question has evidence, or videos
            are missing and nothing tells their rate.
    """
    from tspo_bench.evaluation import RunSettings
    from tspo_bench.evaluation.rates import assumed_rates
    from tspo_bench.evaluation.reference_use import warn_of_reference
    from tspo_bench.evaluation.task_plan import check_baseline, load_run_encoder, load_tasks

    config = RunSettings.of(
        task=task,
        sampler=sampler,
        frames=frames,
        encoder=encoder,
        agent=agent,
        candidate_fps=candidate_fps,
        candidates=candidates,
        limit=limit,
        only_present=only_present,
        seeds=seed,
        split=split,
        data_root=data_root,
        annotations=annotations,
        device=device,
    )
    tolerances = (tolerance,) if isinstance(tolerance, int | float) else tolerance
    _check_numbers(fps, tolerances or ())
    asked = load_tasks(config)
    for one in asked:
        tell_of_skipped(one.task)
    _refuse_unlocatable(asked)
    against = check_baseline(baseline, asked)
    rates = [assumed_rates(one, fps) for one in asked]
    network = load_run_encoder(config, asked)
    warn_of_reference([one.task for one in asked], network)
    rows: list[LocatedRow] = []
    located: list[Located] = []
    for one, known in zip(asked, rates, strict=True):
        found = _located(config, one, known, network, tolerances, progress)
        located += found
        tuned = {n.label: str(n.settings["tuned_for"]) for n in one.samplers if _is_tuned(n)}
        rows += located_rows(one.task.label, found, against, tuned)
    return LocateResult(tuple(located), tuple(rows))


def _check_numbers(fps: float | None, tolerances: Sequence[float]) -> None:
    if fps is not None and not 0 < fps < math.inf:
        raise UserError(f"frame rate {fps} must be above 0 a second")
    for seconds in tolerances:
        if not 0 <= seconds < math.inf:
            raise UserError(f"tolerance {seconds} must be 0 seconds or more")


def _refuse_unlocatable(asked: Sequence[TaskPlan]) -> None:
    """Refuse tasks without evidence, and samplers that pick nothing."""
    for one in asked:
        if not any(question.evidence for question in one.questions):
            raise UserError(
                f"task {one.task.label!r}: none of its {len(one.questions)} questions has "
                "annotated evidence, so there is nothing to locate"
            )
        for named in one.samplers:
            if not named.sampler.needs:
                raise UserError(
                    f"sampler {named.label!r} sees nothing of the video and picks nothing: there "
                    "is nothing to locate; leave it out"
                )


def _is_tuned(named: NamedSampler) -> bool:
    return "tuned_for" in named.settings


def _located(
    config: RunSettings,
    asked: TaskPlan,
    rates: AssumedRates,
    encoder: FrameEncoder | None,
    tolerances: Sequence[float] | None,
    progress: PickProgress | None,
) -> list[Located]:
    """Every selection for a task's questions, measured: sampler by sampler, not video by video."""
    from tspo_bench.evaluation.choosing import VideoChooser
    from tspo_bench.evaluation.picking import Picker
    from tspo_bench.evaluation.plan import OpenCell
    from tspo_bench.features import FeatureStore

    cells = [
        OpenCell(named.label, named.sampler, budget)
        for named in asked.samplers
        for budget in config.budgets
    ]
    chooser = VideoChooser(
        asked.task, FeatureStore(), encoder, config.candidate_fps, rule=config.candidates
    )
    if progress is not None:
        progress.started(asked.task.label, len(cells) * len(asked.questions))
    found = []
    for pick in Picker(chooser, rates.by_video).picks(asked.questions, cells):
        within = tolerances or (asked.task.tolerance_seconds,)
        found.append(_measured(pick, within, pick.question.video in rates.guessed))
        if progress is not None:
            progress.advance()
    chooser.say_rules()
    order = {(cell.label, cell.budget.frames): place for place, cell in enumerate(cells)}
    return sorted(found, key=lambda one: order[one.sampler, one.frames])


def _measured(pick: Pick, tolerances: Sequence[float], is_guessed: bool) -> Located:
    cell, question = pick.cell, pick.question
    assert cell.budget.frames is not None
    if pick.selection is None or pick.candidates is None:
        return Located(
            question.id,
            question.video,
            cell.label,
            cell.budget.frames,
            question.groups,
            error=pick.error or "the sampler sees nothing of the video",
        )
    spans = [span.in_seconds(pick.candidates.frame_rate) for span in question.evidence]
    recalls = {
        tolerance: evidence_recall(
            spans, pick.seconds, tolerance=tolerance, duration_seconds=pick.duration_seconds
        )
        for tolerance in tolerances
    }
    return Located(
        question_id=question.id,
        video=question.video,
        sampler=cell.label,
        frames=cell.budget.frames,
        groups=question.groups,
        num_candidates=len(pick.candidates),
        num_picked=len(pick.selection.indices),
        assumed_rate=pick.candidates.frame_rate if pick.assumed else None,
        is_guessed=pick.assumed and is_guessed,
        recalls=recalls,
        inside={t: share_inside(spans, pick.seconds, tolerance=t) for t in tolerances},
        largest_gap=_gap(pick),
        redundancy=_redundancy(pick),
        looked_at=pick.looked_at,
        timing=pick.timing,
    )


def _gap(pick: Pick) -> float | None:
    if pick.duration_seconds is None:
        return None
    return largest_gap(pick.seconds.tolist(), pick.duration_seconds)


def _redundancy(pick: Pick) -> float | None:
    """Mean cosine of each picked frame and the next, by the features of the nearest candidates."""
    assert pick.candidates is not None
    features, picked = pick.candidates.features, pick.seconds
    if features is None or len(picked) < 2:
        return None
    places = [int(np.abs(pick.candidates.seconds - second).argmin()) for second in picked]
    chosen: Features = features[places].astype(np.float32)
    unit = chosen / np.linalg.norm(chosen, axis=1, keepdims=True).clip(min=1e-8)
    return float((unit[1:] * unit[:-1]).sum(axis=1).mean())
