"""The data that travels between the rooms: frozen dataclasses that import nothing of the package.

Frame numbers always count the video's own frames in presentation order, from 0. Times are seconds
from the start of the video. Arrays are numpy: indices int64, seconds float64, pixels uint8 RGB,
features float32.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, InstanceOf

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Features = NDArray[np.float32]
Pixels = NDArray[np.uint8]
JSON = str | int | float | bool | None | list["JSON"] | dict[str, "JSON"]

Need = Literal["probe", "features", "lazy_scores", "pixels", "evidence"]
SEARCHING: frozenset[Need] = frozenset({"features", "lazy_scores"})  # what takes an encoder
Status = Literal["ok", "unparsed", "decode_error", "sampler_error", "model_error"]
AnswerMode = Literal["generate", "options"]
SubtitleMode = Literal["none", "aligned", "full"]
CandidateRule = Literal["auto", "stride", "time"]

OPTION_LETTERS = "ABCDEFGHIJ"
MOST_SECONDS = 1e12  # of a span, which may count frames: more cannot be kept in records


@dataclass(frozen=True)
class Span:
    """A stretch of video that holds the evidence for an answer; `start == end` is a moment.

    `unit` is what the annotation counts in: LVBench gives seconds, LongVideoBench frame numbers.
    """

    start: float
    end: float
    unit: Literal["seconds", "frames"] = "seconds"

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
    name, `groups` what accuracies are broken down by. `record` is the annotation as it stands,
    letter for letter, for protocols that quote it; it is not part of a question's identity.
    `subtitle_offset` is how many seconds the subtitle file's times run ahead of the video's.
    `frame_rate` is the video's, where the annotation states it.
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
class VideoInfo:
    """A video file as a probe finds it, which decodes the first frame alone.

    Width and height are those shown, after the stored picture is `mirrored` (left to right), then
    turned by `rotation` (degrees clockwise). `num_frames` is counted in the packets, not taken from
    the header.
    """

    path: Path
    num_frames: int
    frame_rate: Fraction
    duration_seconds: float
    width: int
    height: int
    rotation: int
    codec: str
    mirrored: bool = False

    def candidate_stride(self, rate: float = 1.0) -> int:
        """Frames from one candidate to the next at `rate` candidates per second.

        At 1 fps this is round(frame rate), the rule of the published frame selections.
        """
        return max(1, round(float(self.frame_rate) / rate))


@dataclass(frozen=True)
class Frames:
    """Decoded frames: pixels [n, h, w, 3] never travel without their numbers and times [n]."""

    indices: IntArray
    seconds: FloatArray
    pixels: Pixels

    def __post_init__(self) -> None:
        n = len(self.indices)
        if self.pixels.ndim != 4 or self.pixels.shape[3] != 3:
            raise ValueError(f"pixels must be [n, h, w, 3], got {list(self.pixels.shape)}")
        if not n == len(self.seconds) == len(self.pixels):
            raise ValueError(
                f"{n} indices, {len(self.seconds)} times and {len(self.pixels)} images differ"
            )

    def __len__(self) -> int:
        return len(self.indices)


# Positions [n] among the candidates -> their relevance to the question [n].
LazyScores = Callable[[IntArray], Features]
# Frames a second, short side in pixels -> the whole video's frames at that rate, in batches.
PixelScan = Callable[[float, int], Iterator[Frames]]


@dataclass(frozen=True)
class Candidates:
    """The T frames from which a sampler picks.

    What a sampler did not declare as a need is None.

    Attributes:
        indices: frame numbers [T].
        seconds: their times [T].
        num_frames: the whole video's.
        frame_rate: the whole video's.
        features: [T, d], the encoder's projected image features, not normalised.
        score: the need "lazy_scores": gives the relevance (cosine to the question) of the
            candidates at some positions. A frame is decoded and encoded when it is first asked for.
        scan: the need "pixels": decodes the video at a rate and size of the sampler's choice. Equal
            videos of a run share this object, so that a sampler can keep by it what it found.
    """

    indices: IntArray
    seconds: FloatArray
    num_frames: int
    frame_rate: float
    features: Features | None = None
    score: LazyScores | None = None
    scan: PixelScan | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.indices), len(self.seconds)}
        if self.features is not None:
            lengths.add(len(self.features))
        if len(lengths) != 1:
            raise ValueError(f"indices, seconds and features differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.indices)


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


@dataclass(frozen=True)
class Failed:
    """Why a question got no selection, or no answer (an MLLM gives this in an answer's place)."""

    error: str
    status: Status = "model_error"


@dataclass(frozen=True)
class Selection:
    """Frames of a video selected for a question, or the failure to select any.

    A sampler returns `indices`, and `scores`, `num_filled` and `notes` if it has them; whoever
    asked it fills in the rest.

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
        failure: why there are no frames.
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


@dataclass(frozen=True)
class Prompt:
    """The words put to an MLLM beside the frames.

    Attributes:
        text: the user's words after the frames.
        system: the system message; None for the model's own.
        reply_start: the beginning of the reply, from which the model continues.
        before: [n] the words before each frame ("" for none), line breaks included, where frames
            and words are interleaved; () otherwise.
        max_new_tokens: the longest reply; None for the model's own.
        notes: kept in the question's record.
    """

    text: str
    system: str | None = None
    reply_start: str = ""
    before: tuple[str, ...] = ()
    max_new_tokens: int | None = None
    notes: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One question put to an MLLM: frames in time order (possibly none), and the prompt.

    Attributes:
        frames: what is shown.
        prompt: the words beside the frames.
        frame_rate: the whole video's.
        letters: those of the options.
        num_frames: the whole video's, for models that are given its length.
        mode: "generate": words; "options": log-probabilities of the letters as the reply's first
            token, from one forward pass.
    """

    frames: Frames
    prompt: Prompt
    frame_rate: float
    letters: str
    num_frames: int | None = None
    mode: AnswerMode = "generate"

    def __post_init__(self) -> None:
        before = self.prompt.before
        if before and len(before) != len(self.frames):
            raise ValueError(f"{len(before)} texts before {len(self.frames)} frames")


@dataclass(frozen=True)
class VisualInput:
    """The frames of a request as an MLLM got them from its processor.

    `frames` counts repeated ones too (classes that take pairs); height and width are in pixels;
    `visual_tokens` is None if unknown (a server).
    """

    frames: int
    height: int
    width: int
    visual_tokens: int | None = None


@dataclass(frozen=True)
class Answer:
    """An MLLM's reply: its raw text, and log-probabilities of the letters if asked for.

    A letter without a log-probability is less likely than those with one (servers list only the
    likeliest tokens). `usage` holds numbers of tokens as a server counts them ("prompt_tokens",
    ...). `truncated`: the text was cut at the longest reply. `refusal` holds a server's words where
    it says that the model declined to answer; `text` is then empty.
    """

    text: str
    option_logprobs: Mapping[str, float] | None = None
    seen: VisualInput | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    truncated: bool = False
    refusal: str | None = None


# What a record's line may hold. `Text` is any str, lone surrogates included: models' replies have
# them. Larger numbers are not a run's, and their sums may overflow.
Text = InstanceOf[str]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=-1e12, le=1e12)]
Number = Annotated[float, Field(strict=True, ge=-1e12, le=1e12)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]


