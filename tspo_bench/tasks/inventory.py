"""Which of a task's videos exist: `tspo-bench doctor --task`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tspo_bench.errors import UserError, VideoError
from tspo_bench.tasks.base import Skipped, Task
from tspo_bench.tasks.loading import videos_of
from tspo_bench.types import Question

_log = logging.getLogger(__name__)
_FEW = 5  # skipped annotations that a warning names


@dataclass(frozen=True)
class Survey:
    """A task's videos, and which of them can be used.

    Attributes:
        questions: the number of questions.
        skipped: unusable annotations.
        found: readable videos, with their files.
        missing: missing videos, with the reason.
        unreadable: files that cannot be read as videos, with the reason.
        affected: the ids of the questions about missing and unreadable videos.
    """

    task: str
    questions: int
    skipped: Sequence[Skipped]
    found: Mapping[str, Path]
    missing: Mapping[str, str]
    unreadable: Mapping[str, str]
    affected: Sequence[str]

    @property
    def videos(self) -> int:
        """The number of videos that the questions are about."""
        return len(self.found) + len(self.missing) + len(self.unreadable)


def with_videos(task: Task, questions: Sequence[Question]) -> list[Question]:
    """Return the questions whose videos exist (readable or not); all if the task makes its videos.

    Raises:
        UserError: none of the videos exists.
    """
    if task.makes_videos:
        return list(questions)
    missing: dict[str, str] = {}
    for video in videos_of(questions):
        try:
            task.video_path(video)
        except VideoError as error:
            missing[video] = str(error)
    left = [question for question in questions if question.video not in missing]
    if not left:
        first = next(iter(missing.values()), "it has no questions")
        raise UserError(
            f"task {task.label!r}: --only-present leaves no question, as none of its "
            f"{len(missing)} videos is there; the first: {first}"
        )
    if missing:
        _log.warning(
            "task %r: --only-present leaves out %d of %d questions, on %d missing videos",
            task.label,
            len(questions) - len(left),
            len(questions),
            len(missing),
        )
    return left


def warn_of_skipped(task: Task) -> None:
    """Log the number of skipped annotations, the first of them with place and reason."""
    skipped = task.skipped
    if skipped:
        some = "; ".join(f"{one.where}: {one.reason}" for one in skipped[:_FEW])
        more = f"; ... and {len(skipped) - _FEW} more" if len(skipped) > _FEW else ""
        _log.warning(
            "task %r: annotations left out: %d: %s%s", task.label, len(skipped), some, more
        )


def survey(task: Task, on_video: Callable[[str], None] | None = None) -> Survey:
    """Look for every video of a task and probe those that exist.

    Args:
        task: the task.
        on_video: called with each video before it is looked for; probing takes a while.

    Raises:
        UserError: the task's annotations are missing or broken.
    """
    from tspo_bench.video import probe

    questions = task.questions()
    videos = videos_of(questions)
    found: dict[str, Path] = {}
    missing: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    for video in videos:
        if on_video is not None:
            on_video(video)
        try:
            path = task.video_path(video)
        except VideoError as error:
            missing[video] = str(error)
            continue
        try:
            probe(path)
            found[video] = path
        except VideoError as error:
            unreadable[video] = str(error)
    affected = [id_ for video, ids in videos.items() if video not in found for id_ in ids]
    return Survey(task.label, len(questions), task.skipped, found, missing, unreadable, affected)
