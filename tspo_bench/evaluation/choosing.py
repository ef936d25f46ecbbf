"""Samplers pick frames of one video, for every cell and question that asks about it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.budget import Cost
from tspo_bench.evaluation.chunks import Chosen
from tspo_bench.evaluation.plan import OpenCell, VideoWork
from tspo_bench.evaluation.sampler_contract import ask_sampler
from tspo_bench.evaluation.sampler_inputs import SamplerInputs, frames_processed
from tspo_bench.features import FeatureStore
from tspo_bench.features.base import FrameEncoder
from tspo_bench.results import CandidateScores, Inputs
from tspo_bench.tasks import Task
from tspo_bench.types import (
    SEARCHING,
    AnswerMode,
    CandidateRule,
    Candidates,
    Features,
    Need,
    Query,
    Question,
    Record,
    Selection,
    Status,
    VideoInfo,
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
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - started


def attribute_time(
    stage: str, spent: dict[str, float], jobs: Sequence[Chosen], weights: Sequence[float]
) -> None:
    """Charge a stage's seconds to those that asked for it: uniform sampling pays for no scan."""
    total = sum(weights)
    for job, weight in zip(jobs, weights, strict=True):
        if stage in spent and weight:
            before = job.seconds.get(stage, 0.0)
            job.seconds[stage] = before + spent[stage] * weight / total


