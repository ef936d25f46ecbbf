"""Figures of selections without an MLLM: evidence recall, spread, redundancy and cost.

`docs/metrics.md` defines each figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from tspo_bench.report.groups import by_value
from tspo_bench.report.stats import Interval, mean_interval
from tspo_bench.report.summary import FeatureSource, count_sources
from tspo_bench.results import EvidenceRecall
from tspo_bench.results.scenes import SceneMetrics
from tspo_bench.selecting.scene_figures import (
    QuestionScenes,
    SceneFigure,
    flattened,
    scene_figures,
)
from tspo_bench.types import Failed, Question

Subset = Literal["all", "more_than_k", "k_or_fewer"]
SUBSETS: tuple[Subset, ...] = ("all", "more_than_k", "k_or_fewer")


@dataclass(frozen=True)
class SelectionRecall:
    """A question's selection, measured.

    Attributes:
        question: the question.
        sampler: the sampler's label.
        frames: the frame budget K.
        failure: why there is no selection; then nothing below is known.
        num_candidates: those of the video.
        num_selected: the frames selected.
        assumed_rate: the frame rate that was taken for a video that was not opened.
        is_guessed: this rate follows from the strides of frame numbers alone.
        recalls: evidence found, by tolerance in seconds.
        scenes: the scene metrics, by tolerance; None without frames or evidence.
        inside: the share of the frames inside the evidence, by tolerance; None without frames or
            evidence.
        largest_gap: seconds, from the start to the first frame, between frames, or to the end.
        redundancy: mean cosine of the features of neighbours; None with fewer than two, or without
            features.
        frames_processed: frames decoded and encoded to select.
        timing: seconds spent to select, by stage.
    """

    question: Question
    sampler: str
    frames: int
    failure: Failed | None = None
    num_candidates: int = 0
    num_selected: int = 0
    assumed_rate: float | None = None
    is_guessed: bool = False
    recalls: Mapping[float, EvidenceRecall] = field(default_factory=dict)
    scenes: Mapping[float, SceneMetrics | None] = field(default_factory=dict)
    inside: Mapping[float, float | None] = field(default_factory=dict)
    largest_gap: float | None = None
    redundancy: float | None = None
    frames_processed: Mapping[str, int] = field(default_factory=dict)
    timing: Mapping[str, float] = field(default_factory=dict)

    @property
    def groups(self) -> Mapping[str, str]:
        """The question's, by which figures are broken down."""
        return self.question.groups


@dataclass(frozen=True)
class RecallDifference:
    """Mean evidence recall minus that of another sampler, over the questions that both have."""

    baseline: str
    difference: float | None
    ci95: Interval | None
    n: int


@dataclass(frozen=True)
class GroupRecall:
    """Evidence recall within one value of a group, and its difference to the baseline."""

    evidence_recall: float | None
    ci95: Interval | None
    n: int
    paired: RecallDifference | None


@dataclass(frozen=True)
class RecallRow:
    """The figures of a sampler at a budget and tolerance, over a subset of the questions.

    `n` questions have evidence and a selection, with `num_moments` spans or moments in all, of
    which `num_spans` are not moments; `num_beyond_end` more lie behind the video's end. `num_short`
    selections have fewer frames than the budget and the candidates would allow, `num_not_opened`
    are of videos that were not opened, of which the rates of `num_guessed_rates` are guessed.
    `num_without_evidence` questions have no evidence. `scenes` holds the scene metrics by name
    (`tspo_bench.results.scenes`). What is undefined is None.
    """

    task: str
    sampler: str
    frames: int
    tolerance: float
    subset: Subset
    evidence_recall: float | None
    evidence_recall_pooled: float | None
    ci95: Interval | None
    n: int
    num_videos: int
    num_moments: int
    num_spans: int
    num_beyond_end: int
    num_failed: int
    num_without_evidence: int
    scenes: Mapping[str, SceneFigure]
    paired: RecallDifference | None
    share_inside: float | None
    largest_gap_seconds: float | None
    redundancy: float | None
    mean_frames: float | None
    frames_processed: Mapping[str, float | None]
    seconds_per_question: float | None
    feature_sources: Mapping[FeatureSource, int]
    num_short: int
    num_not_opened: int
    num_guessed_rates: int
    groups: Mapping[str, Mapping[str, GroupRecall]]
    tuned_for: str | None = None

    @property
    def has_spans(self) -> bool:
        """Whether the evidence holds more than moments."""
        return self.num_spans > 0

    def to_dict(self) -> dict[str, Any]:
        """The row as `tspo-bench recall --json` prints it."""
        row = asdict(self)
        del row["scenes"]
        return {**row, **flattened(self.scenes)}


def recall_rows(
    task: str,
    measured: Sequence[SelectionRecall],
    baseline: str,
    tuned_for: Mapping[str, str] = MappingProxyType({}),
) -> list[RecallRow]:
    """A row for each sampler, budget, tolerance and subset, in the order of their first question.

    A video with more than K candidates can be sampled in more ways than one; where there are K or
    fewer, every sampler of candidates gives all of them. Questions that failed are in "all" alone.
    A subset without a question has no rows.

    Args:
        task: the task's label.
        measured: every question's, of all samplers and budgets.
        baseline: the label of the sampler that the others are compared with.
        tuned_for: by label the benchmark that a sampler's settings were tuned on.
    """
    tolerances = dict.fromkeys(t for one in measured for t in one.recalls)
    cells = dict.fromkeys((one.sampler, one.frames) for one in measured)
    rows = []
    for sampler, frames in cells:
        of_budget = [one for one in measured if one.frames == frames]
        for tolerance in tolerances:
            for subset in SUBSETS:
                asked = [one for one in of_budget if _is_in(one, subset)]
                if asked:
                    row = _row(task, sampler, asked, frames, tolerance, subset, baseline)
                    rows.append(replace(row, tuned_for=tuned_for.get(sampler)))
    return rows


