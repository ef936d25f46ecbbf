"""The base class of benchmark tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tspo_bench.tasks.protocols import EvaluationProtocol, Reading
from tspo_bench.types import Prompt, Question, Record


@dataclass(frozen=True)
class Skipped:
    """An annotation that is left out: its place ("my.jsonl line 3") and what is wrong."""

    where: str
    reason: str


@dataclass(frozen=True)
class TaskScores:
    """Scores of a finished cell by the task's own code.

    `figures` are by metric, each in its own unit; `headline` is the first of them as a share of 1.
    """

    headline: float | None
    figures: Mapping[str, float]


class Task(ABC):
    """Questions about videos, and how a model is asked and its replies are read.

    A custom task inherits this class; `MultipleChoice` adds `prompt`, `query_text` and
    `read_answer`.

    Attributes:
        name: the task's name.
        label: the name in tables, with the options that change the questions
            ("haystack[length=15min]").
        rules: the protocol in force: prompt, answer extraction and aggregation.
        tolerance_seconds: how far from an annotated moment a frame still counts as evidence.
        macro: the group over whose values the benchmark averages ("task_type"); tables then show
            that average beside the accuracy over questions.
        parser: "package.module:function" that parses the annotations; editing its source begins new
            cells.
        skipped: annotations that are left out; a run and `doctor` report them.
        makes_videos: whether `video_path` makes the file. Its videos are then not looked for before
            a run.
    """

    name: str
    label: str
    rules: EvaluationProtocol
    tolerance_seconds: float = 1.0
    macro: str | None = None
    parser: str | None = None
    skipped: Sequence[Skipped] = ()
    makes_videos: bool = False

    @abstractmethod
    def questions(self) -> Sequence[Question]:
        """Return every question of the split, in annotation order.

        Raises:
            UserError: the annotation file is missing or broken.
        """

    @abstractmethod
    def video_path(self, video: str) -> Path:
        """Return the file of `question.video`, made first if the task makes its own videos.

        Raises:
            VideoError: there is no such file under the data root.
        """

    @abstractmethod
    def prompt(
        self, question: Question, seconds: Sequence[float] = (), frame_rate: float = 1.0
    ) -> Prompt:
        """Return what the MLLM is asked with frames of these times, in a video of this rate.

        Raises:
            UserError: something that belongs to the question (subtitles) cannot be read.
        """

    @abstractmethod
    def query_text(self, question: Question) -> str:
        """Return the text a sampler sees: the question without instructions and options."""

    @abstractmethod
    def read_answer(self, reply: str, question: Question) -> Reading:
        """Return the option letter that the protocol reads in a reply, if any."""

    @property
    def annotation_ids(self) -> Sequence[str | None]:
        """The ids of all annotations in their order, None where one is left out.

        Selection files without ids are read by it.
        """
        return [question.id for question in self.questions()]

    def task_scores(self, records: Sequence[Record]) -> TaskScores | None:
        """Score a finished cell by the task's own code, in place of the protocol's average.

        Returns:
            None where the protocol scores it. Else `headline` leads tables.
        """
        return None

    @classmethod
    def has_task_scores(cls) -> bool:
        """Whether the class scores cells by its own code."""
        return cls.task_scores is not Task.task_scores
