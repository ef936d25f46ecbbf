"""Scene metrics of selected frames: how KFS-Bench judges a frame selection.

As KFS-Bench (Li et al., WACV 2026, arXiv 2512.14017) and its eval.py at 0efe1d1 define them. All
intervals are closed. Each function's `scenes` are a question's scenes, each of one or more
(start, end) in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.results.evidence import hits
from tspo_bench.types import FloatArray, Span

LEAST_UKSS = 0.01  # of a question: the geometric mean over questions would be 0
_EXPONENTS = 0.1 * np.arange(11)
Scenes = Sequence[Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class SceneMetrics:
    """The metrics of one question, 0 to 1 each.

    Attributes:
        scene_hit_rate: share of the scenes hit by a frame.
        key_frame_rate: share of the frames inside a scene.
        balanced_scene_recall: share of the scenes with their share of the frames inside: that of
            their length or an equal one, whichever is less, rounded down, but one at least.
        ukss: unified keyframe sampling score: the cubic root of key frame rate x balanced scene
            recall x balanced distribution similarity, at least 0.01. The similarity is the best
            cosine of the frames per scene to the scenes' lengths to the power of 0, 0.1, ..., 1.
    """

    scene_hit_rate: float
    key_frame_rate: float
    balanced_scene_recall: float
    ukss: float

    def to_dict(self) -> dict[str, float]:
        """The metrics by name."""
        return asdict(self)


def scenes_of(
    spans: Iterable[Span], frame_rate: float, duration_seconds: float | None = None
) -> list[list[tuple[float, float]]]:
    """The scenes of a question's evidence, in seconds: its spans, those of one scene together.

    Args:
        spans: the evidence.
        frame_rate: the video's, for spans in frame numbers.
        duration_seconds: the video's length; spans that begin later are left out, as no frame can
            hit them.
    """
    found: dict[object, list[tuple[float, float]]] = {}
    for number, span in enumerate(spans):
        start, end = span.in_seconds(frame_rate)
        if duration_seconds is None or start <= duration_seconds:
            found.setdefault(number if span.scene is None else span.scene, []).append((start, end))
    return list(found.values())


def scene_metrics(
    scenes: Scenes, frame_seconds: ArrayLike, *, tolerance: float
) -> SceneMetrics | None:
    """The metrics of a selection for one question.

    Args:
        scenes: see the module.
        frame_seconds: times [k] of the frames.
        tolerance: seconds around an annotated moment (start == end); spans are not widened.

    Returns:
        None without scenes or frames.
    """
    times = np.asarray(frame_seconds, np.float64)
    if not len(scenes) or not len(times):
        return None
    inside = np.array([hits(spans, times, tolerance).any(axis=0) for spans in scenes])  # [n, k]
    frames, lengths = inside.sum(axis=1), _lengths(scenes, tolerance)
    num_inside = int(inside.any(axis=0).sum())
    key_frame_rate = num_inside / len(times)
    equal = np.full(len(scenes), 1 / len(scenes))
    due = np.floor(np.minimum(lengths / lengths.sum(), equal) * num_inside).clip(min=1)
    balanced = float((frames >= due).mean())
    similarity = _similarity(frames, lengths) if num_inside else 0.0
    return SceneMetrics(
        scene_hit_rate=float((frames > 0).mean()),
        key_frame_rate=key_frame_rate,
        balanced_scene_recall=balanced,
        ukss=max(LEAST_UKSS, (key_frame_rate * balanced * similarity) ** (1 / 3)),
    )


def mean_metrics(metrics: Iterable[SceneMetrics]) -> Mapping[str, float] | None:
    """Each metric over questions: means, but of `ukss` the geometric mean; None without any."""
    rows = [one.to_dict() for one in metrics]
    if not rows:
        return None
    means = {name: math.fsum(row[name] for row in rows) / len(rows) for name in rows[0]}
    means["ukss"] = math.exp(math.fsum(math.log(row["ukss"]) for row in rows) / len(rows))
    return means


def _lengths(scenes: Scenes, tolerance: float) -> FloatArray:
    """The seconds of each scene [n]; a moment's are those in which a frame finds it."""
    spans = [np.asarray(scene, np.float64) for scene in scenes]
    widths = [(s[:, 1] - s[:, 0]) + 2 * tolerance * (s[:, 1] == s[:, 0]) for s in spans]
    lengths = np.array([width.sum() for width in widths])
    return lengths if lengths.all() else np.ones(len(scenes))


def _similarity(frames: FloatArray, lengths: FloatArray) -> float:
    """Balanced distribution similarity of the frames per scene [n] and the scenes' lengths [n]."""
    powers = lengths[:, None] ** _EXPONENTS
    norms = np.linalg.norm(frames) * np.linalg.norm(powers, axis=0)
    return float((frames @ powers / norms).max())
