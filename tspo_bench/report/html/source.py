"""The source of a page's question texts and pictures: the tasks of the runs, which hold neither."""

from __future__ import annotations

from collections.abc import Sequence

from tspo_bench.report.run_tasks import RunTasks
from tspo_bench.results import Cell
from tspo_bench.types import Frames, IntArray, Question
from tspo_bench.video import open_video


class TaskSource:
    """Texts and pictures from the tasks of runs, as long as these and their videos are there.

    All methods raise UserError if the task is gone or its questions have changed.
    """

    def __init__(self, tasks: RunTasks) -> None:
        self._tasks = tasks

    def questions(self, cell: Cell) -> Sequence[Question]:
        """The questions of a cell, in annotation order."""
        return self._tasks.load(cell)[1]

    def tolerance(self, cell: Cell) -> float:
        """How far, in seconds, from an annotated moment a frame still counts as evidence."""
        return self._tasks.load(cell)[0].tolerance_seconds

    def frames(self, cell: Cell, video: str, indices: IntArray, short_side: int) -> Frames:
        """Some frames [n] of a cell's video, scaled down to `short_side` pixels.

        Raises:
            UserError: see the class.
            VideoError: the video is missing or cannot be read.
        """
        with open_video(self._tasks.load(cell)[0].video_path(video)) as reader:
            return reader.fetch(indices, short_side=short_side)
