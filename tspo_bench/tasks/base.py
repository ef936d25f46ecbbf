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
    """An unusable annotation: its place ("my.jsonl line 3") and the reason."""

    where: str
    reason: str


@dataclass(frozen=True)
class TaskScores:
    """Scores of a finished cell by the task's own code: `figures` by metric, in its unit.

    `headline` is the first of them as a share of 1.
    """

    headline: float | None
    figures: Mapping[str, float]


class Task(ABC):
    """Questions about videos, with their prompts and the extraction of answers.

    Custom tasks inherit this class, or `MultipleChoice`, which has `prompt`, `query_text` and
    `read_answer`.

    Attributes:
        name: the task's name.
        label: the name in tables, with the options that change the questions
            ("haystack[length=15min]").
        rules: the protocol: prompt, answer extraction and average.
        tolerance_seconds: how far from an annotated moment a frame still counts as evidence.
        macro: the group over whose values the benchmark averages ("task_type"); tables show that
            average beside the accuracy over questions.
        parser: "package.module:function" that parses the annotations; editing it begins new cells.
        skipped: unusable annotations, which a run and `doctor` report.
        makes_videos: whether `video_path` makes the file; a run then looks for no videos first.
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

    def first_questions(self, videos: int | None) -> Sequence[Question]:
        """Return the questions of the first so many videos; of all videos for None.

        Raises:
            UserError: as `questions`.
        """
        questions = self.questions()
        chosen = set(list(dict.fromkeys(question.video for question in questions))[:videos])
        return [question for question in questions if question.video in chosen]

    @abstractmethod
    def video_path(self, video: str) -> Path:
        """Return the file of `question.video`, made first if the task makes its own videos.

        Raises:
            VideoError: the data root has no such file.
        """

    @abstractmethod
    def prompt(
        self, question: Question, seconds: Sequence[float] = (), frame_rate: float = 1.0
    ) -> Prompt:
        """Return the prompt for frames of these times, in a video of this frame rate.

        Raises:
            UserError: a file of the question (subtitles) cannot be read.
        """

    @abstractmethod
    def query_text(self, question: Question) -> str:
        """Return the text a sampler sees: the question without instructions and options."""

    @abstractmethod
    def read_answer(self, reply: str, question: Question) -> Reading:
        """Return the option letter that the protocol extracts from a reply, if any."""

    @property
    def annotation_ids(self) -> Sequence[str | None]:
        """The ids of all annotations in order, None for skipped ones.

        Selection files without ids are matched by it.
        """
        return [question.id for question in self.questions()]

    def task_scores(self, records: Sequence[Record]) -> TaskScores | None:
        """Score a finished cell by the task's own code; None to use the protocol's average."""
        return None

    @classmethod
    def has_task_scores(cls) -> bool:
        """Whether the class scores cells by its own code."""
        return cls.task_scores is not Task.task_scores
