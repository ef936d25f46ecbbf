"""Where a page's question texts and pictures come from: run folders hold neither."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tspo_bench.results import Cell
from tspo_bench.types import Frames, IntArray, Question


class QuestionSource(Protocol):
    """Tells what was asked in a cell, as long as the task and its videos are there."""

    def questions(self, cell: Cell) -> Sequence[Question]:
        """The questions of a cell, in annotation order.

        Raises:
            UserError: the task is not there any more, or its questions are others now.
        """
        ...

    def tolerance(self, cell: Cell) -> float:
        """How far, in seconds, from an annotated moment a frame still counts as evidence.

        Raises:
            UserError: as above.
        """
        ...

    def frames(self, cell: Cell, video: str, indices: IntArray, short_side: int) -> Frames:
        """Some frames [n] of a cell's video, scaled down to `short_side` pixels.

        Raises:
            UserError: as above.
            VideoError: the video is not there or cannot be read.
        """
        ...
