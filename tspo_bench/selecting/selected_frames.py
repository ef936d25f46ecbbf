"""The frames selected of one video: fetched, drawn, saved, or as a chat message."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write, make_folder, user_path
from tspo_bench.types import Frames, Selection

_SHEET_FRAME_SIDE = 360  # pixels: a sheet shows no frame much larger
_MESSAGE_SIDE = 448  # pixels, as `openai:NAME` sends
_JPEG_QUALITY = 92


@dataclass(frozen=True, kw_only=True)
class SelectedFrames(Selection):
    """The frames of one video that a sampler selected for a question.

    Attributes:
        video: the file.
        question: what the frames were selected for.
        sampler: the sampler's label, with its options.
        num_asked: the frame budget; a video may have fewer candidates.
    """

    video: Path
    question: str
    sampler: str
    num_asked: int

    @property
    def remarks(self) -> tuple[str, ...]:
        """Notes: fewer frames than the budget, and frames added by the fill rule."""
        found = []
        if len(self) < self.num_asked:
            why = "the sampler gives no more of this video"
            if len(self) == self._num_candidates:
                why = f"the video has {len(self)} candidates (--candidate-fps gives more)"
            found.append(f"{len(self)} of {self.num_asked} frames selected: {why}")
        if self.num_filled:
            found.append(
                f"{self.num_filled} of {len(self)} frames were added by the sampler's fill rule, "
                "as its own rule picked fewer"
            )
        return tuple(found)

    def fetch(self, short_side: int | None = None) -> Frames:
        """Decode the frames: uint8 [n, h, w, 3], scaled down to `short_side` pixels if given.

        Raises:
            VideoError: the video can no longer be read.
        """
        from tspo_bench.video import open_video

        with open_video(self.video) as reader:
            return reader.fetch(self.indices, short_side=short_side)

    def draw_sheet(self, path: str | Path) -> None:
        """Draw the frames with their times under the score curve; the suffix names the format.

        Raises:
            UserError: the file cannot be written, or the format is unknown.
        """
        from tspo_bench.report import draw_sheet

        draw_sheet(
            self.fetch(_SHEET_FRAME_SIDE),
            title=self.question or self.sampler,
            seconds=np.empty(0) if self.candidates is None else self.candidates.seconds,
            scores=self.scores,
            duration_seconds=self.duration_seconds or 0.0,
            path=user_path(path),
        )

    def save(
        self, folder: str | Path, image_format: str = "jpg", short_side: int | None = None
    ) -> list[Path]:
        """Write each frame to a picture named by its place and time: 003_0h01m02.40s.jpg.

        Args:
            folder: made if need be; pictures of the same names are replaced.
            image_format: "jpg" or "png".
            short_side: pixels; None for the video's own size.

        Raises:
            UserError: another format, or the folder cannot be written.
            VideoError: the video can no longer be read.
        """
        from PIL import Image

        if image_format not in ("jpg", "png"):
            raise UserError(f"image format {image_format!r}; use jpg or png")
        out = make_folder(user_path(folder), "name another folder")
        frames = self.fetch(short_side)
        paths = []
        for number, (second, pixels) in enumerate(
            zip(frames.seconds, frames.pixels, strict=True), start=1
        ):
            path = out / f"{number:03d}_{_time_in_name(float(second))}.{image_format}"
            with atomic_write(path) as temporary:
                kind = {"jpg": "JPEG", "png": "PNG"}[image_format]
                Image.fromarray(pixels).save(temporary, kind, quality=_JPEG_QUALITY)
            paths.append(path)
        return paths

    def to_messages(self, short_side: int | None = _MESSAGE_SIDE) -> list[dict[str, Any]]:
        """Return the frames and the question as a chat message for OpenAI-style APIs.

        Each frame is a JPEG data URL after its time ("[12.3 s]"). Example:
        `client.chat.completions.create(model=..., messages=picked.to_messages())`.

        Args:
            short_side: pixels; None for the video's own size.

        Raises:
            VideoError: the video can no longer be read.
        """
        from tspo_bench.mllms.chat import frames_message

        return frames_message(self.question, self.fetch(short_side))

    def to_dict(self) -> dict[str, Any]:
        """Return what `tspo-bench select --json` prints; a score is None if unknown."""
        known = [None] * len(self) if self.frame_scores is None else self.frame_scores.tolist()
        frames = [
            {
                "index": index,
                "seconds": second,
                "score": None if score is None or math.isnan(score) else score,
            }
            for index, second, score in zip(
                self.indices.tolist(), self.timestamps.tolist(), known, strict=True
            )
        ]
        return {
            "video": str(self.video),
            "question": self.question,
            "sampler": self.sampler,
            "duration_seconds": self.duration_seconds,
            "num_candidates": self._num_candidates,
            "num_asked": self.num_asked,
            "num_filled": self.num_filled,
            "notes": dict(self.notes),
            "frames": frames,
        }

    @property
    def _num_candidates(self) -> int:
        return 0 if self.candidates is None else len(self.candidates)


def _time_in_name(seconds: float) -> str:
    hundredths = round(100 * seconds)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}h{minutes % 60:02d}m{rest / 100:05.2f}s"
