"""One video of a run: samplers choose, the union of the picks is fetched, requests are made.

The questions come in parts, so that the frames alive at once do not grow with the grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.choosing import SelectionContext, VideoSession, attribute_time, timed
from tspo_bench.evaluation.chunks import CHUNK_BYTES, NO_FRAMES, Chosen, Prepared, chunk_by_frames
from tspo_bench.evaluation.plan import VideoWork
from tspo_bench.results import evidence_recall
from tspo_bench.types import JSON, FloatArray, Frames, Record, Request, Selection


class VideoPreparer(SelectionContext):
    """Turns the work on one video into requests; safe to call from several threads."""

    def __call__(self, work: VideoWork) -> Iterator[list[Prepared]]:
        """The work's questions in the order of its jobs; failures are recorded, not raised.

        They come in parts whose frames together hold at most CHUNK_BYTES (or are one question's).
        """
        with ExitStack() as stack:
            yield from _Parts(self.open(work, stack)).all()


class _Parts:
    """The jobs of one video, with their frames."""

    def __init__(self, video: VideoSession) -> None:
        self.video = video
        self.context = video.context

    def all(self) -> Iterator[list[Prepared]]:
        chosen = self.video.choose()
        for part in chunk_by_frames([one.indices for one in chosen], self._most_frames()):
            yield from self._filled(chosen[part])

    def _most_frames(self) -> int:
        height, width = self.video.size()
        return CHUNK_BYTES // (3 * width * height)

    def _filled(self, part: Sequence[Chosen]) -> Iterator[list[Prepared]]:
        """A part with its frames; question by question if one of them cannot be decoded.

        A question pays for fetching in proportion to its frames.
        """
        union = np.unique(np.concatenate([one.indices for one in part]))
        frames, problem = NO_FRAMES, None
        seconds: dict[str, float] = {}
        if len(union) and self.video.reader is not None:
            try:
                with timed(seconds, "fetch"):
                    frames = self.video.reader.fetch(union, short_side=self.context.short_side)
            except VideoError as error:
                problem = str(error)
            attribute_time("fetch", seconds, part, [float(len(one.indices)) for one in part])
        if problem is None or len(part) == 1:
            yield [self._ready(one, frames, problem) for one in part]
            return
        for one in part:
            yield from self._filled([one])

    def _ready(self, chosen: Chosen, frames: Frames, problem: str | None) -> Prepared:
        """The request, with a record that lacks the answer."""
        cell, question, selection = chosen.cell, chosen.question, chosen.picked
        if isinstance(selection, Selection) and problem is not None and len(selection.indices):
            selection = self.video.failure(question, "decode_error", problem)
        if isinstance(selection, Record):
            return Prepared(cell, question, replace(selection, timing=chosen.seconds))
        seconds = frames.seconds[np.searchsorted(frames.indices, selection.indices)]
        info = self.video.info(cell.sampler.needs)
        rate = float(info.frame_rate) if info else 1.0
        try:
            prompt = self.context.task.prompt(question, seconds.tolist(), rate)
        except UserError as error:  # a subtitle file, say
            record = self.video.failure(question, "decode_error", str(error))
            return Prepared(cell, question, replace(record, timing=chosen.seconds))
        record = self._record(chosen, selection, seconds, prompt.notes)
        request = Request(
            frames=frames,
            prompt=prompt,
            frame_rate=rate,
            letters=question.letters,
            num_frames=info.num_frames if info else None,
            mode=self.context.mode,
        )
        return Prepared(cell, question, record, request, self.video.scores(chosen))

    def _record(
        self,
        chosen: Chosen,
        selection: Selection,
        seconds: FloatArray,
        notes: Mapping[str, JSON],
    ) -> Record:
        """All but the answer, with the picks' times [n] in seconds."""
        question, needs, task = chosen.question, chosen.cell.sampler.needs, self.context.task
        info, evidence = self.video.info(needs), self.video.evidence(question, needs)
        duration = info.duration_seconds if info else None
        recall = evidence_recall(
            evidence, seconds, tolerance=task.tolerance_seconds, duration_seconds=duration
        )
        return Record(
            question_id=question.id,
            video=question.video,
            status="ok",
            gold=question.answer,
            frames=tuple(selection.indices.tolist()),
            timestamps=tuple(round(second, 6) for second in seconds.tolist()),
            num_candidates=self.video.num_candidates(needs),
            num_filled=selection.num_filled,
            frames_processed=chosen.frames_processed,
            evidence_recall=recall.recall,
            evidence=tuple((round(a, 6), round(b, 6)) for a, b in evidence) if info else (),
            duration_seconds=None if duration is None else round(duration, 6),
            groups=question.groups,
            notes={**selection.notes, **notes},
            protocol=task.rules.label,
            mode=self.context.mode,
            inputs=self.video.inputs(question, needs),
            timing=chosen.seconds,
        )
