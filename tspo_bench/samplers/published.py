"""Frames picked before: selection files, ours or those that papers publish."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.samplers.options import Short, check_choice
from tspo_bench.samplers.uniform import both_ends
from tspo_bench.selections import FileSelection, read_selections
from tspo_bench.types import Candidates, Need, Query, Selection

_log = logging.getLogger(__name__)


class PublishedFrames:
    """The frames that a file lists for each question, from among the candidates or not.

    A list shorter than the budget is given as it is (published files hold fewer frames for videos
    of fewer seconds); the first one that the candidates could have filled is logged. A longer one
    is an error, for any way of thinning it would make up an unpublished result, unless
    the file ranks its frames: then the best are given. `select` with k = None takes a list of any
    length.

    Args:
        path: the file, see `tspo_bench.selections.read_selections`.
        question_ids: the ids of all annotations of the task in their order, for shapes without ids;
            None in it stands for an annotation that is not a question.
        short: what is shown where a list is shorter than the budget: "candidates", the list;
            "uniform", min(k, N) evenly spaced frames of the video (TSPO's evaluation).

    Attributes:
        selections: what the file holds.

    Raises:
        UserError: the file cannot be read, or has none of the task's questions.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"probe"})

    def __init__(
        self,
        path: str,
        question_ids: Sequence[str | None] | None = None,
        short: Short = "candidates",
    ) -> None:
        check_choice("file", "short", short, Short)
        self._short = short
        self.path = user_path(path)
        self.selections = read_selections(self.path, question_ids)
        known = [question for question in question_ids or () if question is not None]
        if known and not any(question in self.selections.picks for question in known):
            first = next(iter(self.selections.picks), None)
            raise UserError(
                f"frame selections {self.path} are for other questions: none of the task's "
                f"{len(known)} is there; the file's first is {first!r}, the task's {known[0]!r}"
            )
        self._warned = threading.Event()

    def select(self, query: Query, candidates: Candidates, k: int | None) -> Selection:
        """Give the frames listed for the question.

        Raises:
            UserError: the question is not in the file or there for another video, an entry is not a
                frame of the video, or there are more than k.
        """
        picked = self.selections.picks.get(str(query.question_id))
        where = f"frame selections {self.path}, question {query.question_id!r}"
        if picked is None:
            number = len(self.selections.picks)
            raise UserError(f"{where}: not in the file, which has {number} questions")
        self._check_video(where, picked, query, candidates)
        if k is not None and self.spreads(query.question_id, k):
            num_frames = candidates.num_frames
            notes = {**picked.notes, "short": "uniform"}
            return Selection(both_ends(num_frames, min(k, num_frames)), notes=notes)
        try:
            indices = picked.frames(candidates.num_frames, candidates.frame_rate, k)
        except ValueError as error:
            raise UserError(f"{where}: {error}") from error
        if k is not None and len(indices) > k:
            raise UserError(f"{where}: {len(indices)} frames, more than the budget of {k}")
        if k is not None and len(indices) < min(k, len(candidates)) and not self._warned.is_set():
            self._warned.set()
            _log.warning(
                "%s: %d frames, fewer than the budget of %d; such lists are given as they are",
                where,
                len(indices),
                k,
            )
        return Selection(indices, num_filled=picked.num_filled, notes=picked.notes)

    def spreads(self, question_id: str, k: int) -> bool:
        """Whether evenly spaced frames of the video stand for the question's list."""
        picked = self.selections.picks.get(str(question_id))
        return self._short == "uniform" and picked is not None and len(picked.indices) < k

    @staticmethod
    def _check_video(
        where: str, picked: FileSelection, query: Query, candidates: Candidates
    ) -> None:
        """Reject a selection that says it is of another video."""
        if picked.video is not None and Path(picked.video).name != Path(query.video_id).name:
            raise UserError(f"{where}: made for video {picked.video}, not {query.video_id}")
        if picked.num_frames is not None and picked.num_frames != candidates.num_frames:
            raise UserError(
                f"{where}: made for a video of {picked.num_frames} frames, but this one has "
                f"{candidates.num_frames}; another file of the same name?"
            )
