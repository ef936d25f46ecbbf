"""Questions of a benchmark, and as samplers see them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tspo_bench.types.aliases import Features

OPTION_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_SECONDS = 1e12  # of a span, which may count frames: more cannot be kept in records


@dataclass(frozen=True)
class Span:
    """A stretch of video that holds the evidence for an answer; `start == end` is a moment.

    `unit` is what the annotation counts in: LVBench gives seconds, LongVideoBench frame numbers.
    Spans of one `scene` show the same (KFS-Bench's segments); without it a span is its own scene.
    """

    start: float
    end: float
    unit: Literal["seconds", "frames"] = "seconds"
    scene: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end <= MOST_SECONDS:
            raise ValueError(f"span needs 0 <= start <= end, got {self.start} to {self.end}")

    def in_seconds(self, frame_rate: float) -> tuple[float, float]:
        """Start and end in seconds, for a video of `frame_rate` frames per second."""
        scale = 1.0 if self.unit == "seconds" else 1.0 / frame_rate
        return self.start * scale, self.end * scale


@dataclass(frozen=True)
class Question:
    """One multiple-choice benchmark item.

    `video` is the file's name relative to the task's data root (or an absolute path), `answer` the
    right option's letter (None where the benchmark withholds it), `subtitles` the subtitle file's
    name, `groups` what accuracies are broken down by. `record` is the original annotation,
    for protocols that quote it; it is not part of a question's identity.
    `subtitle_offset` is how many seconds the subtitle file's times run ahead of the video's.
    `frame_rate` is the video's, where the annotation states it. `option_order` holds the
    annotation's letters in the order of the options, where these were shuffled.
    """

    id: str
    video: str
    text: str
    options: tuple[str, ...]
    answer: str | None
    groups: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[Span, ...] = ()
    duration_seconds: float | None = None
    subtitles: str | None = None
    subtitle_offset: float = 0.0
    frame_rate: float | None = None
    option_order: str = ""
    record: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 2 <= len(self.options) <= len(OPTION_LETTERS):
            raise ValueError(
                f"question {self.id!r} has {len(self.options)} options; 2 to "
                f"{len(OPTION_LETTERS)} are needed"
            )
        if self.answer is not None and self.answer not in tuple(self.letters):
            raise ValueError(
                f"question {self.id!r}: answer {self.answer!r} is not one of its options"
            )
        self._check_texts()

    def _check_texts(self) -> None:
        """Raise ValueError for a text that no file and no model can be given."""
        named = {"id": self.id, "video": self.video, "text": self.text, "subtitles": self.subtitles}
        named |= {f"option {a}": text for a, text in zip(self.letters, self.options, strict=True)}
        named |= {f"group {key!r}": f"{key}{value}" for key, value in self.groups.items()}
        for name, text in named.items():
            surrogate = re.search("[\ud800-\udfff]", "" if text is None else str(text))
            if surrogate:
                raise ValueError(
                    f"question {self.id!r}: its {name} has half a character, {surrogate[0]!r} "
                    f"(a lone surrogate), at position {surrogate.start()}"
                )

    @property
    def letters(self) -> str:
        """The letters of the options, in order: "ABCD" for four."""
        return OPTION_LETTERS[: len(self.options)]


@dataclass(frozen=True)
class Query:
    """A question as a sampler may see it: never the answer.

    `text_features` [1, d] is the encoder's feature of the question's text, for samplers that need
    features; `evidence` holds (start, end) in seconds, for samplers that declare this need.
    """

    question_id: str
    video_id: str
    text: str
    options: tuple[str, ...] = ()
    text_features: Features | None = None
    evidence: tuple[tuple[float, float], ...] = ()