@dataclass(frozen=True)
class Record:
    """One line of results: what was selected for a question, and the answer.

    A failure before the model has no frames; `error` then says why. Equal runs differ in `timing`
    alone.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    question_id: Text
    """The question's id in the annotations."""
    video: Text
    """The video's name there."""
    status: Status
    """How far the question got."""
    gold: Text | None
    """The right option's letter; null where the benchmark withholds it."""
    letter: Text | None = None
    """The letter that the protocol reads in the reply; null if it reads none."""
    correct: Flag = False
    """Whether `letter` is `gold`."""
    reply: Text | None = None
    """The model's text; null if there is none. Empty for a refusal."""
    truncated: Flag = False
    """The reply was cut at the longest length."""
    frames: tuple[Count, ...] = ()
    """The frame numbers given to the model, in the video's own frames from 0, rising."""
    timestamps: tuple[Number, ...] = ()
    """The times of these frames, in seconds."""
    num_candidates: Count | None = None
    """Frames that the sampler could select from; null if it saw nothing of the video."""
    num_filled: Count = 0
    """How many of the frames a fill rule added."""
    frames_processed: Mapping[Text, Count] = field(default_factory=dict)
    """Frames "decoded" and "encoded" to select, as if nothing had been cached."""
    evidence_recall: Share | None = None
    """The share of evidence spans that the frames hit; null if there is no span to hit."""
    evidence: tuple[tuple[Number, Number], ...] = ()
    """Annotated (start, end) in seconds; empty if the sampler saw nothing of the video."""
    duration_seconds: Number | None = None
    """The video's length; null if the sampler saw nothing of it."""
    groups: Mapping[Text, Text] = field(default_factory=dict)
    """What accuracies are broken down by: group to value."""
    notes: Mapping[Text, Any] = field(default_factory=dict)
    """What the sampler reports of itself; "refusal": a server's words where it marks one."""
    error: Text | None = None
    """Why there is no answer."""
    protocol: Text | None = None
    """Name, version and hash of the protocol."""
    mode: AnswerMode = "generate"
    """"generate": the model replied; "options": the letter with the highest log-probability."""
    guessed: Flag = False
    """The protocol drew the letter, for want of one in the reply."""
    option_logprobs: Mapping[Text, Finite] | None = None
    """Log-probability of each letter as the reply's first token, if asked for."""
    seen: Mapping[Text, Count] = field(default_factory=dict)
    """What the model's processor made of the frames: frames, height, width, visual_tokens."""
    usage: Mapping[Text, Count] = field(default_factory=dict)
    """Numbers of tokens as a server counts them."""
    inputs: Mapping[Text, Text] = field(default_factory=dict)
    """Hashes of the "question" with its annotation, and of the "video" if the sampler saw it."""
    timing: Mapping[Text, Number] = field(default_factory=dict)
    """Seconds by stage."""

    @property
    def failed(self) -> bool:
        """Whether the question never got to an answer: video, sampler or model failed."""
        return self.status not in ("ok", "unparsed")
