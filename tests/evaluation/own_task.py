"""A custom task that draws its questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tspo_bench.tasks.multiple_choice import MultipleChoice
from tspo_bench.types import Question


class Drawn(MultipleChoice):
    """One question, which the seed decides."""

    name = label = "drawn"
    tolerance_seconds = 1.0

    def __init__(self, video: str, seed: int = 0) -> None:
        super().__init__()
        self.video, self.seed = video, seed

    def questions(self) -> Sequence[Question]:
        return [Question(f"drawn-{self.seed}", self.video, "which ?", ("frame 1", "frame 50"), "A")]

    def video_path(self, video: str) -> Path:
        return Path(video)
