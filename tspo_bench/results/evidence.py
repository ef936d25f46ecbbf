"""Evidence recall: did the selected frames see what the answer needs?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Times are quotients of frame numbers and rates: a microsecond keeps rounding from deciding.
_SLACK_SECONDS = 1e-6


@dataclass(frozen=True)
class EvidenceRecall:
    """The share of a question's evidence spans that the selected frames hit.

    `num_beyond_end` spans start after the video's end (an annotation error, or a shortened copy of
    the video): no frame can hit them, so they are not among `num_spans`.
    """

    num_hit: int
    num_spans: int
    num_beyond_end: int = 0

    @property
    def recall(self) -> float | None:
        """The share of spans that were hit; None without a span to hit."""
        return self.num_hit / self.num_spans if self.num_spans else None


def evidence_recall(
    spans_seconds: Sequence[tuple[float, float]],
    frame_seconds: ArrayLike,
    *,
    tolerance: float,
    duration_seconds: float | None = None,
) -> EvidenceRecall:
    """Share of evidence spans that are hit by at least one selected frame.

    A span (start < end) is hit by a frame inside it, both ends included; a moment (start == end) by
    a frame at most `tolerance` seconds away. Without `duration_seconds` every span is counted.

    Args:
        spans_seconds: (start, end) of each span, in seconds.
        frame_seconds: times [k] of the selected frames, in any order.
        tolerance: seconds around an annotated moment; spans are not widened.
        duration_seconds: the video's length; spans that start later are left out and counted.
    """
    end_of_video = np.inf if duration_seconds is None else duration_seconds
    spans = [span for span in spans_seconds if span[0] <= end_of_video]
    num_hit = int(hits(spans, frame_seconds, tolerance).any(axis=1).sum())
    return EvidenceRecall(num_hit, len(spans), len(spans_seconds) - len(spans))


def share_inside(
    spans_seconds: Sequence[tuple[float, float]], frame_seconds: ArrayLike, *, tolerance: float
) -> float | None:
    """The share of frames that hit evidence, as `evidence_recall` has it.

    Returns:
        None without evidence or frames.
    """
    found = hits(spans_seconds, frame_seconds, tolerance)
    return float(found.any(axis=0).mean()) if found.size else None


def hits(
    spans_seconds: Sequence[tuple[float, float]], frame_seconds: ArrayLike, tolerance: float
) -> NDArray[np.bool_]:
    """Which frames [k] hit which spans [n], as `evidence_recall` has it: [n, k]."""
    times = np.asarray(frame_seconds, dtype=np.float64)
    spans = np.asarray(spans_seconds, dtype=np.float64).reshape(-1, 2, 1)
    start, end = spans[:, 0], spans[:, 1]
    margin = np.where(start == end, tolerance, 0.0) + _SLACK_SECONDS
    return (times >= start - margin) & (times <= end + margin)
