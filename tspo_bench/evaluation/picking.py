"""Samplers over a whole task with no MLLM: what they pick for every question."""

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
from tspo_bench.evaluation.choosing import SelectionContext, VideoSession, timed
from tspo_bench.evaluation.chunks import Chosen
from tspo_bench.evaluation.engine import PREFETCH
from tspo_bench.evaluation.plan import OpenCell, VideoWork
from tspo_bench.evaluation.sampler_contract import ask_sampler
from tspo_bench.samplers.published import PublishedFrames
from tspo_bench.types import (
    CandidateRule,
    Candidates,
    Features,
    FloatArray,
    IntArray,
    Need,
    Query,
    Question,
    Record,
    Selection,
)
from tspo_bench.video.candidates import shown_at

# What can be answered for by a video's length and frame rate alone.
_OF_THE_PROBE: frozenset[Need] = frozenset({"probe", "evidence"})
_MOST_FRAMES = 10**8  # of a video: 19 days at 60 a second


class PickProgress(Protocol):
    """Told how far a selection has come."""

    def started(self, task: str, total: int) -> None:
        """A task begins, for which `total` selections are made."""
        ...

    def advance(self) -> None:
        """One more is made."""
        ...


@dataclass(frozen=True)
class Pick:
    """What a sampler picked for a question, or the `error` why it picked nothing.

    Attributes:
        cell: the sampler and the frame budget.
        question: what was asked.
        selection: the frames; None with an error.
        seconds: their times [n].
        candidates: those of the video, with features if it was scanned; None with an error.
        duration_seconds: the video's length, if known.
        frames_processed: frames decoded and encoded to choose, as in a record.
        timing: seconds per stage.
        assumed: there was no video: length and rate are the annotations'.
    """

    cell: OpenCell
    question: Question
    selection: Selection | None
    seconds: FloatArray
    candidates: Candidates | None
    duration_seconds: float | None = None
    frames_processed: Mapping[str, int] = field(default_factory=dict)
    timing: Mapping[str, float] = field(default_factory=dict)
    assumed: bool = False
    error: str | None = None


@dataclass(frozen=True)
class Picker:
    """Lets samplers pick for every question of a task.

    Args:
        chooser: how videos are read and encoded.
        rates: frame rates by video, for those whose file is not to be opened, None where nothing
            tells it; samplers that need no more than the probe are given int(duration x rate)
            frames of it.
    """

    chooser: SelectionContext
    rates: Mapping[str, float | None] = field(default_factory=dict)

    def picks(self, questions: Sequence[Question], cells: Sequence[OpenCell]) -> Iterator[Pick]:
        """What every cell picks, video by video, in the order of each one's first question."""
        by_video: dict[str, list[Question]] = {}
        for question in questions:
            by_video.setdefault(question.video, []).append(question)
        work = [
            VideoWork(video, tuple((cell, question) for cell in cells for question in asked))
            for video, asked in by_video.items()
        ]
        pool = ThreadPoolExecutor(PREFETCH, thread_name_prefix="pick")
        under_way: deque[Future[list[Pick]]] = deque()
        try:
            for one in work:
                under_way.append(pool.submit(self._of_video, one))
                if len(under_way) > PREFETCH:
                    yield from under_way.popleft().result()
            while under_way:
                yield from under_way.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _of_video(self, work: VideoWork) -> list[Pick]:
        if work.video not in self.rates:
            return self._seen(work)
        rate = self.rates[work.video]
        picks = [
            self._assumed(cell, question, rate)
            for cell, question in work.jobs
            if cell.sampler.needs <= _OF_THE_PROBE
        ]
        rest = tuple(job for job in work.jobs if not job[0].sampler.needs <= _OF_THE_PROBE)
        return picks + (self._seen(VideoWork(work.video, rest)) if rest else [])

    def _seen(self, work: VideoWork) -> list[Pick]:
        """The picks from the video's file."""
        with ExitStack() as stack:
            video = self.chooser.open(work, stack)
            return [_pick(video, chosen) for chosen in video.choose()]

    def _assumed(self, cell: OpenCell, question: Question, rate: float | None) -> Pick:
        """The pick from the annotated length alone."""
        if rate is None or question.duration_seconds is None:
            lacks = (
                "frame rate is unknown; give --fps"
                if rate is None
                else "length is unknown; give it as `duration`"
            )
            where = f"question {question.id!r}: video {question.video}"
            way_out = "or give the videos (--data-root)"
            error = f"{where} is not opened, and its {lacks}, {way_out}"
            return _failed(cell, question, error)
        if question.duration_seconds * rate > _MOST_FRAMES:
            error = (
                f"question {question.id!r}: no video has {question.duration_seconds:g} s at "
                f"{rate:g} frames a second; correct its length or rate"
            )
            return _failed(cell, question, error)
        candidates = assumed_candidates(
            question, rate, self.chooser.candidate_fps, self.chooser.rule
        )
        shown = candidates
        assert cell.budget.frames is not None
        if isinstance(cell.sampler, PublishedFrames) and not cell.sampler.spreads(
            question.id, cell.budget.frames
        ):
            told = cell.sampler.selections.picks.get(question.id)
            most = most_frames(question.duration_seconds, rate)
            shown = replace(candidates, num_frames=(told and told.num_frames) or most)
        timing: dict[str, float] = {}
        k, warned = cell.budget.frames, self.chooser.warned
        evidence = tuple(span.in_seconds(rate) for span in question.evidence)
        query = Query(
            question.id,
            question.video,
            self.chooser.task.query_text(question),
            question.options,
            evidence=evidence if "evidence" in cell.sampler.needs else (),
        )
        try:
            with timed(timing, "select"):
                selection = ask_sampler(cell.label, cell.sampler, query, shown, k, warned)
        except UserError as error:
            assumed = f"by its annotated length and {rate:g} frames a second"
            return _failed(cell, question, f"{error} ({assumed})")
        return Pick(
            cell,
            question,
            selection,
            selection.indices / rate,
            candidates,
            question.duration_seconds,
            {"decoded": 0, "encoded": 0},
            timing,
            assumed=True,
        )


