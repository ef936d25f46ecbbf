"""A line of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import ConfigDict, Field, InstanceOf

from tspo_bench.types.aliases import AnswerMode, Status

# What a record's line may hold. `Text` is any str, lone surrogates included: models' replies have
# them. Larger numbers are not a run's, and their sums may overflow.
Text = InstanceOf[str]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=-1e12, le=1e12)]
Number = Annotated[float, Field(strict=True, ge=-1e12, le=1e12)]
Flops = Annotated[int, Field(strict=True, ge=0, le=10**18)]
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
    """The outcome of the question: answered, unparsed, or the stage that failed."""
    gold: Text | None
    """The right option's letter; null where the benchmark withholds it."""
    letter: Text | None = None
    """The letter that the protocol reads in the reply; null if it reads none."""
    correct: Flag = False
    """Whether `letter` is `gold`."""
    reply: Text | None = None
    """The model's text; null without one. Empty for a refusal."""
    truncated: Flag = False
    """The reply was cut at the longest length."""
    frames: tuple[Count, ...] = ()
    """The frame numbers given to the model, in the video's own frames from 0, rising."""
    timestamps: tuple[Number, ...] = ()
    """The times of these frames, in seconds."""
    num_candidates: Count | None = None
    """Frames that the sampler could select from; null if it saw nothing of the video."""
    num_filled: Count = 0
    """The number of frames that a fill rule added."""
    frames_processed: Mapping[Text, Count] = field(default_factory=dict)
    """Frames "decoded" and "encoded" to select, as if nothing had been cached."""
    evidence_recall: Share | None = None
    """The share of evidence spans that the frames hit; null without a span to hit."""
    evidence: tuple[tuple[Number, Number], ...] = ()
    """Annotated (start, end) in seconds; empty if the sampler saw nothing of the video."""
    duration_seconds: Number | None = None
    """The video's length; null if the sampler saw nothing of it."""
    groups: Mapping[Text, Text] = field(default_factory=dict)
    """Groups for the breakdown of accuracies: group to value."""
    notes: Mapping[Text, Any] = field(default_factory=dict)
    """Notes of the sampler; "refusal": a server's words where it marks one."""
    error: Text | None = None
    """The reason for a missing answer."""
    protocol: Text | None = None
    """Name, version and hash of the protocol."""
    mode: AnswerMode = "generate"
    """"generate": the model replied; "options": the letter with the highest log-probability."""
    guessed: Flag = False
    """The protocol drew the letter, for want of one in the reply."""
    option_logprobs: Mapping[Text, Finite] | None = None
    """Log-probability of each letter as the reply's first token, if asked for."""
    visual_input: Annotated[Mapping[Text, Count], Field(alias="seen")] = field(default_factory=dict)
    """The frames as the model's processor made them: frames, height, width, visual_tokens."""
    usage: Mapping[Text, Count] = field(default_factory=dict)
    """Numbers of tokens as the model's tokenizer or its server counts them: "prompt_tokens" (visual
    ones included), "completion_tokens", and of these "thinking_tokens"."""
    flops: Mapping[Text, Flops] = field(default_factory=dict)
    """FLOPs of the "encoder" on the frames that it encoded to select (as if nothing had been
    cached) and of the "mllm", as far as they are known."""
    inputs: Mapping[Text, Text] = field(default_factory=dict)
    """Hashes of the "question" with its annotation, and of the "video" if the sampler saw it."""
    timing: Mapping[Text, Number] = field(default_factory=dict)
    """Seconds by stage."""

    @property
    def failed(self) -> bool:
        """Whether the question never got to an answer: video, sampler or model failed."""
        return self.status not in ("ok", "unparsed")
