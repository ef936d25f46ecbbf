"""Questions that are ready to be answered, and how a video's are cut into chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tspo_bench.evaluation.plan import OpenCell
from tspo_bench.results import CandidateScores
from tspo_bench.types import Frames, IntArray, Question, Record, Request

NO_FRAMES = Frames(np.empty(0, np.int64), np.empty(0), np.empty((0, 1, 1, 3), np.uint8))
# Of a chunk's pixels. Unbounded, many questions about an hour of 720p take tens of gigabytes; a
# lower bound decodes more often, since each chunk goes through the file once.
CHUNK_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Prepared:
    """A question of a cell, ready to be answered: `shared` is None where `record` is a failure.

    The frames of `shared` are the union that all questions of a chunk share, those of its `request`
    the record's own. `scores` are the candidates', where the sampler gave any.
    """

    cell: OpenCell
    question: Question
    record: Record
    shared: Request | None = None
    scores: CandidateScores | None = None

    @property
    def request(self) -> Request | None:
        """The request with its own frames, made at each call.

        The frames are copied no sooner than they are needed: those of all a chunk's questions
        would take many times the union's memory.
        """
        if self.shared is None:
            return None
        union, own = self.shared.frames, np.array(self.record.frames, np.int64)
        rows = np.searchsorted(union.indices, own)
        return replace(self.shared, frames=Frames(own, union.seconds[rows], union.pixels[rows]))


def chunk_by_frames(picks: Sequence[IntArray], most: int) -> Iterator[slice]:
    """Cut picks into runs whose union has at most `most` frames, or into single ones."""
    start, union = 0, np.empty(0, np.int64)
    for position, indices in enumerate(picks):
        joined = np.union1d(union, indices)
        if len(joined) > most and position > start:
            yield slice(start, position)
            start, joined = position, np.unique(indices)
        union = joined
    yield slice(start, len(picks))
