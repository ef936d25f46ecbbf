"""Accuracy by the evidence that the frames hit, and what a point of evidence is worth.

The share of scenes hit is KFS-Bench's scene hit rate (`results.scenes`). Questions without
evidence, or without times of their frames, are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tspo_bench.report.groups import by_value
from tspo_bench.report.stats import ROUNDING, Interval, accuracy_interval, cluster_sums, t_quantile
from tspo_bench.results import Cell
from tspo_bench.results.scenes import scene_metrics, scenes_of
from tspo_bench.tasks.evidence_files import EvidenceFile, few_of, odd_lines
from tspo_bench.types import FloatArray, Record, Span

TOLERANCE = 1.0  # seconds around an annotated moment
Hit = Literal["all", "some", "none"]
HITS: tuple[Hit, ...] = ("all", "some", "none")


@dataclass(frozen=True)
class HitAccuracy:
    """Accuracy over the `n` questions of which all, some or none of the scenes were hit."""

    hit: Hit
    n: int
    accuracy: float | None
    ci95: Interval | None


@dataclass(frozen=True)
class EvidenceRow:
    """A cell's questions, or those of one value of a group, by the scenes that were hit.

    `group` and `value` are "" for all questions. `num_left_out` have no evidence or no times.
    """

    cell: Cell
    group: str
    value: str
    scene_hit_rate: float | None
    by_hit: tuple[HitAccuracy, ...]
    num_left_out: int

    def to_dict(self) -> dict[str, Any]:
        """The row as `report --by-evidence --format json` prints it."""
        by_hit = {
            one.hit: {"n": one.n, "accuracy": one.accuracy, "ci95": one.ci95} for one in self.by_hit
        }
        return {
            **_named(self.cell),
            "group": self.group or None,
            "value": self.value or None,
            "scene_hit_rate": self.scene_hit_rate,
            "by_hit": by_hit,
            "num_left_out": self.num_left_out,
        }


@dataclass(frozen=True)
class Worth:
    """What evidence is worth to a model: the change of accuracy with the scene hit rate.

    Within questions: between cells of one model that differ in sampler or budget, of the changes
    that all questions share the mean is taken out. A slope of 0.2: where one cell hits all scenes
    of a question that the other misses, its accuracy is 20 points higher.

    Attributes:
        cells: the cells compared.
        slope: points of accuracy per point of scene hit rate.
        ci95: its 95% interval, clustered by video.
        n: questions that all cells were asked.
        num_changed: those of them whose hit rate differs between cells.
    """

    cells: tuple[Cell, ...]
    slope: float | None
    ci95: Interval | None
    n: int
    num_changed: int

    def to_dict(self) -> dict[str, Any]:
        """The row as `report --by-evidence --format json` prints it."""
        settings = self.cells[0].settings
        return {
            "task": settings.task,
            "model": settings.model,
            "cells": [_named(cell) for cell in self.cells],
            "slope": self.slope,
            "ci95": self.ci95,
            "n": self.n,
            "num_changed": self.num_changed,
        }


@dataclass(frozen=True)
class ByEvidence:
    """Both tables; `notes` are of lines of the evidence file that do not count."""

    rows: tuple[EvidenceRow, ...]
    worth: tuple[Worth, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether any question has evidence and times of its frames."""
        return any(row.scene_hit_rate is not None for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """What `report --by-evidence --format json` prints."""
        return {
            "rows": [row.to_dict() for row in self.rows],
            "worth": [one.to_dict() for one in self.worth],
        }


@dataclass(frozen=True)
class _Judged:
    """An answer with the share of its question's scenes that its frames hit."""

    record: Record
    hit_rate: float

    @property
    def hit(self) -> Hit:
        return "all" if self.hit_rate == 1 else "some" if self.hit_rate > 0 else "none"

    @property
    def groups(self) -> Mapping[str, str]:
        return self.record.groups


def by_evidence(cells: Sequence[Cell], evidence: EvidenceFile | None = None) -> ByEvidence:
    """Split each cell's accuracy by the evidence hit, and compare the cells of each model.

    Args:
        cells: of one run or several.
        evidence: the questions' evidence; None for that in the records, of which each span is a
            scene.

    Raises:
        UserError: the evidence is of other questions.
    """
    notes = () if evidence is None else tuple(_notes(evidence, cells))
    judged = [_judged(cell, evidence) for cell in cells]
    rows = [row for cell, some in zip(cells, judged, strict=True) for row in _rows(cell, some)]
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, cell in enumerate(cells):
        named = cell.settings
        key = (named.task, named.model, named.model_id, named.protocol, named.answer)
        alike.setdefault(key, []).append(number)
    worth = [
        _worth([cells[n] for n in numbers], [judged[n] for n in numbers])
        for numbers in alike.values()
        if len(numbers) > 1
    ]
    return ByEvidence(tuple(rows), tuple(worth), notes)


def _notes(file: EvidenceFile, cells: Sequence[Cell]) -> Iterator[str]:
    """Describe what of an evidence file does not count."""
    records = (record for cell in cells for record in cell.records)
    durations = {record.question_id: record.duration_seconds for record in records}
    for line in few_of(odd_lines(file, durations)):
        yield f"evidence file {file.path}, {line}"
    if others := sum(key not in durations for key in file.spans):
        count = f"{others} of its {len(file.spans)} questions"
        yield f"evidence file {file.path}: {count} are not in the results"


def _judged(cell: Cell, evidence: EvidenceFile | None) -> list[_Judged]:
    found = []
    for record in cell.records:
        if record.gold is None or not record.timestamps:
            continue
        if evidence is None:
            spans: Sequence[Span] = [Span(start, end) for start, end in record.evidence]
        else:
            spans = evidence.spans.get(record.question_id, ())
        scenes = scenes_of(spans, 1.0, record.duration_seconds)
        metrics = scene_metrics(scenes, record.timestamps, tolerance=TOLERANCE)
        if metrics is not None:
            found.append(_Judged(record, metrics.scene_hit_rate))
    return found


def _rows(cell: Cell, judged: Sequence[_Judged]) -> list[EvidenceRow]:
    left_out = len(cell.records) - len(judged)
    rows = [_row(cell, "", "", judged, left_out)]
    for group, values in by_value(judged).items():
        rows += [_row(cell, group, value, some, 0) for value, some in values.items()]
    return rows


def _row(
    cell: Cell, group: str, value: str, judged: Sequence[_Judged], left_out: int
) -> EvidenceRow:
    by_hit = tuple(_accuracy(hit, [one.record for one in judged if one.hit == hit]) for hit in HITS)
    rate = math.fsum(one.hit_rate for one in judged) / len(judged) if judged else None
    return EvidenceRow(cell, group, value, rate, by_hit, left_out)


def _accuracy(hit: Hit, records: Sequence[Record]) -> HitAccuracy:
    correct = [record.correct for record in records]
    if not correct:
        return HitAccuracy(hit, 0, None, None)
    interval = accuracy_interval(correct, [record.video for record in records])
    return HitAccuracy(hit, len(correct), sum(correct) / len(correct), interval)


def _worth(cells: Sequence[Cell], judged: Sequence[Sequence[_Judged]]) -> Worth:
    by_id = [{one.record.question_id: one for one in some} for some in judged]
    common = [key for key in by_id[0] if all(key in others for others in by_id[1:])]
    if not common:
        return Worth(tuple(cells), None, None, 0, 0)
    rates = np.array([[some[key].hit_rate for some in by_id] for key in common])
    correct = np.array([[float(some[key].record.correct) for some in by_id] for key in common])
    videos = [by_id[0][key].record.video for key in common]
    slope, ci95 = within_slope(rates, correct, videos)
    changed = int((np.ptp(rates, axis=1) > 0).sum())
    return Worth(tuple(cells), slope, ci95, len(common), changed)


def within_slope(
    x: FloatArray, y: FloatArray, clusters: Sequence[str]
) -> tuple[float | None, Interval | None]:
    """The slope of y on x within rows, and its 95% interval.

    Least squares with a constant for each row and each column (fixed effects), whose error is
    clustered: G / (G - 1) times the sum of the clusters' squared scores (Liang and Zeger 1986).

    Args:
        x: [n, c], a row a question, a column a cell.
        y: [n, c].
        clusters: of the rows [n].

    Returns:
        (None, None) where x does not vary; no interval with fewer than two clusters.
    """
    x, y = _centred(x), _centred(y)
    spread = float((x**2).sum())
    if spread <= ROUNDING:
        return None, None
    slope = float((x * y).sum()) / spread
    count = len(set(clusters))
    if count < 2:
        return slope, None
    scores = cluster_sums((x * (y - slope * x)).sum(axis=1), clusters)
    error = math.sqrt(count / (count - 1) * float(scores @ scores)) / spread
    if error <= ROUNDING:
        return slope, None
    half = t_quantile(count - 1) * error
    return slope, (slope - half, slope + half)


def _centred(values: FloatArray) -> FloatArray:
    """Values without the means of their rows and columns."""
    rows, columns = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True)
    centred: FloatArray = values - rows - columns + values.mean()
    return centred


def _named(cell: Cell) -> dict[str, Any]:
    settings = cell.settings
    return {
        "task": settings.task,
        "sampler": settings.sampler,
        "model": settings.model,
        "frames": settings.frames,
        "visual_tokens": settings.visual_tokens,
        "seed": settings.seed,
        "run": str(cell.run_folder),
    }
