"""Training questions from a task: the built-in haystack's train split, or a custom task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.store import FeatureStore
from tspo_bench.tasks import Task, videos_of, with_videos
from tspo_bench.training.episode import Episode, Skipped
from tspo_bench.training.frames import FrameCache
from tspo_bench.types import CandidateRule, Candidates, Features, Frames, IntArray, Question


@dataclass(frozen=True)
class TaskEpisode(Episode):
    """An episode of one video; `indices` [T] are the candidates in its own frame numbers."""

    video: Path
    indices: IntArray
    frames: FrameCache

    def fetch(self, positions: IntArray, short_side: int | None) -> Frames:
        """See `Episode.fetch`."""
        return self.frames.fetch(self.video, self.indices[positions], short_side, self.indices)


def usable_questions(
    task: Task,
    num_videos: int | None = None,
    only_present: bool = False,
    without_types: frozenset[str] = frozenset(),
) -> list[Question]:
    """Return the questions of a task to train on; the arguments are those of `TaskData`.

    Raises:
        UserError: no question is left, or the task scores replies by its own code.
    """
    if task.has_task_scores():
        raise UserError(
            f"task {task.label!r} scores replies by its own code, which is not a reward; train "
            "on another task"
        )
    questions = task.first_questions(None if only_present else num_videos)
    if only_present:
        questions = with_videos(task, questions)
        chosen = set(list(videos_of(questions))[:num_videos])
        questions = [question for question in questions if question.video in chosen]
    found = [
        question
        for question in questions
        if question.answer is not None and question.groups.get("type") not in without_types
    ]
    if not found:
        raise UserError(f"task {task.label!r} has no question with an answer to train on")
    return found


class TaskData:
    """Episodes from the questions of a task; see `TrainingData`.

    Each span of a question's evidence, where it is annotated, is a needle. Each video is scanned
    and encoded when its first question comes up.

    Args:
        task: where questions, videos and prompts come from.
        encoder: of frames and questions.
        store: keeps the frames' features.
        k: frames a rollout draws.
        only_present: leave out questions whose videos are missing.
        num_videos: use the first so many videos; None for all.
        without_types: leave out questions whose group `type` is one of these.
        rate: candidates a second.
        rule: which frames they are: see `tspo_bench.video.candidates`.

    Attributes:
        skipped: annotations that cannot be used, and why.

    Raises:
        UserError: no question is left.
    """

    def __init__(
        self,
        task: Task,
        encoder: FrameEncoder,
        store: FeatureStore,
        *,
        k: int = 8,
        num_videos: int | None = None,
        only_present: bool = False,
        without_types: frozenset[str] = frozenset(),
        rate: float = 1.0,
        rule: CandidateRule = "auto",
    ) -> None:
        self._questions = usable_questions(task, num_videos, only_present, without_types)
        self.skipped = tuple(Skipped(s.where, s.reason) for s in task.skipped)
        self._task, self._encoder, self._store = task, encoder, store
        self._k, self._rate, self._rule = k, rate, rule
        self._frames = FrameCache()
        self._texts: dict[str, Features] = {}
        self._paths: dict[str, Path] = {}

    def __len__(self) -> int:
        return len(self._questions)

    def episode(self, index: int, epoch: int) -> TaskEpisode:
        """The episode of a question, the same in each epoch.

        Raises:
            VideoError: the video cannot be read.
        """
        question = self._questions[index]
        assert question.answer is not None
        path = self._path(question.video)
        candidates = self._store.candidates(path, self._encoder, self._rate, self._rule)
        assert candidates.features is not None
        return TaskEpisode(
            id=question.id,
            features=candidates.features,
            text_features=self._text_features(self._task.query_text(question)),
            prompt=self._task.prompt(question),
            letters=question.letters,
            options=question.options,
            answer=question.answer,
            k=self._k,
            needle_of=_needle_of(question, candidates),
            frame_rate=candidates.frame_rate,
            num_frames=candidates.num_frames,
            video=path,
            indices=candidates.indices,
            frames=self._frames,
        )

    def _path(self, video: str) -> Path:
        """The file of a video; a task that makes its videos is slow to say."""
        if video not in self._paths:
            self._paths[video] = self._task.video_path(video)
        return self._paths[video]

    def _text_features(self, text: str) -> Features:
        if text not in self._texts:
            self._texts[text] = self._encoder.encode_text([text])
        return self._texts[text]


def _needle_of(question: Question, candidates: Candidates) -> IntArray | None:
    """Which span of the evidence each candidate lies in [T], -1 for none; None where all miss.

    A candidate in two spans belongs to the one with fewer candidates, as it does for the oracle.
    """
    spans = [span.in_seconds(candidates.frame_rate) for span in question.evidence]
    inside = [(start <= candidates.seconds) & (candidates.seconds <= end) for start, end in spans]
    numbers = np.full(len(candidates), -1, np.int64)
    for number in sorted(range(len(spans)), key=lambda n: (inside[n].sum(), n), reverse=True):
        numbers[inside[number]] = number
    return numbers if (numbers >= 0).any() else None
