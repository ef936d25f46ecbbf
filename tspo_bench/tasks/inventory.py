"""What of a task's videos is there: the answer of `tspo-bench doctor --task`."""

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
_FEW = 5  # annotations that are named


@dataclass(frozen=True)
class Survey:
    """A task's questions and videos, and which of the videos can be used.

    Attributes:
        questions: how many questions the task has.
        skipped: annotations that are left out.
        found: videos that are there and can be read, with their files.
        missing: videos that are not there, with the reason.
        unreadable: videos that are there and cannot be read, with the reason.
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
        """How many videos the questions are about."""
        return len(self.found) + len(self.missing) + len(self.unreadable)


def with_videos(task: Task, questions: Sequence[Question]) -> list[Question]:
    """Those of a task's questions whose videos are there; whether they can be read is not tried.

    A task that makes its videos has them all.

    Raises:
        UserError: there is none of the videos.
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


def tell_of_skipped(task: Task) -> None:
    """Warn of the annotations that are left out, the first of them with place and reason."""
    skipped = task.skipped
    if skipped:
        some = "; ".join(f"{one.where}: {one.reason}" for one in skipped[:_FEW])
        more = f"; ... and {len(skipped) - _FEW} more" if len(skipped) > _FEW else ""
        _log.warning(
            "task %r: annotations left out: %d: %s%s", task.label, len(skipped), some, more
        )


def survey(task: Task, on_video: Callable[[str], None] | None = None) -> Survey:
    """Look for every video of a task and probe those that are there.

    `on_video` is told of each video before it is looked for: probing takes a while.

    Raises:
        UserError: the task's annotations are missing or broken.
    """
    from tspo_bench.video import probe

    questions = task.questions()
    found: dict[str, Path] = {}
    missing: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    affected: list[str] = []
    for video, ids in videos_of(questions).items():
        if on_video is not None:
            on_video(video)
        try:
            path = task.video_path(video)
        except VideoError as error:
            missing[video] = str(error)
            affected += ids
            continue
        try:
            probe(path)
            found[video] = path
        except VideoError as error:
            unreadable[video] = str(error)
            affected += ids
    return Survey(task.label, len(questions), task.skipped, found, missing, unreadable, affected)
