"""Selection files of any known shape, recognised by their content."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.selections import native
from tspo_bench.selections.file_selection import FileSelection, SelectionFile

ID_KEYS = ("question_id", "id", "uid")
# What holds the frames: TSPO and AKS; WFS-SB; ToolMerge.
FRAMES_KEYS = ("frame_idx", "keyframe_indices", "frames_used")
SECONDS_KEY = "frame_timestamps"  # KFS-Bench's, in the place of frames


def read_selections(path: Path, question_ids: Sequence[str | None] | None = None) -> SelectionFile:
    """Read the frame lists of a file, by question id, unchecked.

    These shapes are read:

    - ours, JSON or parquet;
    - a mapping {question id: [indices]};
    - a list of objects with the question's `question_id`, `id` or `uid` and its frames under
      `frame_idx` (TSPO, AKS's annotations), `keyframe_indices` (WFS-SB), or `frames_used` with
      `timestamps_used` (ToolMerge);
    - the same with `frame_timestamps` in seconds (KFS-Bench);
    - a list of lists in annotation order (AKS's own output);
    - JSON lines with `doc_id`, a place in annotation order, and `index` (VideoITG); with `logits`
      beside it, the frames are ranked by them.

    Args:
        path: the file.
        question_ids: the ids of all annotations in their order (None for one that is not a
            question), for the shapes without ids.

    Raises:
        UserError: the file is missing, cannot be parsed, or has none of these shapes.
    """
    try:
        if path.suffix == ".parquet":
            return native.read_parquet(path)
        content = _parsed(path)
    except OSError as error:
        raise UserError(
            f"cannot read frame selections {path}: {error.strerror}; check the path after file:"
        ) from error
    if native.is_native(content):
        return native.from_json(path, content)
    if isinstance(content, dict) and content:
        pairs = [FileSelection(key, _frames(path, key, value)) for key, value in content.items()]
    elif isinstance(content, list) and content and all(isinstance(row, list) for row in content):
        pairs = _in_annotation_order(path, content, question_ids)
    elif isinstance(content, list) and content:
        pairs = [_annotated(path, row, place, question_ids) for place, row in enumerate(content)]
    else:
        raise UserError(
            f"frame selections {path} must hold {{question id: [indices]}}, a list of objects with "
            f"{' or '.join(map(repr, (*FRAMES_KEYS, SECONDS_KEY)))}, or a list of lists; got "
            f"{type(content).__name__} {reprlib.repr(content)}"
        )
    return SelectionFile(native.by_id(path, pairs))


def _parsed(path: Path) -> Any:
    """The file's JSON value, or the list of its lines' values; the suffix does not matter."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            return _lines(text)
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":  # the message for several values in a row
                raise
            return _lines(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"frame selections {path} are not valid JSON: {error}; name another file"
        ) from error
    is_line = isinstance(content, dict) and {"doc_id", "index"} <= set(content)
    return [content] if is_line else content


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _in_annotation_order(
    path: Path, rows: list[Any], question_ids: Sequence[str | None] | None
) -> list[FileSelection]:
    ids = _annotation_order(path, question_ids)
    if len(rows) != len(ids):
        raise UserError(
            f"frame selections {path} hold {len(rows)} lists without question ids, but the task "
            f"has {len(ids)} questions; give {{question id: [indices]}} instead"
        )
    return [
        FileSelection(key, tuple(row))
        for key, row in zip(ids, rows, strict=True)
        if key is not None
    ]


def _annotation_order(
    path: Path, question_ids: Sequence[str | None] | None
) -> Sequence[str | None]:
    if question_ids is None:
        raise UserError(
            f"frame selections {path} are lists without question ids: they can only be read "
            "beside the task whose annotation order they follow, or as {question id: [indices]}"
        )
    return question_ids


def _annotated(
    path: Path, row: Any, number: int, question_ids: Sequence[str | None] | None
) -> FileSelection:
    """One object of a list of them."""
    if isinstance(row, dict) and "doc_id" in row and "index" in row:
        return _by_place(path, row, number, question_ids)
    key = next((key for key in ID_KEYS if isinstance(row, dict) and key in row), None)
    known = (*FRAMES_KEYS, SECONDS_KEY)
    frames = next((key for key in known if isinstance(row, dict) and key in row), None)
    if key is None or frames is None:
        raise UserError(
            f"frame selections {path}: entry {number} must be an object with one of "
            f"{', '.join(map(repr, known))} and {' or '.join(map(repr, ID_KEYS))}, got "
            f"{reprlib.repr(row)}"
        )
    if not isinstance(row[key], str | int | float):
        raise UserError(
            f"frame selections {path}: entry {number} has {key} {reprlib.repr(row[key])}, which is "
            "not a question's id"
        )
    question = str(row[key])
    listed = _frames(path, question, row[frames])
    seconds = None
    if frames == SECONDS_KEY:
        return FileSelection.at_seconds(
            question, _beside(path, question, row, SECONDS_KEY, len(listed))
        )
    if frames == "frames_used" and "timestamps_used" in row:
        seconds = _beside(path, question, row, "timestamps_used", len(listed))
    return FileSelection(question, listed, seconds)


def _by_place(
    path: Path, row: dict[str, Any], number: int, question_ids: Sequence[str | None] | None
) -> FileSelection:
    """VideoITG's: a question's place in the annotations, frames with or without their scores."""
    ids = _annotation_order(path, question_ids)
    place = row["doc_id"]
    if type(place) is not int or not 0 <= place < len(ids):
        raise UserError(
            f"frame selections {path}: entry {number} has doc_id {reprlib.repr(place)}, but the "
            f"task has questions 0 to {len(ids) - 1}"
        )
    question = ids[place] or f"annotation {place}"
    frames = _frames(path, question, row["index"])
    if row.get("logits") is None:
        return FileSelection(question, frames)
    scores = _beside(path, question, row, "logits", len(frames))
    return FileSelection(question, frames, scores=scores, ranked=True)


def _beside(
    path: Path, question: str, row: dict[str, Any], key: str, number: int
) -> tuple[float, ...]:
    """The numbers that stand beside a question's frames, one for each."""
    where, values = f"frame selections {path}, question {question!r}", row[key]
    if not isinstance(values, list) or len(values) != number:
        count = len(values) if isinstance(values, list) else reprlib.repr(values)
        raise UserError(f"{where}: {number} frames beside {count} {key}; give one for each")
    for place, value in enumerate(values):
        if not native.is_finite(value):
            raise UserError(
                f"{where}: entry {place} of {key} is {reprlib.repr(value)}, not a finite number"
            )
    return tuple(values)


def _frames(path: Path, question: str, frames: Any) -> tuple[Any, ...]:
    if not isinstance(frames, list):
        raise UserError(
            f"frame selections {path}, question {question!r}: expected a list of frame indices, "
            f"got {reprlib.repr(frames)}"
        )
    return tuple(frames)
