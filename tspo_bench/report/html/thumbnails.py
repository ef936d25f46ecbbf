"""Small pictures of the frames that samplers picked, many in one file: a sheet.

A frame that several samplers, seeds or questions of a video share is there once.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tspo_bench.errors import UserError, VideoError
from tspo_bench.report.html.folder import PageFolder
from tspo_bench.report.html.source import TaskSource
from tspo_bench.results import Cell
from tspo_bench.tasks.protocols import is_as_published
from tspo_bench.types import Pixels, Record

SHORT_SIDE = 90  # pixels
SHEET_COLUMNS = SHEET_ROWS = 8
_BLOCK = 16  # pixels that the encoder treats as one: a picture's blocks hold nothing of others
_ENCODING: dict[str, Any] = {"format": "WEBP", "quality": 65, "method": 2}
_BATCH = 16 * SHEET_COLUMNS * SHEET_ROWS  # frames decoded at once: bounds memory


@dataclass(frozen=True)
class Sheets:
    """A video's pictures.

    Attributes:
        folder: of the sheets 0.webp, 1.webp, ...
        width: of a picture, in pixels.
        height: likewise.
        cell: the width and height that a picture has on a sheet, with what is beside it.
        columns: pictures beside each other on a sheet.
        rows: likewise below each other.
        frames: the frames on the sheets, row by row and sheet by sheet.
    """

    folder: str
    width: int
    height: int
    cell: tuple[int, int]
    columns: int
    rows: int
    frames: tuple[int, ...]


@dataclass(frozen=True)
class Thumbnails:
    """The pictures of a question set that are there.

    Attributes:
        videos: the sheets of each video.
        problems: why there are none of other questions.
    """

    videos: Mapping[str, Sheets] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def of_video(self, video: str) -> dict[str, Any] | None:
        """The sheets of a video's pictures, None if it has none."""
        return asdict(self.videos[video]) if video in self.videos else None


def write_thumbnails(
    folder: PageFolder,
    cells: Sequence[Cell],
    question_ids: Sequence[str],
    source: TaskSource | None,
    most: int,
    on_progress: Callable[[int, int], None],
) -> Thumbnails:
    """Write the frames that were picked for the first `most` questions, each video in one pass.

    Args:
        folder: the page's.
        cells: those that were asked.
        question_ids: all questions, in their order.
        source: where the videos are; None for no pictures.
        most: how many questions get pictures.
        on_progress: called with the number of videos that are done, and of all.

    Raises:
        UserError: a picture cannot be written.
    """
    if source is None:
        return Thumbnails()
    chosen = set(question_ids[:most])
    own = [cell for cell in cells if not is_as_published(cell.settings.protocol)]
    records = [record for cell in own for record in cell.records if record.question_id in chosen]
    picks = _picks(records)
    videos, lost = {}, []
    for number, (video, frames) in enumerate(picks.items(), start=1):
        try:
            videos[video] = _write_video(folder, cells[0], video, frames, source)
        except (UserError, VideoError) as error:
            lost.append(str(error))
        on_progress(number, len(picks))
    problems = []
    if len(own) < len(cells):
        problems.append("Published answers have no pictures: their frame numbers may be others'.")
    if most < (total := len(question_ids)):
        shown = f"the first {most:,} of {total:,} questions"
        problems.append(f"Pictures are there for {shown} (--thumbnails).")
    if lost:
        problems.append(f"{len(lost):,} of {len(picks):,} videos cannot be shown: {lost[0]}")
    return Thumbnails(videos, tuple(problems))


def _picks(records: Sequence[Record]) -> dict[str, list[int]]:
    """The frames of each video that any sampler picked."""
    picks: dict[str, set[int]] = {}
    for record in records:
        if record.frames:
            picks.setdefault(record.video, set()).update(record.frames)
    return {video: sorted(frames) for video, frames in picks.items()}


def _write_video(
    folder: PageFolder, cell: Cell, video: str, frames: Sequence[int], source: TaskSource
) -> Sheets:
    from PIL import Image

    name = hashlib.sha256(f"{cell.settings.task}/{video}".encode("utf-8", "replace"))
    key = name.hexdigest()[:12]
    height = width = 0
    per_sheet = SHEET_COLUMNS * SHEET_ROWS
    for start in range(0, len(frames), _BATCH):
        wanted = np.array(frames[start : start + _BATCH], np.int64)
        pixels = source.frames(cell, video, wanted, SHORT_SIDE).pixels
        height, width = pixels.shape[1:3]
        for place in range(0, len(pixels), per_sheet):
            content = io.BytesIO()
            Image.fromarray(sheet_of(pixels[place : place + per_sheet])).save(content, **_ENCODING)
            folder.write(f"thumbs/{key}/{(start + place) // per_sheet}.webp", content.getvalue())
    cell_size = (_whole_blocks(width), _whole_blocks(height))
    return Sheets(key, width, height, cell_size, SHEET_COLUMNS, SHEET_ROWS, tuple(frames))


def sheet_of(pictures: Pixels) -> Pixels:
    """Pictures [n, h, w, 3] row by row on one; each cell is filled up with its picture's edge."""
    height, width = pictures.shape[1:3]
    beside, below = (_whole_blocks(size) - size for size in (width, height))
    missing = -len(pictures) % SHEET_COLUMNS
    rows = np.pad(pictures, ((0, missing), (0, 0), (0, 0), (0, 0)))
    cells = np.pad(rows, ((0, 0), (0, below), (0, beside), (0, 0)), mode="edge")
    by_row = cells.reshape(-1, SHEET_COLUMNS, *cells.shape[1:])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in by_row])


def _whole_blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
