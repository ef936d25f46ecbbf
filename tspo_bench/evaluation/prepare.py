"""One video of a run: scan, select for every cell and question, fetch the union of the picks."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.checks import checked_selection
from tspo_bench.evaluation.plan import OpenCell, VideoWork
from tspo_bench.features import FeatureStore
from tspo_bench.features.base import FrameEncoder
from tspo_bench.results import evidence_recall
from tspo_bench.tasks import Task
from tspo_bench.types import (
    Candidates,
    Features,
    Frames,
    IntArray,
    Need,
    Query,
    Question,
    Record,
    Request,
    Selection,
    Status,
    VideoInfo,
)
from tspo_bench.video import open_video
from tspo_bench.video.base import VideoReader, candidate_indices

NO_CANDIDATES = Candidates(np.empty(0, np.int64), np.empty(0), num_frames=0, frame_rate=1.0)
NO_FRAMES = Frames(np.empty(0, np.int64), np.empty(0), np.empty((0, 1, 1, 3), np.uint8))


@dataclass(frozen=True)
class Prepared:
    """A question of a cell, ready to be answered: `shared` is None where `record` is a failure.

    The frames of `shared` are the union that all questions of the video share, those of its
    `request` the record's own.
    """

    cell: OpenCell
    question: Question
    record: Record
    shared: Request | None = None

    @property
    def request(self) -> Request | None:
        """What the model is asked, made anew at each call.

        The frames are copied no sooner than they are needed: those of all a video's questions
        would take many times the union's memory.
        """
        if self.shared is None:
            return None
        union, own = self.shared.frames, np.array(self.record.frames, np.int64)
        rows = np.searchsorted(union.indices, own)
        return replace(self.shared, frames=Frames(own, union.seconds[rows], union.pixels[rows]))


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the block's duration to a stage."""
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - started


@dataclass
class VideoPreparer:
    """Turns the work on one video into requests; safe to call from several threads.

    Args:
        task: where videos and prompts come from.
        store: keeps candidate features.
        encoder: makes them; None if no sampler of the run needs features.
        candidate_fps: candidates per second.
        short_side: to which the MLLM wants frames scaled down; None for full size.
    """

    task: Task
    store: FeatureStore
    encoder: FrameEncoder | None
    candidate_fps: float
    short_side: int | None

    def __call__(self, work: VideoWork) -> list[Prepared]:
        """The work's questions in the order of its jobs; failures are recorded, not raised."""
        with ExitStack() as stack:
            video = _Video(self, work, stack)
            return video.prepared()


