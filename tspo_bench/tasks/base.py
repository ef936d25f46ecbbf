"""The contract of a benchmark task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tspo_bench.tasks.protocols import Protocol as Rules
from tspo_bench.tasks.protocols import Reading
from tspo_bench.types import Prompt, Question


class Task(Protocol):
    """Questions about videos, and how a model is asked and read.

    `label` names the task as tables show it, with the options that make it another question set
    ("haystack[length=15min]"); `rules` are the prompt, extraction and aggregation in force;
    `tolerance_seconds` is how far from an annotated moment a frame still counts as evidence.

    A task may have five members more, which are looked for by name:

    - `macro: str`: the group over whose values the benchmark averages ("task_type"); tables then
      show that average beside the accuracy over questions.
    - `skipped: Sequence[tspo_bench.tasks.Skipped]`: annotations that are left out, each
      with `where` and `reason`; a run and `doctor` tell of them.
    - `annotation_ids: Sequence[str | None]`: the ids of all annotations in their order, None where
      one is left out, by which selection files without ids are read.
    - `makes_videos: bool`: whether `video_path` makes the file; a run and `doctor` then do not look
      for all videos beforehand.
    - `own_scores(records: Sequence[Record]) -> tspo_bench.results.OwnScores`: a finished cell's
      figures by the task's own code, in place of `rules`' average; its `headline` leads tables.
    """

    name: str
    label: str
    rules: Rules
    tolerance_seconds: float

    def questions(self) -> Sequence[Question]:
        """Every question of the split, in annotation order.

        Raises:
            UserError: the annotation file is missing or broken.
        """
        ...

    def video_path(self, video: str) -> Path:
        """The file of `question.video`, made first if the task makes its own videos.

        Raises:
            VideoError: there is no such file under the data root.
        """
        ...

    def prompt(
        self, question: Question, seconds: Sequence[float] = (), frame_rate: float = 1.0
    ) -> Prompt:
        """What is put to the MLLM with frames of these times, in a video of this rate.

        Raises:
            UserError: something that belongs to the question (subtitles) cannot be read.
        """
        ...

    def query_text(self, question: Question) -> str:
        """The text a sampler sees: the question without instructions and options."""
        ...

    def read_answer(self, reply: str, question: Question) -> Reading:
        """The option letter that the protocol reads in a reply, if any."""
        ...
