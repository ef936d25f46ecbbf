"""Evidence recall: did the selected frames see what the answer needs?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# Times are quotients of frame numbers and rates: a microsecond keeps rounding from deciding.
_SLACK_SECONDS = 1e-6


@dataclass(frozen=True)
class EvidenceRecall:
    """How many of a question's evidence spans the selected frames hit.

    `num_beyond_end` spans start after the video's end (an annotation error, or a shortened copy of
    the video): no frame can hit them, so they are not among `num_spans`.
    """

    num_hit: int
    num_spans: int
    num_beyond_end: int = 0

    @property
    def recall(self) -> float | None:
        """The share of spans that were hit; None where there is no span to hit."""
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
    times = np.asarray(frame_seconds, dtype=np.float64)
    num_hit = num_beyond_end = 0
    for start, end in spans_seconds:
        if duration_seconds is not None and start > duration_seconds:
            num_beyond_end += 1
            continue
        margin = (tolerance if start == end else 0.0) + _SLACK_SECONDS
        num_hit += bool(((times >= start - margin) & (times <= end + margin)).any())
    return EvidenceRecall(num_hit, len(spans_seconds) - num_beyond_end, num_beyond_end)
