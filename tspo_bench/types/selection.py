"""The frames selected for a question, or the failure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tspo_bench.types.aliases import JSON, Features, FloatArray, IntArray, Status
from tspo_bench.types.frames import Candidates


@dataclass(frozen=True)
class Failed:
    """Why a question got no selection, or no answer (an MLLM gives this in an answer's place)."""

    error: str
    status: Status = "model_error"


@dataclass(frozen=True)
class Selection:
    """Frames of a video selected for a question, or the failure to select any.

    A sampler returns `indices`, and `scores`, `num_filled` and `notes` if it has them; the caller
    fills in the rest.

    Attributes:
        indices: sorted distinct frame numbers of the video [n].
        scores: those of the candidates [T], from samplers that score.
        num_filled: how many of the frames the fill rule added.
        notes: what the sampler reports of itself.
        question_id: the question's.
        timestamps: the frames' times in seconds [n].
        candidates: the frames to select from, with features if the video was scanned; None where
            the sampler saw nothing of the video.
        duration_seconds: the video's length; None if unknown.
        frames_processed: frames "decoded" and "encoded" to select, as if nothing had been cached.
        timing: seconds by stage; grows while the question is worked on.
        is_assumed: the video was not opened: its length and frame rate are the annotations'.
        failure: the reason, if there are no frames.
    """

    indices: IntArray
    scores: Features | None = None
    num_filled: int = 0
    notes: Mapping[str, JSON] = field(default_factory=dict)
    question_id: str = field(default="", kw_only=True)
    timestamps: FloatArray = field(default_factory=lambda: np.empty(0), kw_only=True)
    candidates: Candidates | None = field(default=None, kw_only=True)
    duration_seconds: float | None = field(default=None, kw_only=True)
    frames_processed: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    timing: dict[str, float] = field(default_factory=dict, kw_only=True)
    is_assumed: bool = field(default=False, kw_only=True)
    failure: Failed | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if len(self.indices) > 1 and not (np.diff(self.indices) > 0).all():
            raise ValueError("selected frame indices must be sorted and distinct")

    def __len__(self) -> int:
        return len(self.indices)

    @classmethod
    def failed(cls, question_id: str, failure: Failed) -> Selection:
        """The selection of a question for which nothing could be selected."""
        return cls(np.empty(0, np.int64), question_id=question_id, failure=failure)

    @property
    def frame_rate(self) -> float:
        """The video's; 1 where the sampler saw nothing of it."""
        return 1.0 if self.candidates is None else self.candidates.frame_rate

    @property
    def frame_scores(self) -> Features | None:
        """The frames' scores [n], NaN for a frame that is not a candidate; None without scores."""
        if self.scores is None or self.candidates is None or not len(self.candidates):
            return None
        known, scores = self.candidates.indices, np.asarray(self.scores)
        places = np.searchsorted(known, self.indices).clip(max=len(known) - 1)
        found = np.where(known[places] == self.indices, scores[places], np.float32(math.nan))
        return found.astype(np.float32)
