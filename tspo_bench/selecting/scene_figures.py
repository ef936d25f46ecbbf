"""Scene metrics of a sampler over questions: with intervals, and against another sampler."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tspo_bench.report.stats import Interval, mean_interval
from tspo_bench.results.scenes import SceneMetrics, mean_metrics
from tspo_bench.types import FloatArray

LOGARITHMIC = "ukss"  # is averaged as a geometric mean


@dataclass(frozen=True)
class SceneFigure:
    """A metric over `n` questions; its interval is clustered by video, and `ukss`'s logarithmic.

    `difference` is the metric minus the baseline's, over the `n_paired` questions that both have.
    """

    value: float
    ci95: Interval | None
    n: int
    difference: float | None = None
    difference_ci95: Interval | None = None
    n_paired: int = 0


@dataclass(frozen=True)
class QuestionScenes:
    """A question's metrics, and the video that it is about."""

    question: str
    video: str
    metrics: SceneMetrics


def scene_figures(
    own: Sequence[QuestionScenes], others: Sequence[QuestionScenes]
) -> dict[str, SceneFigure]:
    """Each metric of a sampler, compared with another's; {} without a question.

    Args:
        own: the sampler's questions.
        others: the baseline's; empty for none.
    """
    means = mean_metrics(one.metrics for one in own)
    if means is None:
        return {}
    theirs = {one.question: one for one in others}
    common = [(one, theirs[one.question]) for one in own if one.question in theirs]
    return {name: _figure(name, own, common, value) for name, value in means.items()}


def flattened(figures: Mapping[str, SceneFigure]) -> dict[str, object]:
    """The figures as `recall --json` has them: `scene_hit_rate`, `scene_hit_rate_ci95`, ..."""
    found: dict[str, object] = {}
    for name, figure in figures.items():
        found[name] = figure.value
        found[f"{name}_ci95"] = figure.ci95
        found[f"{name}_difference"] = figure.difference
        found[f"{name}_difference_ci95"] = figure.difference_ci95
    return found


def _figure(
    name: str,
    own: Sequence[QuestionScenes],
    common: Sequence[tuple[QuestionScenes, QuestionScenes]],
    value: float,
) -> SceneFigure:
    figure = SceneFigure(value, _interval(name, own), len(own))
    if not common:
        return figure
    ours, theirs = (_values(name, [pair[side] for pair in common]) for side in (0, 1))
    difference, linear = _difference(ours, theirs, name == LOGARITHMIC)
    videos = [one.video for one, _ in common]
    ci95 = mean_interval(linear, videos)
    return SceneFigure(value, figure.ci95, len(own), difference, ci95, len(common))


def _interval(name: str, some: Sequence[QuestionScenes]) -> Interval | None:
    values, videos = _values(name, some), [one.video for one in some]
    if name != LOGARITHMIC:
        return mean_interval(values, videos, low=0.0)
    found = mean_interval(np.log(values), videos, low=-math.inf, high=0.0)
    return found and (math.exp(found[0]), math.exp(found[1]))


def _difference(
    ours: FloatArray, theirs: FloatArray, is_logarithmic: bool
) -> tuple[float, FloatArray]:
    """The difference of two means, and each question's part in it (its mean is the difference).

    Of geometric means the parts are those of the linearised difference (delta method).
    """
    if not is_logarithmic:
        return float((ours - theirs).mean()), ours - theirs
    logs = np.log(ours), np.log(theirs)
    means = [math.exp(log.mean()) for log in logs]
    parts = [mean * (log - log.mean()) for mean, log in zip(means, logs, strict=True)]
    difference = means[0] - means[1]
    return difference, difference + parts[0] - parts[1]


def _values(name: str, some: Sequence[QuestionScenes]) -> FloatArray:
    return np.array([one.metrics.to_dict()[name] for one in some])
