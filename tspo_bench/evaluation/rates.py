"""Frame rates of videos that are not opened: given, read from files, or guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.task_plan import TaskPlan
from tspo_bench.samplers.published import PublishedFrames
from tspo_bench.selections import FileSelection
from tspo_bench.selections.file_selection import common_rate
from tspo_bench.selections.rates import rate_of_strides
from tspo_bench.tasks import Task
from tspo_bench.types import Question

# Plausible frame rates: a common divisor outside of them is not a rate.
_SLOWEST, _FASTEST = 5.0, 240.0
_ANY = 30.0


@dataclass(frozen=True)
class AssumedRates:
    """Assumed frame rates of videos that are not opened.

    Attributes:
        by_video: frames a second; None where unknown.
        guessed: the videos whose rate follows from the strides of frame numbers alone.
    """

    by_video: Mapping[str, float | None]
    guessed: frozenset[str] = field(default=frozenset())


def assumed_rates(plan: TaskPlan, fps: float | None) -> AssumedRates:
    """The rates of a task's videos that are not there, or of all, where `fps` is given.

    A selection file that says a video's rate was made from it; then come the annotations, and last
    what the strides of the frame numbers in all selection files make of it.

    Raises:
        UserError: videos are missing, and the rate of each is unknown.
    """
    task = plan.task
    by_video: dict[str, list[Question]] = {}
    for question in plan.questions:
        by_video.setdefault(question.video, []).append(question)
    if fps is not None:
        return AssumedRates(dict.fromkeys(by_video, fps))
    missing = {video: about for video, about in by_video.items() if not _is_there(task, video)}
    files = [named.sampler for named in plan.samplers if isinstance(named.sampler, PublishedFrames)]
    stated = {video: _stated(about, files) for video, about in missing.items()}
    guesses = {v: _guess(about, files) for v, about in missing.items() if stated[v] is None}
    rates = {video: stated[video] or guesses.get(video) for video in missing}
    if len(missing) == len(by_video) and not any(rates.values()):
        raise UserError(
            f"task {task.label!r}: none of {len(missing)} videos found, and their frame "
            "rate is unknown; give --fps, a selection file (--sampler file:PATH), or the videos "
            "(--data-root)"
        )
    return AssumedRates(rates, frozenset(video for video, rate in guesses.items() if rate))


def _is_there(task: Task, video: str) -> bool:
    if task.makes_videos:
        return True
    try:
        task.video_path(video)
    except VideoError:
        return False
    return True


def _stated(questions: Sequence[Question], files: Sequence[PublishedFrames]) -> float | None:
    """A video's frame rate as a selection file or the annotations say it."""
    by_file = [picked.frame_rate for file in files for picked in _picks_in(file, questions)]
    annotated = [question.frame_rate for question in questions]
    return next((float(rate) for rate in (*by_file, *annotated) if rate), None)


def _guess(questions: Sequence[Question], files: Sequence[PublishedFrames]) -> float | None:
    """A video's frame rate as the frame numbers in selection files let it be guessed."""
    strides = []
    for file in files:
        picks = _picks_in(file, questions)
        stride = common_rate(picked for picked in picks if picked.seconds is None)
        if stride is not None and _is_possible(stride, picks, questions):
            strides.append(stride)
    if not strides and any(p.seconds for file in files for p in _picks_in(file, questions)):
        return _ANY  # their seconds count, not the frame numbers made of them
    return rate_of_strides(strides)


def _picks_in(file: PublishedFrames, questions: Sequence[Question]) -> list[FileSelection]:
    picks = [file.selections.picks.get(question.id) for question in questions]
    return [picked for picked in picks if picked is not None]


def _is_possible(
    stride: int, picks: Sequence[FileSelection], questions: Sequence[Question]
) -> bool:
    """Whether a film may have this rate, and this one's length holds what was picked of it.

    Up to a third may be beyond the end: single wrong entries are reported one by one.
    """
    lengths = [q.duration_seconds for q in questions if q.duration_seconds is not None]
    if not lengths or not _SLOWEST <= stride <= _FASTEST:
        return False
    most = (max(lengths) + 1) * (stride + 1)
    numbers = [number for picked in picks for number in picked.numbers]
    return 3 * sum(number >= most for number in numbers) <= len(numbers)
