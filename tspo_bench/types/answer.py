"""A request to an MLLM, and its reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tspo_bench.types.aliases import JSON, AnswerMode
from tspo_bench.types.frames import Frames


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
    likeliest tokens). `usage` holds numbers of tokens as the model's tokenizer or its server counts
    them ("prompt_tokens", visual ones included; "completion_tokens"; "thinking_tokens" of those).
    `flops` are those of the vision tower and the language model, None if unknown. `truncated`: the
    text was cut at the longest reply. `refusal` holds a server's words where it says that the model
    declined to answer; `text` is then empty.
    """

    text: str
    option_logprobs: Mapping[str, float] | None = None
    visual_input: VisualInput | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    truncated: bool = False
    refusal: str | None = None
    flops: int | None = None