class _Video:
    """The state of one video while it is prepared."""

    def __init__(self, preparer: VideoPreparer, work: VideoWork, stack: ExitStack) -> None:
        self.how = preparer
        self.work = work
        self.seconds: dict[str, float] = {}  # per stage, for all jobs together
        self.reader: VideoReader | None = None
        self.probed: Candidates | None = None
        self.scanned: Candidates | None = None
        self.unreadable: str | None = None
        self.unscannable: str | None = None
        needs = frozenset().union(*(cell.sampler.needs for cell, _ in work.jobs))
        if not needs:
            return  # every cell is blind: the video may even be missing
        try:
            self._open(stack, scan="features" in needs)
        except VideoError as error:
            self.unreadable = str(error)

    def _open(self, stack: ExitStack, *, scan: bool) -> None:
        path = self.how.task.video_path(self.work.video)
        with timed(self.seconds, "probe"):
            self.reader = stack.enter_context(open_video(path))
            info = self.reader.info
            indices = candidate_indices(info, self.how.candidate_fps)
            self.probed = Candidates(
                indices, self.reader.times[indices], info.num_frames, float(info.frame_rate)
            )
        if scan and self.how.encoder is not None:
            try:
                with timed(self.seconds, "scan"):
                    rate = self.how.candidate_fps
                    self.scanned = self.how.store.candidates(path, self.how.encoder, rate)
            except VideoError as error:  # one broken candidate: other frames may be sound
                self.unscannable = str(error)

    # What a cell is told depends on its own needs alone, never on the cells beside it.

    def _problem(self, needs: Collection[Need]) -> str | None:
        """Why the video cannot be had by a sampler of these needs."""
        if not needs:
            return None
        return self.unreadable or (self.unscannable if "features" in needs else None)

    def _candidates(self, needs: Collection[Need]) -> Candidates | None:
        """What a sampler of these needs sees of the video; None for one that needs nothing."""
        if not needs:
            return None
        return self.scanned if "features" in needs else self.probed

    def _info(self, needs: Collection[Need]) -> VideoInfo | None:
        return self.reader.info if needs and self.reader is not None else None

    def prepared(self) -> list[Prepared]:
        chosen, spent = [], []
        for cell, question in self.work.jobs:
            seconds: dict[str, float] = {}
            with timed(seconds, "select"):
                chosen.append(self._select(cell, question))
            spent.append(seconds)
        picks = [NO_FRAMES.indices, *(s.indices for s in chosen if isinstance(s, Selection))]
        union = np.unique(np.concatenate(picks))
        frames: Frames | None = NO_FRAMES
        with timed(self.seconds, "fetch"):
            if len(union) and self.reader is not None:
                frames = self._fetched(union)
        done = []
        for (cell, question), selection in zip(self.work.jobs, chosen, strict=True):
            if isinstance(selection, Record):
                done.append(Prepared(cell, question, selection))
            else:
                done.append(self._ready(cell, question, selection, frames))
        return self._with_timing(done, spent)

    def _with_timing(self, done: list[Prepared], spent: list[dict[str, float]]) -> list[Prepared]:
        """Each question's own seconds, and its share of those spent on the video.

        A stage is shared by those that asked for it: uniform sampling pays for no scan. A question
        pays for fetching in proportion to its frames.
        """
        needs = [p.cell.sampler.needs for p in done]
        weights = {
            "probe": [float(bool(need)) for need in needs],
            "scan": [float("features" in need) for need in needs],
            "fetch": [float(len(p.record.frames)) for p in done],
        }
        for stage, seconds in self.seconds.items():
            total = sum(weights[stage])
            for own, weight in zip(spent, weights[stage], strict=True):
                if weight:
                    own[stage] = seconds * weight / total
        return [
            replace(p, record=replace(p.record, timing=own))
            for p, own in zip(done, spent, strict=True)
        ]

    def _select(self, cell: OpenCell, question: Question) -> Selection | Record:
        """The sampler's pick, or the record of why there is none."""
        needs = cell.sampler.needs
        if problem := self._problem(needs):
            return self._failure(question, "decode_error", problem)
        candidates = self._candidates(needs)
        if candidates is None:
            candidates = NO_CANDIDATES
        try:
            query = self._query(cell, question)
            selection = cell.sampler.select(query, candidates, cell.frames)
            return checked_selection(selection, candidates.num_frames, cell.frames)
        except UserError as error:
            return self._failure(question, "sampler_error", str(error))
        except Exception as error:  # noqa: BLE001 - a sampler of a user's own may raise anything
            return self._failure(question, "sampler_error", f"{type(error).__name__}: {error}")

    def _query(self, cell: OpenCell, question: Question) -> Query:
        needs = cell.sampler.needs
        text = self.how.task.query_text(question)
        return Query(
            question_id=question.id,
            video_id=question.video,
            text=text,
            options=question.options,
            text_features=self._text_features(text) if "features" in needs else None,
            evidence=self._evidence(question, needs) if "evidence" in needs else (),
        )

    def _text_features(self, text: str) -> Features:
        # One text at a time: the features must not depend on which questions are still pending.
        assert self.how.encoder is not None
        return self.how.encoder.encode_text([text])

    def _evidence(
        self, question: Question, needs: Collection[Need]
    ) -> tuple[tuple[float, float], ...]:
        info = self._info(needs)
        rate = float(info.frame_rate) if info else 1.0
        return tuple(span.in_seconds(rate) for span in question.evidence)

    def _fetched(self, indices: IntArray) -> Frames | None:
        """The frames, or None where one of them cannot be decoded."""
        assert self.reader is not None
        try:
            return self.reader.fetch(indices, short_side=self.how.short_side)
        except VideoError:
            return None

    def _ready(
        self, cell: OpenCell, question: Question, selection: Selection, union: Frames | None
    ) -> Prepared:
        """The request, with a record that lacks the answer."""
        try:
            frames = self._frames_with(selection.indices, union)
        except VideoError as error:
            return Prepared(cell, question, self._failure(question, "decode_error", str(error)))
        seconds = frames.seconds[np.searchsorted(frames.indices, selection.indices)]
        needs = cell.sampler.needs
        info, candidates = self._info(needs), self._candidates(needs)
        recall = evidence_recall(
            self._evidence(question, needs),
            seconds,
            tolerance=self.how.task.tolerance_seconds,
            duration_seconds=info.duration_seconds if info else None,
        )
        record = Record(
            question_id=question.id,
            video=question.video,
            status="ok",
            gold=question.answer,
            frames=tuple(selection.indices.tolist()),
            seconds=tuple(round(second, 6) for second in seconds.tolist()),
            num_candidates=len(candidates) if candidates is not None else None,
            num_filled=selection.num_filled,
            evidence_recall=recall.recall,
            groups=question.groups,
            notes=selection.notes,
        )
        request = Request(
            frames=frames,
            prompt=self.how.task.prompt(question),
            frame_rate=float(info.frame_rate) if info else 1.0,
            letters=question.letters,
            num_frames=info.num_frames if info else None,
        )
        return Prepared(cell, question, record, request)

    def _frames_with(self, indices: IntArray, union: Frames | None) -> Frames:
        """Frames that hold these: the union, or these read alone where the union has a bad one."""
        if len(indices) == 0:
            return NO_FRAMES
        if union is None:
            assert self.reader is not None
            return self.reader.fetch(indices, short_side=self.how.short_side)
        return union

    def _failure(self, question: Question, status: Status, error: str) -> Record:
        return Record(
            question_id=question.id,
            video=question.video,
            status=status,
            gold=question.answer,
            groups=question.groups,
            error=error,
        )
