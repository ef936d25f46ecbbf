"""How many frames a question is given: so many, or as many as a number of visual tokens allows."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Callable
from dataclasses import dataclass

from tspo_bench.errors import UserError
from tspo_bench.mllms.base import MLLM

# Visual tokens that a number of frames of one height and width takes.
Cost = Callable[[int, int, int], int]


@dataclass(frozen=True)
class Budget:
    """One of the two: K frames, or visual tokens, with which K hangs on model and video."""

    frames: int | None = None
    visual_tokens: int | None = None

    @property
    def label(self) -> str:
        """As folders and tables have it: "k8", "v4096"."""
        return f"v{self.visual_tokens}" if self.frames is None else f"k{self.frames}"

    def k(self, cost: Cost | None, num_frames: int, height: int, width: int) -> int:
        """The frames that a video of `num_frames` frames, shown at this size, is given.

        Raises:
            UserError: not even one frame fits.
        """
        if self.frames is not None:
            return self.frames
        assert cost is not None
        assert self.visual_tokens is not None
        if not num_frames:  # a sampler that sees nothing of the video shows none of it
            return 0

        def tokens(frames: int) -> int:
            return cost(frames, height, width)

        k = bisect.bisect_right(range(1, num_frames + 1), self.visual_tokens, key=tokens)
        if not k:
            raise UserError(
                f"one frame of {width}x{height} takes {tokens(1)} visual tokens, more than "
                f"{self.visual_tokens}; raise --visual-tokens"
            )
        return k


def cost_of(model: MLLM, *, interleaved: bool = False) -> Cost:
    """What tells the visual tokens of a model's frames.

    Args:
        model: has a method `visual_tokens`.
        interleaved: words stand between the frames, which some classes then see as images.

    Raises:
        UserError: the model does not tell.
    """
    cost: Callable[..., int] | None = getattr(model, "visual_tokens", None)
    if cost is None:
        raise UserError(
            f"model {model.name!r} does not tell its visual tokens (it has no method "
            "`visual_tokens(num_frames, height, width)`); give --frames"
        )
    return functools.partial(cost, interleaved=True) if interleaved else cost