def most_frames(duration_seconds: float, rate: float) -> int:
    """How many frames a video may have by its annotated length and a guessed rate.

    Lengths are rounded and rates cut (29.97 to 29): frames near the end may be real.
    """
    return math.ceil((duration_seconds + 1) * (rate + 1))


def assumed_candidates(
    question: Question, rate: float, candidate_fps: float, rule: CandidateRule = "auto"
) -> Candidates:
    """What a probe would tell of a question's video, from its annotated length and a frame rate."""
    assert question.duration_seconds is not None
    num_frames = max(1, int(question.duration_seconds * rate))
    times = np.arange(num_frames) / rate
    if rule == "time":
        indices = shown_at(times, num_frames / rate, candidate_fps)
    else:  # a video that nobody looked at is taken for an even one
        indices = np.arange(0, num_frames, max(1, round(rate / candidate_fps)))
    return Candidates(indices, times[indices], num_frames, rate)


def scores_at(picks: IntArray, candidates: Candidates, selection: Selection) -> Features | None:
    """The picks' scores [n], NaN where a pick is no candidate; None if the sampler has none."""
    if selection.scores is None or not len(candidates):
        return None
    scores = np.asarray(selection.scores)
    places = np.searchsorted(candidates.indices, picks).clip(max=len(candidates) - 1)
    is_candidate = candidates.indices[places] == picks
    return np.where(is_candidate, scores[places], np.float32(math.nan)).astype(np.float32)


def _pick(video: VideoSession, chosen: Chosen) -> Pick:
    if isinstance(chosen.picked, Record):
        return _failed(chosen.cell, chosen.question, chosen.picked.error or "")
    info = video.info(chosen.cell.sampler.needs)
    times = np.empty(0) if video.reader is None else video.reader.times
    return Pick(
        chosen.cell,
        chosen.question,
        chosen.picked,
        times[chosen.picked.indices],
        video.candidates,
        None if info is None else info.duration_seconds,
        chosen.frames_processed,
        chosen.seconds,
    )


def _failed(cell: OpenCell, question: Question, error: str) -> Pick:
    return Pick(cell, question, None, np.empty(0), None, error=error)
