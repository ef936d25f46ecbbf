"""Small pictures of the frames that samplers picked."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tspo_bench.errors import UserError, VideoError
from tspo_bench.report.html.folder import PageFolder
from tspo_bench.report.html.source import QuestionSource
from tspo_bench.results import Cell
from tspo_bench.types import Record

SHORT_SIDE = 90  # pixels
_QUALITY = 72
_BATCH = 64  # frames decoded at once: bounds memory


@dataclass(frozen=True)
class Thumbnails:
    """The pictures of a question set that are there.

    Attributes:
        videos: what the page needs to find a video's pictures: their folder and size.
        problems: why there are none of other questions.
    """

    videos: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def of_video(self, video: str) -> Mapping[str, str | int] | None:
        """Folder, width and height of a video's pictures, None where there are none."""
        return self.videos.get(video)


def write_thumbnails(
    folder: PageFolder,
    cells: Sequence[Cell],
    question_ids: Sequence[str],
    source: QuestionSource,
    most: int,
    told: Callable[[int, int], None],
) -> Thumbnails:
    """Write the frames that were picked for the first `most` questions, each video in one pass.

    Args:
        folder: the page's.
        cells: those that were asked.
        question_ids: all questions, in their order.
        source: where the videos are.
        most: how many questions get pictures.
        told: told how many videos are done, and of how many.

    Raises:
        UserError: a picture cannot be written.
    """
    chosen = set(question_ids[:most])
    records = [record for cell in cells for record in cell.records if record.question_id in chosen]
    picks = _picks(records)
    videos, lost = {}, []
    for number, (video, frames) in enumerate(picks.items(), start=1):
        try:
            videos[video] = _write_video(folder, cells[0], video, frames, source)
        except (UserError, VideoError) as error:
            lost.append(str(error))
        told(number, len(picks))
    problems = []
    if most < len(question_ids):
        problems.append(
            f"Pictures are there for the first {most:,} of {len(question_ids):,} questions "
            "(--thumbnails)."
        )
    if lost:
        problems.append(f"{len(lost):,} of {len(picks):,} videos cannot be shown: {lost[0]}")
    return Thumbnails(videos, tuple(problems))


def _picks(records: Sequence[Record]) -> dict[str, list[int]]:
    """The frames of each video that were picked by anyone."""
    picks: dict[str, set[int]] = {}
    for record in records:
        if record.frames:
            picks.setdefault(record.video, set()).update(record.frames)
    return {video: sorted(frames) for video, frames in picks.items()}


def _write_video(
    folder: PageFolder, cell: Cell, video: str, frames: Sequence[int], source: QuestionSource
) -> dict[str, str | int]:
    from PIL import Image

    name = hashlib.sha256(f"{cell.settings['task']}/{video}".encode("utf-8", "replace"))
    key = name.hexdigest()[:12]
    height = width = 0
    for start in range(0, len(frames), _BATCH):
        wanted = np.array(frames[start : start + _BATCH], np.int64)
        fetched = source.frames(cell, video, wanted, SHORT_SIDE)
        height, width = fetched.pixels.shape[1:3]
        for index, pixels in zip(fetched.indices.tolist(), fetched.pixels, strict=True):
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "JPEG", quality=_QUALITY)
            folder.write(f"thumbs/{key}/{index}.jpg", content.getvalue())
    return {"folder": key, "width": width, "height": height}