@dataclass
class SelectionContext:
    """How samplers are asked; safe to use from several threads.

    Args:
        task: where videos and prompts come from.
        store: keeps candidate features.
        encoder: makes them; None if no sampler searches.
        candidate_fps: candidates per second.
        short_side: to which the MLLM wants frames scaled down; None for full size.
        mode: how the MLLM is to answer.
        cost: tells the MLLM's visual tokens, where cells are limited by these.
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
    """One video with what the samplers of its jobs see of it and pick."""

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
        if "lazy_scores" in needs:
            self._timed_features(self._inputs.read_stored)

    def _timed_features(self, get: Callable[[], bool]) -> None:
        """Have features; the stage says whether their work was done now or found in the store."""
        spent: dict[str, float] = {}
        is_stored = False
        try:
            with timed(spent, "scan"):
                is_stored = get()
        finally:
            stage = "stored" if is_stored else "scan"
            self._seconds[stage] = self._seconds.get(stage, 0.0) + spent["scan"]

    def _encode_texts(self, encoder: FrameEncoder) -> None:
        asked = [q for cell, q in self._work.jobs if SEARCHING & cell.sampler.needs]
        for text in dict.fromkeys(map(self.context.task.query_text, asked)):
            # One at a time: the features must not depend on which questions are still pending.
            self._text_features[text] = encoder.encode_text([text])

    # What a cell is told depends on its own needs alone, never on the cells beside it.

    def choose(self) -> list[Chosen]:
        """What each job's sampler picks, in the order of the jobs."""
        chosen = [self._chosen(cell, question) for cell, question in self._work.jobs]
        needs = [one.cell.sampler.needs for one in chosen]
        attribute_time("probe", self._seconds, chosen, [float(bool(need)) for need in needs])
        for stage in ("text", "scan", "stored"):
            attribute_time(
                stage, self._seconds, chosen, [float(bool(SEARCHING & need)) for need in needs]
            )
        return chosen

    def info(self, needs: Collection[Need]) -> VideoInfo | None:
        """The video's, for those who need anything of it."""
        return self.reader.info if needs and self.reader is not None else None

    @property
    def candidates(self) -> Candidates | None:
        """The candidates, with features if a sampler needs them; None without a video."""
        return None if self._inputs is None else self._inputs.candidates

    def size(self) -> tuple[int, int]:
        """Height and width of the frames as the MLLM is given them; 1 x 1 without a video."""
        if self.reader is None:
            return 1, 1
        info = self.reader.info
        width, height = scaled_size(info.width, info.height, self.context.short_side)
        return height, width

    def num_candidates(self, needs: Collection[Need]) -> int | None:
        """How many candidates a sampler of these needs had; None for one that needs nothing."""
        return len(self._inputs.probed) if needs and self._inputs is not None else None

    def inputs(self, question: Question, needs: Collection[Need]) -> dict[str, str]:
        """Hashes of what the question's record is made of."""
        if self.context.inputs is None:
            return {}
        of_video = self.context.inputs.video(question.video) if needs else None
        found = {"question": self.context.inputs.questions.get(question.id), "video": of_video}
        return {key: value for key, value in found.items() if value is not None}

    def evidence(
        self, question: Question, needs: Collection[Need]
    ) -> tuple[tuple[float, float], ...]:
        """The question's annotated (start, end), in seconds."""
        info = self.info(needs)
        rate = float(info.frame_rate) if info else 1.0
        return tuple(span.in_seconds(rate) for span in question.evidence)

    def scores(self, chosen: Chosen) -> CandidateScores | None:
        """What the sampler gave the candidates for a question, where it gave each a number."""
        needs = chosen.cell.sampler.needs
        info = self.info(needs)
        if info is None or isinstance(chosen.picked, Record) or chosen.picked.scores is None:
            return None
        scores = np.asarray(chosen.picked.scores)
        assert self._inputs is not None
        seconds = self._inputs.probed.seconds
        interval = info.candidate_stride(self.context.candidate_fps) / float(info.frame_rate)
        if len(seconds) > 1:
            interval = float(seconds[-1] - seconds[0]) / (len(seconds) - 1)
        return CandidateScores.of(chosen.question.id, scores, interval)

    def failure(self, question: Question, status: Status, error: str) -> Record:
        """The record of a question that does not get as far as the MLLM."""
        return Record(
            question_id=question.id,
            video=question.video,
            status=status,
            gold=question.answer,
            groups=question.groups,
            error=error,
            protocol=self.context.task.rules.label,
            mode=self.context.mode,
        )

    def _chosen(self, cell: OpenCell, question: Question) -> Chosen:
        seconds: dict[str, float] = {}
        with timed(seconds, "select"):
            picked, looked = self._select(cell, question)
        return Chosen(cell, question, picked, seconds, looked)

    def _problem(self, needs: Collection[Need]) -> str | None:
        """Why the video cannot be had by a sampler of these needs."""
        if not needs:
            return None
        return self._unreadable or (self._unscannable if "features" in needs else None)

    def _select(
        self, cell: OpenCell, question: Question
    ) -> tuple[Selection | Record, dict[str, int]]:
        """The sampler's pick, or the record of why there is none; and what it looked at."""
        needs = cell.sampler.needs
        if problem := self._problem(needs):
            return self.failure(question, "decode_error", problem), {}
        try:
            query = self._query(cell, question)
            candidates = NO_CANDIDATES
            if needs:
                assert self._inputs is not None
                candidates = self._inputs.for_sampler(needs, cell.sampler, query.text_features)
            k = cell.budget.k(self.context.cost, candidates.num_frames, *self.size())
            warned = self.context.warned
            checked = ask_sampler(cell.label, cell.sampler, query, candidates, k, warned)
            if needs and self._inputs is not None and self._inputs.ruled is not None:
                checked = replace(
                    checked, notes={**checked.notes, "candidates": self._inputs.ruled}
                )
            return checked, frames_processed(candidates)
        except VideoError as error:  # of a sampler that has frames decoded as it goes
            return self.failure(question, "decode_error", str(error)), {}
        except UserError as error:
            return self.failure(question, "sampler_error", str(error)), {}
        except Exception as error:  # noqa: BLE001 - a custom task or model may raise anything
            message = f"{type(error).__name__}: {error}"
            return self.failure(question, "sampler_error", message), {}

    def _query(self, cell: OpenCell, question: Question) -> Query:
        needs = cell.sampler.needs
        text = self.context.task.query_text(question)
        return Query(
            question_id=question.id,
            video_id=question.video,
            text=text,
            options=question.options,
            text_features=self._text_features[text] if SEARCHING & needs else None,
            evidence=self.evidence(question, needs) if "evidence" in needs else (),
        )
