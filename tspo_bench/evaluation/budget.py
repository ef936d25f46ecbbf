"""The frame budget of a question: a number, or as many frames as its visual tokens allow."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass

from tspo_bench.errors import UserError
from tspo_bench.mllms import counts_visual_tokens

# Visual tokens that a number of frames of one height and width takes.
Cost = Callable[[int, int, int], int]


@dataclass(frozen=True)
class Budget:
    """One of the two: K frames, or visual tokens, with which K depends on model and video."""

    frames: int | None = None
    visual_tokens: int | None = None

    @property
    def label(self) -> str:
        """As folders and tables have it: "k8", "v4096"."""
        return f"v{self.visual_tokens}" if self.frames is None else f"k{self.frames}"

    def k(self, cost: Cost | None, num_frames: int, height: int, width: int) -> int:
        """The frames that a video of `num_frames` frames, shown at this size, is given.

        Of visual tokens: the most frames that fit in before the model scales them down to fit more
        in (Qwen3-VL's processor shares a total of pixels out among a video's frames).

        Raises:
            UserError: not even one frame fits.
        """
        if self.frames is not None:
            return self.frames
        assert cost is not None
        assert self.visual_tokens is not None
        if not num_frames:  # a sampler that sees nothing of the video shows none of it
            return 0

        most = self.visual_tokens

        def too_many(frames: int) -> bool:
            tokens = cost(frames, height, width)
            return tokens > most or _are_scaled_down(cost, frames, tokens, height, width)

        k = bisect.bisect_left(range(1, num_frames + 1), True, key=too_many)
        if not k:
            raise UserError(
                f"one frame of {width}x{height} takes {cost(1, height, width)} visual tokens, more "
                f"than {most}; raise --visual-tokens"
            )
        return k


def _are_scaled_down(cost: Cost, frames: int, tokens: int, height: int, width: int) -> bool:
    """Whether so many frames take fewer tokens than what the first four of them foretell.

    Even numbers are compared: classes may take frames in pairs.
    """
    if frames <= 4:
        return False
    two, four = cost(2, height, width), cost(4, height, width)
    return tokens < two + (four - two) * (frames - 2) / 2


def require_visual_token_count(spec: str, way_out: str) -> None:
    """Reject a model whose class reports no visual tokens, before any model is loaded.

    Args:
        spec: the model's.
        way_out: what to do instead.

    Raises:
        UserError: it has no method `visual_tokens`.
    """
    if not counts_visual_tokens(spec):
        raise UserError(
            f"model {spec!r} does not report its visual tokens (it has no method "
            f"`visual_tokens(num_frames, height, width)`); {way_out}"
        )
