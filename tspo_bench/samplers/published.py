"""Frames that somebody else picked: the JSON files that papers publish."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.types import Candidates, IntArray, Need, Query, Selection

ID_KEYS = ("question_id", "id")
FRAMES_KEY = "frame_idx"


def read_selections(path: Path, question_ids: Sequence[str] | None = None) -> dict[str, list[Any]]:
    """The frame lists of a file by question id, as they stand there.

    Three shapes are read: a mapping {question id: [indices]}; a list of objects that hold
    `frame_idx` and the question's `question_id` or `id` (TSPO's files and AKS's annotations); and
    a list of lists in annotation order (AKS's), for which `question_ids` gives that order.

    Raises:
        UserError: the file is missing, is not JSON, or has none of these shapes.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read frame selections {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"frame selections {path} are not valid JSON: {error}") from error
    if isinstance(content, dict):
        pairs = list(content.items())
    elif isinstance(content, list) and content and all(isinstance(row, list) for row in content):
        pairs = _in_annotation_order(path, content, question_ids)
    elif isinstance(content, list) and content:
        pairs = [_annotated(path, row, number) for number, row in enumerate(content)]
    else:
        raise UserError(
            f"frame selections {path} must hold {{question id: [indices]}}, a list of objects with "
            f"{FRAMES_KEY!r}, or a list of lists; got {type(content).__name__} "
            f"{json.dumps(content)[:40]}"
        )
    return _by_id(path, pairs)


def _in_annotation_order(
    path: Path, rows: list[Any], question_ids: Sequence[str] | None
) -> list[tuple[Any, Any]]:
    if question_ids is None:
        raise UserError(
            f"frame selections {path} are lists without question ids: they can only be read "
            "beside the task whose annotation order they follow, or as {question id: [indices]}"
        )
    if len(rows) != len(question_ids):
        raise UserError(
            f"frame selections {path} hold {len(rows)} lists without question ids, but the task "
            f"has {len(question_ids)} questions; give {{question id: [indices]}} instead"
        )
    return list(zip(question_ids, rows, strict=True))


def _annotated(path: Path, row: Any, number: int) -> tuple[Any, Any]:
    key = next((key for key in ID_KEYS if isinstance(row, dict) and key in row), None)
    if key is None or FRAMES_KEY not in row:
        raise UserError(
            f"frame selections {path}: entry {number} must be an object with {FRAMES_KEY!r} and "
            f"{' or '.join(map(repr, ID_KEYS))}, got {json.dumps(row)[:60]}"
        )
    return row[key], row[FRAMES_KEY]


def _by_id(path: Path, pairs: list[tuple[Any, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key, frames in pairs:
        if str(key) in found:
            raise UserError(f"frame selections {path}: question {str(key)!r} stands there twice")
        if not isinstance(frames, list):
            raise UserError(
                f"frame selections {path}, question {str(key)!r}: expected a list of frame "
                f"indices, got {json.dumps(frames)[:40]}"
            )
        found[str(key)] = frames
    return found


def frame_indices(entries: Sequence[Any], num_frames: int) -> IntArray:
    """Sorted frame numbers from a published list; whole floats are frame numbers too.

    Raises:
        ValueError: an entry is no whole number, repeats another or is not in the video; the message
            names the first such entry.
    """
    seen: dict[int, int] = {}
    for position, entry in enumerate(entries):
        number = isinstance(entry, (int, float)) and not isinstance(entry, bool)
        if not number or not float(entry).is_integer():
            raise ValueError(f"entry {position} is {entry!r}, not a whole frame number")
        index = int(entry)
        if not 0 <= index < num_frames:
            raise ValueError(
                f"entry {position} is {entry!r}, but the video has frames 0 to {num_frames - 1}"
            )
        if index in seen:
            raise ValueError(f"entry {position} is {entry!r}, as is entry {seen[index]}")
        seen[index] = position
    return np.array(sorted(seen), np.int64)


class PublishedFrames:
    """The frames that a file lists for each question, whatever the candidates.

    A list shorter than the budget is given as it is (published files hold fewer frames for videos
    of fewer seconds); a longer one is an error, for any way of thinning it would make up a result
    that nobody published. `select` with k = None takes a list of any length.

    Raises:
        UserError: the file cannot be read, see `read_selections`.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"probe"})

    def __init__(self, path: str, question_ids: Sequence[str] | None = None) -> None:
        self.path = Path(path).expanduser()
        self._frames = read_selections(self.path, question_ids)

    def select(self, query: Query, candidates: Candidates, k: int | None) -> Selection:
        """Give the frames listed for the question.

        Raises:
            UserError: the question is not in the file, an entry is no frame of the video, or there
                are more than k.
        """
        where = f"frame selections {self.path}, question {query.question_id!r}"
        entries = self._frames.get(str(query.question_id))
        if entries is None:
            raise UserError(f"{where}: not in the file, which has {len(self._frames)} questions")
        try:
            indices = frame_indices(entries, candidates.num_frames)
        except ValueError as error:
            raise UserError(f"{where}: {error}") from error
        if k is not None and len(indices) > k:
            raise UserError(f"{where}: {len(indices)} frames, more than the budget of {k}")
        return Selection(indices)
