"""A question's entry in a selection file, and the frames of a video that it names."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field

from tspo_bench.types import (
    JSON,
    Count,
    Features,
    Finite,
    Flag,
    FloatArray,
    IntArray,
    Selection,
    Text,
)

# A file's frame numbers and seconds give its rate; two rates closer than this are one.
_SAME_RATE = 0.01
_FINE = 1000  # of the frame numbers of files that have seconds alone
_MOST = 2**53  # no video has as many frames, and floats count no further


@dataclass(frozen=True)
class FileSelection:
    """The frames that a file lists for one question."""

    __pydantic_config__ = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    question_id: Text
    """The question's id."""
    indices: tuple[Any, ...]
    """The frame numbers [n] in the file's order, checked when they are used: a wrong one costs its
    own question only."""
    seconds: tuple[Finite, ...] | None = None
    """Their times [n]."""
    scores: tuple[Finite | None, ...] | None = None
    """Their scores [n], null for a frame without one."""
    ranked: Flag = False
    """The file lists more frames than are shown, the best first."""
    video: Text | None = None
    """The video's name."""
    frame_rate: Annotated[Finite, Field(gt=0)] | None = None
    """The video's frames a second."""
    num_frames: Annotated[Count, Field(ge=0)] | None = None
    """The video's number of frames."""
    num_filled: Annotated[Count, Field(ge=0)] = 0
    """The number of frames that a sampler's fill rule added."""
    features: Text | None = None
    """A hash of the candidates' features that the sampler saw."""
    notes: Mapping[Text, Any] = field(default_factory=dict)
    """Notes that the sampler reported."""

    @classmethod
    def of(cls, selection: Selection, video: str) -> FileSelection:
        """The row of a selection in a file."""
        candidates, scores = selection.candidates, selection.frame_scores
        assert candidates is not None
        return cls(
            question_id=selection.question_id,
            indices=tuple(selection.indices.tolist()),
            seconds=tuple(round(second, 6) for second in selection.timestamps.tolist()),
            scores=None
            if scores is None
            else tuple(score if math.isfinite(score) else None for score in scores.tolist()),
            video=video,
            frame_rate=candidates.frame_rate,
            num_frames=candidates.num_frames,
            num_filled=selection.num_filled,
            features=None if candidates.features is None else _digest(candidates.features),
            notes=selection.notes,
        )

    @classmethod
    def at_seconds(cls, question_id: str, seconds: tuple[float, ...]) -> FileSelection:
        """The row of a question in a file that has no frame numbers: they count milliseconds."""
        return cls(question_id, tuple(round(_FINE * second) for second in seconds), seconds)

    def frames(self, num_frames: int, frame_rate: float, k: int | None = None) -> IntArray:
        """Sorted frame numbers in a video of that length and rate.

        Whole floats are frame numbers too. Where seconds stand beside the numbers and show that
        these count frames of another rate (a grid of 2 a second, say), the frames on screen at
        those seconds are given. Of a ranked list the k best.

        Raises:
            ValueError: an entry is not a whole number, repeats another or is not in the video; the
                message names the first such entry.
        """
        entries: Sequence[Any] = self.indices
        if self.counts_otherwise(frame_rate):
            assert self.seconds is not None
            shown = [math.floor(second * frame_rate + 1e-6) for second in self.seconds]
            entries = list(dict.fromkeys(shown))  # two seconds may be of one frame
        if self.ranked:
            entries = entries[:k]
        return checked_frames(entries, num_frames)

    @property
    def numbers(self) -> list[int]:
        """The entries that are whole numbers."""
        known = [entry for entry in self.indices if _is_number(entry)]
        return [int(entry) for entry in known if float(entry).is_integer()]

    def timestamps(self, indices: IntArray, frame_rate: float) -> FloatArray:
        """The times of a video's frames [n]; the file's own, repeated ones too, if it has them.

        Those are as exact as the evidence, where frame numbers would shift them to a frame.
        """
        if self.seconds and not self.ranked and self.counts_otherwise(frame_rate):
            return np.sort(self.seconds)
        return indices / frame_rate

    def counts_otherwise(self, frame_rate: float) -> bool:
        """Whether the file's numbers are not those of a video of that rate, by its seconds.

        A file with the video's rate or length counts the video's own frames: those of a variable
        rate do not follow from seconds.
        """
        rate = self.counted_rate()
        if rate is None or self.frame_rate is not None or self.num_frames is not None:
            return False
        # Near the start of a video rounded seconds give a bad rate: a frame does no harm.
        off = abs(rate - frame_rate) * max(self.seconds or (0.0,))
        return off > max(1.0, _SAME_RATE * frame_rate * max(self.seconds or (0.0,)))

    def counted_rate(self) -> float | None:
        """The rate of the file's numbers per second, by its seconds; None if it has none."""
        if not self.seconds or not all(map(_is_number, (*self.indices, *self.seconds))):
            return None
        last = max(range(len(self.seconds)), key=lambda place: self.seconds[place])  # type: ignore[index]
        second = self.seconds[last]
        return float(self.indices[last]) / second if second > 0 else None


@dataclass(frozen=True)
class SelectionFile:
    """A file's selections by question id; `made_by` holds the settings that made them."""

    picks: Mapping[str, FileSelection]
    made_by: Mapping[str, JSON] = field(default_factory=dict)


def checked_frames(entries: Sequence[Any], num_frames: int | None) -> IntArray:
    """Sorted frame numbers of a list, in a video of that length if it is known.

    Raises:
        ValueError: see `FileSelection.frames`.
    """
    seen: dict[int, int] = {}
    for position, entry in enumerate(entries):
        if not _is_number(entry) or not float(entry).is_integer():
            raise ValueError(f"entry {position} is {entry!r}, not a whole frame number")
        index = int(entry)
        if index < 0 or (num_frames is not None and index >= num_frames):
            last = f"0 to {num_frames - 1}" if num_frames is not None else "from 0 on"
            raise ValueError(f"entry {position} is {entry!r}, but the video has frames {last}")
        if index in seen:
            raise ValueError(f"entry {position} is {entry!r}, as is entry {seen[index]}")
        seen[index] = position
    return np.array(sorted(seen), np.int64)


def common_rate(picks: Iterable[FileSelection]) -> int | None:
    """The greatest common divisor of one video's frame numbers; None if there is none.

    Published selections count candidates at 1 fps in the video's own frames: multiples of the
    rounded frame rate, which this finds without the video.
    """
    return math.gcd(*(number for picked in picks for number in picked.numbers)) or None


def _digest(features: Features) -> str:
    return hashlib.sha256(np.ascontiguousarray(features).tobytes()).hexdigest()[:16]


def _is_number(entry: Any) -> bool:
    """Whether an entry is a number that a frame or second may have."""
    known = isinstance(entry, int | float) and not isinstance(entry, bool)
    return known and abs(entry) < _MOST
