"""One video of a run: scan, select for every cell and question, fetch the union of the picks.

The questions come in parts, so that the frames alive at once do not grow with the grid.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.budget import Cost
from tspo_bench.evaluation.checks import checked_selection
from tspo_bench.evaluation.parts import NO_FRAMES, PART_BYTES, Chosen, Prepared, cut_by_union
from tspo_bench.evaluation.plan import OpenCell, VideoWork
from tspo_bench.features import FeatureStore
from tspo_bench.features.base import FrameEncoder
from tspo_bench.results import evidence_recall
from tspo_bench.tasks import Task
from tspo_bench.types import (
    AnswerMode,
    Candidates,
    Features,
    Frames,
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
from tspo_bench.video.base import VideoReader, candidate_indices, scaled_size

NO_CANDIDATES = Candidates(np.empty(0, np.int64), np.empty(0), num_frames=0, frame_rate=1.0)


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
        mode: how the MLLM is to answer.
        cost: tells the MLLM's visual tokens, where cells are limited by these.
    """

    task: Task
    store: FeatureStore
    encoder: FrameEncoder | None
    candidate_fps: float
    short_side: int | None
    mode: AnswerMode = "generate"
    cost: Cost | None = None

    def __call__(self, work: VideoWork) -> Iterator[list[Prepared]]:
        """The work's questions in the order of its jobs; failures are recorded, not raised.

        They come in parts whose frames together hold at most PART_BYTES (or are one question's).
        """
        with ExitStack() as stack:
            yield from _Video(self, work, stack).parts()


class _Video:
    """The state of one video while it is prepared."""

    def __init__(self, preparer: VideoPreparer, work: VideoWork, stack: ExitStack) -> None:
        self.how = preparer
        self.work = work
        self.seconds: dict[str, float] = {}  # per stage, for all jobs together
        self.reader: VideoReader | None = None
        self.probed: Candidates | None = None
        self.scanned: Candidates | None = None
        self.text_features: dict[str, Features] = {}
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
                    self._encode_texts(self.how.encoder)
            except VideoError as error:  # one broken candidate: other frames may be sound
                self.unscannable = str(error)

    def _encode_texts(self, encoder: FrameEncoder) -> None:
        asked = [q for cell, q in self.work.jobs if "features" in cell.sampler.needs]
        for text in dict.fromkeys(map(self.how.task.query_text, asked)):
            # One at a time: the features must not depend on which questions are still pending.
            self.text_features[text] = encoder.encode_text([text])

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

    def parts(self) -> Iterator[list[Prepared]]:
        chosen = [self._chosen(cell, question) for cell, question in self.work.jobs]
        needs = [one.cell.sampler.needs for one in chosen]
        self._share("probe", self.seconds, chosen, [float(bool(need)) for need in needs])
        self._share("scan", self.seconds, chosen, [float("features" in need) for need in needs])
        for part in cut_by_union([one.indices for one in chosen], self._most_frames()):
            yield from self._filled(chosen[part])

    def _most_frames(self) -> int:
        height, width = self._size()
        return PART_BYTES // (3 * width * height)

    def _size(self) -> tuple[int, int]:
        """Height and width of the frames as the MLLM is given them; 1 x 1 without a video."""
        if self.reader is None:
            return 1, 1
        info = self.reader.info
        width, height = scaled_size(info.width, info.height, self.how.short_side)
        return height, width

    def _filled(self, part: Sequence[Chosen]) -> Iterator[list[Prepared]]:
        """A part with its frames; question by question if one of them cannot be decoded."""
        union = np.unique(np.concatenate([one.indices for one in part]))
        frames, problem = NO_FRAMES, None
        seconds: dict[str, float] = {}
        if len(union) and self.reader is not None:
            try:
                with timed(seconds, "fetch"):
                    frames = self.reader.fetch(union, short_side=self.how.short_side)
            except VideoError as error:
                problem = str(error)
            self._share("fetch", seconds, part, [float(len(one.indices)) for one in part])
        if problem is None or len(part) == 1:
            yield [self._ready(one, frames, problem) for one in part]
            return
        for one in part:
            yield from self._filled([one])

    @staticmethod
    def _share(
        stage: str, spent: dict[str, float], jobs: Sequence[Chosen], weights: Sequence[float]
    ) -> None:
        """Charge a stage's seconds to those that asked for it: uniform sampling pays for no scan.

        A question pays for fetching in proportion to its frames.
        """
        total = sum(weights)
        for job, weight in zip(jobs, weights, strict=True):
            if stage in spent and weight:
                before = job.seconds.get(stage, 0.0)
                job.seconds[stage] = before + spent[stage] * weight / total

    def _chosen(self, cell: OpenCell, question: Question) -> Chosen:
        seconds: dict[str, float] = {}
        with timed(seconds, "select"):
            picked = self._select(cell, question)
        return Chosen(cell, question, picked, seconds)

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
            k = cell.budget.k(self.how.cost, candidates.num_frames, *self._size())
            selection = cell.sampler.select(query, candidates, k)
            return checked_selection(selection, candidates.num_frames, k)
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
            text_features=self.text_features[text] if "features" in needs else None,
            evidence=self._evidence(question, needs) if "evidence" in needs else (),
        )

    def _evidence(
        self, question: Question, needs: Collection[Need]
    ) -> tuple[tuple[float, float], ...]:
        info = self._info(needs)
        rate = float(info.frame_rate) if info else 1.0
        return tuple(span.in_seconds(rate) for span in question.evidence)

    def _ready(self, chosen: Chosen, frames: Frames, problem: str | None) -> Prepared:
        """The request, with a record that lacks the answer."""
        cell, question, selection = chosen.cell, chosen.question, chosen.picked
        if isinstance(selection, Selection) and problem is not None and len(selection.indices):
            selection = self._failure(question, "decode_error", problem)
        if isinstance(selection, Record):
            return Prepared(cell, question, replace(selection, timing=chosen.seconds))
        seconds = frames.seconds[np.searchsorted(frames.indices, selection.indices)]
        needs = cell.sampler.needs
        rate = float(info.frame_rate) if (info := self._info(needs)) else 1.0
        try:
            prompt = self.how.task.prompt(question, seconds.tolist(), rate)
        except UserError as error:  # a subtitle file, say
            record = self._failure(question, "decode_error", str(error))
            return Prepared(cell, question, replace(record, timing=chosen.seconds))
        candidates = self._candidates(needs)
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
            notes={**selection.notes, **prompt.notes},
            protocol=self.how.task.rules.label,
            mode=self.how.mode,
            timing=chosen.seconds,
        )
        request = Request(
            frames=frames,
            prompt=prompt.text,
            frame_rate=rate,
            letters=question.letters,
            num_frames=info.num_frames if info else None,
            mode=self.how.mode,
            system=prompt.system,
            reply_start=prompt.reply_start,
            before=prompt.before,
            max_new_tokens=prompt.max_new_tokens,
        )
        return Prepared(cell, question, record, request)

    def _failure(self, question: Question, status: Status, error: str) -> Record:
        return Record(
            question_id=question.id,
            video=question.video,
            status=status,
            gold=question.answer,
            groups=question.groups,
            error=error,
            protocol=self.how.task.rules.label,
            mode=self.how.mode,
        )
