"""The scores of a video's candidates for a question: `scores.jsonl` beside the records.

It is there to be looked at, in 255 levels a question, and no figure depends on it. A line without a
record, or a record without a line, does no harm; of two lines of a question the last counts.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Base64Bytes, ValidationError

from tspo_bench.errors import UserError
from tspo_bench.results.forms import OnDisk
from tspo_bench.validation import plain

_MOST = 254  # the highest level
_NONE = 255  # the level of a candidate that has no score


@dataclass(frozen=True)
class CandidateScores:
    """The scores of a question's T candidates, of which candidate t is shown at about t x interval.

    Attributes:
        question_id: the question's.
        seconds_per_candidate: the interval, from the video's frame rate.
        low: the lowest score: level 0.
        high: the highest: level 254.
        levels: uint8 [T], linear between the two; 255 where a candidate has no score.
    """

    question_id: str
    seconds_per_candidate: float
    low: float
    high: float
    levels: NDArray[np.uint8]

    @classmethod
    def of(
        cls, question_id: str, scores: NDArray[np.floating], seconds_per_candidate: float
    ) -> CandidateScores | None:
        """The scores [T], NaN or infinite for candidates without one; None if none has one."""
        values = scores.astype(np.float64)
        known = np.isfinite(values)
        if not known.any():
            return None
        low, high = float(values[known].min()), float(values[known].max())
        levels = np.full(len(values), _NONE, np.uint8)
        share = (values[known] - low) / ((high - low) or 1.0)
        levels[known] = np.round(share * _MOST).astype(np.uint8)
        return cls(question_id, seconds_per_candidate, low, high, levels)

    @property
    def values(self) -> NDArray[np.float64]:
        """The scores [T], to within a 508th of their range; NaN for a candidate without one."""
        scores = self.low + self.levels * ((self.high - self.low) / _MOST)
        return np.where(self.levels == _NONE, math.nan, scores)


def scores_to_line(scores: CandidateScores) -> str:
    """The scores of a question as one line of JSON, without the newline."""
    return json.dumps(
        {
            "question_id": scores.question_id,
            "seconds_per_candidate": round(scores.seconds_per_candidate, 6),
            "low": scores.low,
            "high": scores.high,
            "levels": base64.b64encode(scores.levels.tobytes()).decode("ascii"),
        },
        allow_nan=False,
    )


class ScoresLine(OnDisk):
    """A line of scores.jsonl."""

    question_id: str
    """The question's id, as in the records."""
    seconds_per_candidate: float
    """Seconds from one candidate to the next, by the video's frame rate."""
    low: float
    """The lowest score."""
    high: float
    """The highest score."""
    levels: Base64Bytes
    """A byte for each candidate: 0 is `low`, 254 is `high`, 255 is no score."""


def read_scores(path: Path) -> dict[str, CandidateScores]:
    """Read the scores of a file by question id; an empty mapping if the file is missing.

    A last line that a kill cut is left out.

    Raises:
        UserError: the file cannot be read, or a line is broken.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):  # of a published entry, a zip file
        return {}
    except OSError as error:
        raise UserError(f"cannot read scores {path}: {error.strerror}") from error
    found = {}
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            one = ScoresLine.model_validate_json(line)
        except ValidationError as error:
            raise UserError(
                f"{path}, line {number}: {plain(error)}; remove the line, no figure depends on it"
            ) from error
        levels = np.frombuffer(one.levels, dtype=np.uint8)
        found[one.question_id] = CandidateScores(
            one.question_id, one.seconds_per_candidate, one.low, one.high, levels
        )
    return found
