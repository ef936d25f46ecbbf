"""Samplers pick frames of one video, for every cell and question that asks about it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tspo_bench.errors import CRASHES, UserError, VideoError
from tspo_bench.evaluation.batch_limit import is_out_of_memory
from tspo_bench.evaluation.budget import Cost
from tspo_bench.evaluation.plan import OpenCell, VideoWork
from tspo_bench.evaluation.sampler_contract import ask_sampler
from tspo_bench.evaluation.sampler_inputs import SamplerInputs, frames_processed
from tspo_bench.features import FeatureStore
from tspo_bench.features.base import FrameEncoder
from tspo_bench.profiling import Stage, record_stage
from tspo_bench.results import Inputs
from tspo_bench.tasks import Task
from tspo_bench.types import (
    SEARCHING,
    AnswerMode,
    CandidateRule,
    Candidates,
    Failed,
    Features,
    Need,
    Query,
    Question,
    Selection,
)
from tspo_bench.video import open_video
from tspo_bench.video.base import VideoReader, scaled_size
from tspo_bench.video.candidates import rules_said

_log = logging.getLogger(__name__)

NO_CANDIDATES = Candidates(np.empty(0, np.int64), np.empty(0), num_frames=0, frame_rate=1.0)


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the block's duration to a stage."""
    started = time.perf_counter()
    try:
        yield
    finally:
        _add_time(seconds, stage, time.perf_counter() - started)


def _add_time(seconds: dict[str, float], stage: str, spent: float) -> None:
    seconds[stage] = seconds.get(stage, 0.0) + spent
    record_stage(stage, Stage(spent))


class Job(NamedTuple):
    """A question of a cell, and what was selected for it."""

    cell: OpenCell
    question: Question
    selection: Selection


def attribute_time(
    stage: str, spent: dict[str, float], jobs: Sequence[Job], weights: Sequence[float]
) -> None:
    """Charge a stage's seconds to those that asked for it: uniform sampling pays for no scan."""
    total = sum(weights)
    for job, weight in zip(jobs, weights, strict=True):
        if stage in spent and weight:
            timing = job.selection.timing
            timing[stage] = timing.get(stage, 0.0) + spent[stage] * weight / total


@dataclass
class SelectionContext:
    """Asks samplers for frames; safe to use from several threads.

    Args:
        task: where videos and prompts come from.
        store: keeps candidate features.
        encoder: makes them; None if no sampler searches.
        candidate_fps: candidates per second.
        short_side: to which the MLLM wants frames scaled down; None for full size.
        mode: how the MLLM is to answer.
        cost: counts the MLLM's visual tokens, where cells are limited by these.
        warned: the samplers' faults that have been named (`ask_sampler`).
        rule: which frames are candidates.
        inputs: what records are made of, to be kept with them; None where none are kept.

    Attributes:
        ruled: by which rule those were taken of videos where the rules differ by much.
    """

    task: Task
    store: FeatureStore
    encoder: FrameEncoder | None
    candidate_fps: float
    short_side: int | None = None
    mode: AnswerMode = "generate"
    cost: Cost | None = None
    warned: set[str] = field(default_factory=set)
    rule: CandidateRule = "auto"
    ruled: dict[str, CandidateRule] = field(default_factory=dict)
    inputs: Inputs | None = None

    def open(self, work: VideoWork, stack: ExitStack) -> VideoSession:
        """Open a video until the stack closes it; what fails is recorded, not raised."""
        return VideoSession(self, work, stack)

    def say_rules(self) -> None:
        """Warn of the videos where it matters by which rule their candidates were taken."""
        for line in rules_said(self.ruled, self.candidate_fps):
            _log.warning(line)


