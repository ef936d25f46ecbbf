"""The base class of multimodal LLMs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from tspo_bench.types import Answer, AnswerMode, Failed, Request


class MLLM(ABC):
    """Answers questions about frames. A custom model inherits this class.

    The class methods are called with the constructor's options before any model is loaded.

    Attributes:
        name: the model's name in tables; the constructor's `name`, if it takes one.
        id: identifies weights and settings; part of a cell's settings.
        short_side: frames are decoded with their shorter side scaled down (never up) to so many
            pixels; None for full size.
    """

    name: str
    id: str
    short_side: int | None = None

    @abstractmethod
    def answer(self, requests: Sequence[Request]) -> Sequence[Answer | Failed]:
        """Answer each request, in order. A batch gives the answers that single calls give.

        `Failed` in place of an answer holds the error of one request. An exception counts for the
        whole batch: evaluation then puts its requests one by one.
        """

    def visual_tokens(
        self, num_frames: int, height: int, width: int, interleaved: bool = False
    ) -> int:
        """Return the visual tokens of so many frames of this size, for `--visual-tokens`.

        Args:
            num_frames: frames shown.
            height: of a frame, in pixels.
            width: of a frame, in pixels.
            interleaved: whether words stand between the frames.
        """
        raise NotImplementedError

    @classmethod
    def counts_visual_tokens(cls) -> bool:
        """Whether the class overrides `visual_tokens`."""
        return cls.visual_tokens is not MLLM.visual_tokens

    @classmethod  # noqa: B027
    def check(cls, *args: Any, **options: Any) -> Any:
        """Raise what the constructor would, without loading weights."""

    @classmethod  # noqa: B027
    def check_server(cls, **options: Any) -> None:
        """Raise UserError if the model's server does not answer; called before questions are."""

    @classmethod  # noqa: B027
    def check_asking(cls, mode: AnswerMode, reply_start: str, *args: Any, **options: Any) -> None:
        """Raise UserError for an answering mode, or a start of replies, that is not supported."""
