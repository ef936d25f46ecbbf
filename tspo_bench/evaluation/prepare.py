"""One video of a run: samplers select, the union of their frames is fetched, requests are made.

The questions come in chunks, so that the frames alive at once do not grow with the grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.choosing import (
    Job,
    SelectionContext,
    VideoSession,
    attribute_time,
    timed,
)
from tspo_bench.evaluation.chunks import CHUNK_BYTES, NO_FRAMES, Prepared, chunk_by_frames
from tspo_bench.evaluation.plan import VideoWork
from tspo_bench.results import CandidateScores, evidence_recall
from tspo_bench.types import (
    JSON,
    Candidates,
    Failed,
    Frames,
    Need,
    Prompt,
    Question,
    Record,
    Request,
    Selection,
)


class VideoPreparer(SelectionContext):
    """Turns the work on one video into requests; safe to call from several threads."""

    def __call__(self, work: VideoWork) -> Iterator[list[Prepared]]:
        """The work's questions in the order of its jobs; failures are recorded, not raised.

        They come in chunks whose frames together hold at most CHUNK_BYTES (or are one question's).
        """
        with ExitStack() as stack:
            video = self.open(work, stack)
            jobs = video.choose()
            height, width = video.size()
            picks = [job.selection.indices for job in jobs]
            for chunk in chunk_by_frames(picks, CHUNK_BYTES // (3 * width * height)):
                yield from self._filled(video, jobs[chunk])

    def _filled(self, video: VideoSession, chunk: Sequence[Job]) -> Iterator[list[Prepared]]:
        """A chunk with its frames; question by question if one of them cannot be decoded.

        A question pays for fetching in proportion to its frames.
        """
        union = np.unique(np.concatenate([job.selection.indices for job in chunk]))
        frames, problem = NO_FRAMES, None
        seconds: dict[str, float] = {}
        if len(union) and video.reader is not None:
            try:
                with timed(seconds, "fetch"):
                    frames = video.reader.fetch(union, short_side=self.short_side)
            except VideoError as error:
                problem = str(error)
            weights = [float(len(job.selection)) for job in chunk]
            attribute_time("fetch", seconds, chunk, weights)
        if problem is None or len(chunk) == 1:
            yield [self._ready(job, frames, problem) for job in chunk]
            return
        for job in chunk:
            yield from self._filled(video, [job])

    def _ready(self, job: Job, frames: Frames, problem: str | None) -> Prepared:
        """The request, with a record that lacks the answer."""
        cell, question, selection = job
        failure = selection.failure
        if problem is not None and len(selection):
            failure = Failed(problem, "decode_error")
        rate, candidates = selection.frame_rate, selection.candidates
        prompt = Prompt("")
        try:
            if failure is None:
                prompt = self.task.prompt(question, selection.timestamps.tolist(), rate)
        except UserError as error:  # a subtitle file, say
            failure = Failed(str(error), "decode_error")
        bare = Record(
            question_id=question.id,
            video=question.video,
            status="ok",
            gold=question.answer,
            groups=question.groups,
            protocol=self.task.rules.label,
            mode=self.mode,
            timing=selection.timing,
        )
        if failure is not None:
            failed = replace(bare, status=failure.status, error=failure.error)
            return Prepared(cell, question, failed)
        request = Request(
            frames=frames,
            prompt=prompt,
            frame_rate=rate,
            letters=question.letters,
            num_frames=None if candidates is None else candidates.num_frames,
            mode=self.mode,
        )
        record = self._with_selection(bare, job, prompt.notes)
        return Prepared(cell, question, record, request, self._scores(selection))

    def _with_selection(self, bare: Record, job: Job, notes: Mapping[str, JSON]) -> Record:
        """All of a record but the answer."""
        cell, question, selection = job
        candidates, duration = selection.candidates, selection.duration_seconds
        evidence = [span.in_seconds(selection.frame_rate) for span in question.evidence]
        found = evidence_recall(
            evidence,
            selection.timestamps,
            tolerance=self.task.tolerance_seconds,
            duration_seconds=duration,
        )
        known = [] if candidates is None else evidence
        order = {"option_order": question.option_order} if question.option_order else {}
        return replace(
            bare,
            frames=tuple(selection.indices.tolist()),
            timestamps=tuple(round(second, 6) for second in selection.timestamps.tolist()),
            num_candidates=None if candidates is None else len(candidates),
            num_filled=selection.num_filled,
            frames_processed=selection.frames_processed,
            flops=self._encoder_flops(selection.frames_processed.get("encoded", 0)),
            evidence_recall=found.recall,
            evidence=tuple((round(start, 6), round(end, 6)) for start, end in known),
            duration_seconds=None if duration is None else round(duration, 6),
            notes={**selection.notes, **notes, **order},
            inputs=self._hashes(question, cell.sampler.needs),
        )

    def _encoder_flops(self, num_encoded: int) -> dict[str, int]:
        """Of the frames encoded to select; empty where a custom encoder gives no `frame_flops`."""
        each = getattr(self.encoder, "frame_flops", None) if num_encoded else 0
        return {} if each is None else {"encoder": num_encoded * each}

    def _hashes(self, question: Question, needs: frozenset[Need]) -> dict[str, str]:
        """Hashes of what the question's record is made of."""
        if self.inputs is None:
            return {}
        of_video = self.inputs.video(question.video) if needs else None
        found = {"question": self.inputs.questions.get(question.id), "video": of_video}
        return {key: value for key, value in found.items() if value is not None}

    def _scores(self, selection: Selection) -> CandidateScores | None:
        """The candidates' scores, where the sampler gave each a number."""
        if selection.scores is None or selection.candidates is None:
            return None
        interval = _interval(selection.candidates, self.candidate_fps)
        return CandidateScores.of(selection.question_id, np.asarray(selection.scores), interval)


def _interval(candidates: Candidates, candidate_fps: float) -> float:
    """Mean seconds from one candidate to the next; of a single one by the frame rate."""
    seconds, rate = candidates.seconds, candidates.frame_rate
    if len(seconds) > 1:
        return float(seconds[-1] - seconds[0]) / (len(seconds) - 1)
    return max(1, round(rate / candidate_fps)) / rate