class VideoSession:
    """One video, with what the samplers of its jobs see of it and select."""

    def __init__(self, context: SelectionContext, work: VideoWork, stack: ExitStack) -> None:
        self.context = context
        self.reader: VideoReader | None = None
        self._work = work
        self._seconds: dict[str, float] = {}  # per stage, for all jobs together
        self._inputs: SamplerInputs | None = None
        self._text_features: dict[str, Features] = {}
        self._unreadable: str | None = None
        self._unscannable: str | None = None
        needs = frozenset().union(*(cell.sampler.needs for cell, _ in work.jobs))
        if not needs:
            return  # every cell is blind: the video may even be missing
        try:
            self._open(stack, needs)
        except VideoError as error:
            self._unreadable = str(error)

    def _open(self, stack: ExitStack, needs: Collection[Need]) -> None:
        path = self.context.task.video_path(self._work.video)
        encoder = self.context.encoder
        with timed(self._seconds, "probe"):
            self.reader = stack.enter_context(open_video(path))
            self._inputs = SamplerInputs(
                path,
                self.reader,
                self.context.candidate_fps,
                self.context.store,
                encoder,
                self.context.rule,
            )
        if self._inputs.ruled is not None:
            self.context.ruled[self._work.video] = self._inputs.ruled
        if encoder is None:
            return
        with timed(self._seconds, "text"):
            self._encode_texts(encoder)
        if "features" in needs:
            try:
                self._timed_features(self._inputs.scan)
            except VideoError as error:  # one broken candidate: other frames may be sound
                self._unscannable = str(error)
            except CRASHES as error:
                if not is_out_of_memory(error):
                    raise
                self._unscannable = f"memory ran out while frames were encoded: {error}"
        if "lazy_scores" in needs:
            self._timed_features(self._inputs.read_stored)

    def _timed_features(self, get: Callable[[], bool]) -> None:
        """Have features; the stage says whether their work was done now or found in the store."""
        started, is_stored = time.perf_counter(), False
        try:
            is_stored = get()
        finally:
            stage = "stored" if is_stored else "scan"
            _add_time(self._seconds, stage, time.perf_counter() - started)

    def _encode_texts(self, encoder: FrameEncoder) -> None:
        asked = [q for cell, q in self._work.jobs if SEARCHING & cell.sampler.needs]
        for text in dict.fromkeys(map(self.context.task.query_text, asked)):
            # One at a time: the features must not depend on which questions are still pending.
            self._text_features[text] = encoder.encode_text([text])

    # What a cell is given depends on its own needs alone, never on the cells beside it.

    def choose(self) -> list[Job]:
        """The jobs in their order, each with what its sampler selects."""
        jobs = [
            Job(cell, question, self._select(cell, question)) for cell, question in self._work.jobs
        ]
        needs = [job.cell.sampler.needs for job in jobs]
        attribute_time("probe", self._seconds, jobs, [float(bool(need)) for need in needs])
        for stage in ("text", "scan", "stored"):
            searching = [float(bool(SEARCHING & need)) for need in needs]
            attribute_time(stage, self._seconds, jobs, searching)
        return jobs

    def size(self) -> tuple[int, int]:
        """Height and width of the frames as the MLLM is given them; 1 x 1 without a video."""
        if self.reader is None:
            return 1, 1
        info = self.reader.info
        width, height = scaled_size(info.width, info.height, self.context.short_side)
        return height, width

    def _select(self, cell: OpenCell, question: Question) -> Selection:
        """The sampler's selection, or the failure."""
        timing: dict[str, float] = {}
        try:
            with timed(timing, "select"):
                return replace(self._ask(cell, question), timing=timing)
        except VideoError as error:  # also of samplers that have frames decoded as they go
            failure = Failed(str(error), "decode_error")
        except UserError as error:
            failure = Failed(str(error), "sampler_error")
        except CRASHES as error:  # of a custom task or model
            failure = Failed(f"{type(error).__name__}: {error}", "sampler_error")
        return replace(Selection.failed(question.id, failure), timing=timing)

    def _ask(self, cell: OpenCell, question: Question) -> Selection:
        needs, inputs = cell.sampler.needs, self._inputs
        unreadable = self._unreadable or (self._unscannable if "features" in needs else None)
        if needs and unreadable:
            raise VideoError(unreadable)
        query = self._query(cell, question)
        candidates = NO_CANDIDATES
        if needs:
            assert inputs is not None
            candidates = inputs.for_sampler(needs, cell.sampler, query.text_features)
        k = cell.budget.k(self.context.cost, candidates.num_frames, *self.size())
        warned = self.context.warned
        selection = ask_sampler(cell.label, cell.sampler, query, candidates, k, warned)
        selection = replace(
            selection, question_id=question.id, frames_processed=frames_processed(candidates)
        )
        if not needs or inputs is None or self.reader is None:
            return selection
        ruled = {} if inputs.ruled is None else {"candidates": inputs.ruled}
        return replace(
            selection,
            notes={**selection.notes, **ruled},
            timestamps=self.reader.times[selection.indices],
            candidates=inputs.candidates,
            duration_seconds=self.reader.info.duration_seconds,
        )

    def _query(self, cell: OpenCell, question: Question) -> Query:
        needs = cell.sampler.needs
        text = self.context.task.query_text(question)
        return Query(
            question_id=question.id,
            video_id=question.video,
            text=text,
            options=question.options,
            text_features=self._text_features[text] if SEARCHING & needs else None,
            evidence=self._evidence(question) if "evidence" in needs else (),
        )

    def _evidence(self, question: Question) -> tuple[tuple[float, float], ...]:
        assert self.reader is not None
        rate = float(self.reader.info.frame_rate)
        return tuple(span.in_seconds(rate) for span in question.evidence)
