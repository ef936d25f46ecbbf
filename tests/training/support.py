"""Training files made on the spot, their videos, and an encoder that identifies each frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.features.numbers import NumberReader
from tests.support import make_video, read_number
from tspo_bench.types import Features, Pixels

QUESTION = "<image>\nWhat comes next?\nA. A cat\nB. A dog\nC. A man"
LENGTHS = {"a": 60, "b": 140, "c": 20, "d": 50}  # in seconds: candidates at 1 fps
RATE = 8  # frames a second
FIRST = {"a": 0, "b": 2000, "c": 4000, "d": 6000}  # what is drawn into each video's first frame
WIDTHS = {"a": 160, "b": 176, "c": 192, "d": 208}


class FrameReader(NumberReader):
    """Features (number drawn into the frame, its width): the number identifies the video."""

    def encode_frames(self, pixels: Pixels) -> Features:
        self.batches.append(len(pixels))
        return np.array([[read_number(frame), frame.shape[1]] for frame in pixels], np.float32)


def make_videos(folder: Path) -> Path:
    """Videos a to d, each with its own length, width and numbers."""
    for name, length in LENGTHS.items():
        path = folder / f"{name}.mp4"
        make_video(path, length * RATE, rate=RATE, width=WIDTHS[name], first=FIRST[name])
    return folder


def line(video: str = "a.mp4", **fields: Any) -> dict[str, Any]:
    """A good line of the file, with other fields instead where they are given."""
    good = {
        "video": video,
        "original_question": QUESTION,
        "original_answer": "B. A dog",
        "problem": "<image>\nWhat comes next?",
        "solution": "<answer>b</answer>",
        "type": "general",
    }
    return {**good, **fields}


def write_lines(path: Path, *lines: Mapping[str, Any] | str) -> Path:
    """JSON lines; a string is written as it is."""
    texts = [text if isinstance(text, str) else json.dumps(text) for text in lines]
    path.write_text("\n".join(texts) + "\n")
    return path