def _is_in(one: SelectionRecall, subset: Subset) -> bool:
    if subset == "all":
        return True
    return one.failure is None and (one.num_candidates > one.frames) == (subset == "more_than_k")


def _row(
    task: str,
    sampler: str,
    asked: Sequence[SelectionRecall],
    frames: int,
    tolerance: float,
    subset: Subset,
    baseline: str,
) -> RecallRow:
    own = [one for one in asked if one.sampler == sampler]
    others = [one for one in asked if one.sampler == baseline] if sampler != baseline else []
    picked = [one for one in own if one.failure is None]
    recalls = [one.recalls[tolerance] for one in picked]
    found = _with_recall(own, tolerance)
    num_moments = sum(recall.num_spans for recall in recalls)
    hit = sum(recall.num_hit for recall in recalls)
    return RecallRow(
        task=task,
        sampler=sampler,
        frames=frames,
        tolerance=tolerance,
        subset=subset,
        evidence_recall=_mean(value for _, value in found),
        evidence_recall_pooled=hit / num_moments if num_moments else None,
        ci95=_interval(found),
        n=len(found),
        num_videos=len({one.question.video for one, _ in found}),
        num_moments=num_moments,
        num_spans=sum(span.start < span.end for one in picked for span in one.question.evidence),
        num_beyond_end=sum(recall.num_beyond_end for recall in recalls),
        num_failed=sum(one.failure is not None for one in own),
        num_without_evidence=sum(not one.question.evidence for one in picked),
        scenes=scene_figures(_with_scenes(own, tolerance), _with_scenes(others, tolerance)),
        paired=_paired(own, others, tolerance, baseline),
        share_inside=_mean_known(one.inside[tolerance] for one in picked),
        largest_gap_seconds=_mean_known(one.largest_gap for one in picked),
        redundancy=_mean_known(one.redundancy for one in picked),
        mean_frames=_mean(one.num_selected for one in picked),
        frames_processed={
            key: _mean(one.frames_processed.get(key, 0) for one in picked)
            for key in ("decoded", "encoded")
        },
        seconds_per_question=_mean(sum(one.timing.values()) for one in picked),
        feature_sources=count_sources(one.timing for one in picked),
        num_short=sum(one.num_selected < min(frames, one.num_candidates) for one in picked),
        num_not_opened=sum(one.assumed_rate is not None for one in picked),
        num_guessed_rates=sum(one.is_guessed for one in picked),
        groups=_groups(own, others, tolerance, baseline),
    )


def _groups(
    own: Sequence[SelectionRecall],
    others: Sequence[SelectionRecall],
    tolerance: float,
    baseline: str,
) -> dict[str, dict[str, GroupRecall]]:
    members, baselines = by_value(own), by_value(others)
    return {
        group: {
            value: _group(some, baselines.get(group, {}).get(value, []), tolerance, baseline)
            for value, some in values.items()
        }
        for group, values in members.items()
    }


def _group(
    own: Sequence[SelectionRecall],
    others: Sequence[SelectionRecall],
    tolerance: float,
    baseline: str,
) -> GroupRecall:
    found = _with_recall(own, tolerance)
    recall = _mean(value for _, value in found)
    paired = _paired(own, others, tolerance, baseline)
    return GroupRecall(recall, _interval(found), len(found), paired)


def _with_recall(
    some: Sequence[SelectionRecall], tolerance: float
) -> list[tuple[SelectionRecall, float]]:
    """The questions that have evidence and a selection, each with its recall."""
    pairs = [(one, one.recalls[tolerance].recall) for one in some if one.failure is None]
    return [(one, recall) for one, recall in pairs if recall is not None]


def _with_scenes(some: Sequence[SelectionRecall], tolerance: float) -> list[QuestionScenes]:
    pairs = [(one.question, one.scenes[tolerance]) for one in some if one.failure is None]
    return [
        QuestionScenes(question.id, question.video, metrics)
        for question, metrics in pairs
        if metrics is not None
    ]


def _paired(
    own: Sequence[SelectionRecall],
    others: Sequence[SelectionRecall],
    tolerance: float,
    baseline: str,
) -> RecallDifference | None:
    if not others:
        return None
    theirs = {one.question.id: recall for one, recall in _with_recall(others, tolerance)}
    common = [
        (one, recall - theirs[one.question.id])
        for one, recall in _with_recall(own, tolerance)
        if one.question.id in theirs
    ]
    mean = _mean(value for _, value in common)
    return RecallDifference(baseline, mean, _interval(common, low=-1.0), len(common))


def _interval(values: Sequence[tuple[SelectionRecall, float]], low: float = 0.0) -> Interval | None:
    numbers = np.array([value for _, value in values])
    return mean_interval(numbers, [one.question.video for one, _ in values], low=low, high=1.0)


def largest_gap(seconds: Sequence[float], duration: float) -> float:
    """The longest stretch of a video without a picked frame, its start and end included."""
    return float(np.diff([0.0, *seconds, max(duration, *seconds, 0.0)]).max())


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return math.fsum(numbers) / len(numbers) if numbers else None


def _mean_known(values: Iterable[float | None]) -> float | None:
    return _mean(value for value in values if value is not None)
