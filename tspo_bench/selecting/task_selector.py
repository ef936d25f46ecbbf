"""Samplers over a whole task, without an MLLM: what they select for every question."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.evaluation.choosing import Job, SelectionContext, timed
from tspo_bench.evaluation.engine import PREFETCH
from tspo_bench.evaluation.plan import OpenCell, VideoWork
from tspo_bench.evaluation.sampler_contract import ask_sampler
from tspo_bench.samplers.published import PublishedFrames
from tspo_bench.types import (
    CandidateRule,
    Candidates,
    Failed,
    FloatArray,
    Need,
    Query,
    Question,
    Selection,
)
from tspo_bench.video.candidates import shown_at

# What a video's length and frame rate alone can answer.
_OF_THE_PROBE: frozenset[Need] = frozenset({"probe", "evidence"})
_MOST_FRAMES = 10**8  # of a video: 19 days at 60 a second


class SelectionProgress(Protocol):
    """Follows how many selections are made."""

    def started(self, task: str, total: int) -> None:
        """A task begins, for which `total` selections are made."""
        ...

    def advance(self) -> None:
        """One more is made."""
        ...


@dataclass(frozen=True)
class TaskSelector:
    """Lets samplers select for every question of a task.

    Args:
        context: how videos are read and encoded.
        rates: frame rates by video, for those whose file is not to be opened; None if unknown.
            Samplers that need no more than the probe get int(duration x rate) frames of these.
    """

    context: SelectionContext
    rates: Mapping[str, float | None] = field(default_factory=dict)

    def jobs(
        self,
        questions: Sequence[Question],
        cells: Sequence[OpenCell],
        progress: SelectionProgress | None = None,
    ) -> Iterator[Job]:
        """Select for every cell, video by video, in the order of each one's first question."""
        by_video: dict[str, list[Question]] = {}
        for question in questions:
            by_video.setdefault(question.video, []).append(question)
        if progress is not None:
            progress.started(self.context.task.label, len(cells) * len(questions))
        for jobs in self._prefetch(
            [
                VideoWork(video, tuple((cell, question) for cell in cells for question in asked))
                for video, asked in by_video.items()
            ]
        ):
            for job in jobs:
                yield job
                if progress is not None:
                    progress.advance()
        self.context.say_rules()

    def _prefetch(self, work: Sequence[VideoWork]) -> Iterator[list[Job]]:
        """The videos in order, PREFETCH more under way."""
        pool = ThreadPoolExecutor(PREFETCH, thread_name_prefix="select")
        under_way: deque[Future[list[Job]]] = deque()
        try:
            for one in work:
                under_way.append(pool.submit(self._of_video, one))
                if len(under_way) > PREFETCH:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _of_video(self, work: VideoWork) -> list[Job]:
        if work.video not in self.rates:
            return self._from_file(work)
        rate = self.rates[work.video]
        jobs, rest = [], []
        for cell, question in work.jobs:
            if cell.sampler.needs <= _OF_THE_PROBE:
                jobs.append(Job(cell, question, self._assumed(cell, question, rate)))
            else:
                rest.append((cell, question))
        return jobs + (self._from_file(VideoWork(work.video, tuple(rest))) if rest else [])

    def _from_file(self, work: VideoWork) -> list[Job]:
        with ExitStack() as stack:
            return self.context.open(work, stack).choose()

    def _assumed(self, cell: OpenCell, question: Question, rate: float | None) -> Selection:
        """The selection by the annotated length alone."""
        duration = question.duration_seconds
        if rate is None or duration is None or duration * rate > _MOST_FRAMES:
            error = _unknown(question, rate)
            return Selection.failed(question.id, Failed(error, "decode_error"))
        candidates = assumed_candidates(
            question, rate, self.context.candidate_fps, self.context.rule
        )
        timing: dict[str, float] = {}
        assert cell.budget.frames is not None
        query = Query(
            question.id,
            question.video,
            self.context.task.query_text(question),
            question.options,
            evidence=(
                tuple(span.in_seconds(rate) for span in question.evidence)
                if "evidence" in cell.sampler.needs
                else ()
            ),
        )
        given = _for_files(cell, question, candidates)
        try:
            with timed(timing, "select"):
                selection = ask_sampler(
                    cell.label, cell.sampler, query, given, cell.budget.frames, self.context.warned
                )
        except UserError as error:
            said = f"{error} (by its annotated length and {rate:g} frames a second)"
            return Selection.failed(question.id, Failed(said, "sampler_error"))
        return replace(
            selection,
            question_id=question.id,
            timestamps=_timestamps(cell, question, selection, rate),
            candidates=candidates,
            duration_seconds=duration,
            frames_processed={"decoded": 0, "encoded": 0},
            timing=timing,
            is_assumed=True,
        )


def _unknown(question: Question, rate: float | None) -> str:
    """Why nothing can be selected by the annotations."""
    if rate is not None and question.duration_seconds is not None:
        return (
            f"question {question.id!r}: no video has {question.duration_seconds:g} s at {rate:g} "
            "frames a second; correct its length or rate"
        )
    lacks = (
        "frame rate is unknown; give --fps"
        if rate is None
        else "length is unknown; give it as `duration`"
    )
    return (
        f"question {question.id!r}: video {question.video} is not opened, and its {lacks}, or give "
        "the videos (--data-root)"
    )


def _for_files(cell: OpenCell, question: Question, candidates: Candidates) -> Candidates:
    """The candidates of an assumed video, with all frames that a selection file may know of it."""
    sampler, frames = cell.sampler, cell.budget.frames
    assert frames is not None
    assert question.duration_seconds is not None
    if not isinstance(sampler, PublishedFrames) or sampler.spreads(question.id, frames):
        return candidates
    listed = sampler.selections.picks.get(question.id)
    # Lengths are rounded and rates cut (29.97 to 29): frames near the end may be real.
    most = math.ceil((question.duration_seconds + 1) * (candidates.frame_rate + 1))
    return replace(candidates, num_frames=(listed and listed.num_frames) or most)


def _timestamps(
    cell: OpenCell, question: Question, selection: Selection, rate: float
) -> FloatArray:
    """The times of the frames of a video that was not opened: a selection file's own, if any."""
    if isinstance(cell.sampler, PublishedFrames):
        listed = cell.sampler.selections.picks.get(question.id)
        if listed is not None:
            return listed.timestamps(selection.indices, rate)
    return selection.indices / rate


def assumed_candidates(
    question: Question, rate: float, candidate_fps: float, rule: CandidateRule = "auto"
) -> Candidates:
    """The candidates of a video that was not opened, by its annotated length and a frame rate.

    Raises:
        UserError: its keyframes would have to be known.
    """
    if rule == "keyframe":
        raise UserError(
            f"--candidates keyframe needs the video files, and {question.video} is not there; "
            "use --candidates time"
        )
    assert question.duration_seconds is not None
    num_frames = max(1, int(question.duration_seconds * rate))
    times = np.arange(num_frames) / rate
    if rule == "time":
        indices = shown_at(times, num_frames / rate, candidate_fps)
    else:  # a video that was not opened counts as one of even frames
        indices = np.arange(0, num_frames, max(1, round(rate / candidate_fps)))
    return Candidates(indices, times[indices], num_frames, rate)
