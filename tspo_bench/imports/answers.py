"""Answers in the rows of a result file.

These rows are read, by their fields:

- ToolMerge's keyframes.json (arXiv 2605.23826): `uid`, `answer`, `ground_truth`, `correct`,
  `frames_used`, `timestamps_used`;
- lmms-eval's sample logs: `doc_id`, the place in annotation order, or the question's id in `doc` or
  in a metric's object; `filtered_resps` or `resps`, `target`;
- VLMEvalKit's tables: `prediction`, the reply, `answer` or `correct_choice`, `score`, `video` and
  `question`;
- `id` and `answer`, perhaps with `correct`, `frames` and `timestamps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tspo_bench.imports.questions import parts_of
from tspo_bench.imports.rows import Row
from tspo_bench.tasks.values import is_missing, listed, number_of
from tspo_bench.types import OPTION_LETTERS

REPLY_KEYS = ("prediction", "filtered_resps", "resps", "reply", "response", "pred", "answer")
_GOLD_KEYS = ("ground_truth", "gold", "answer", "target")
_CHOICE_KEYS = ("correct_choice", "target")  # the right option's number, from 0
_CORRECT_KEYS = ("correct", "hit", "is_correct")
_READ_KEYS = ("pred_answer", "parsed_pred", "parsed_prediction")  # lmms-eval's, beside `answer`
_FRAMES_KEYS = ("frames_used", "frames", "frame_idx")
_TIMES_KEYS = ("timestamps_used", "timestamps", "frame_timestamps")
_GRID_RATE = 2.0  # ToolMerge's `frames_used` count the frames of two a second
_LARGEST = 1e12
_TRUE, _FALSE = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")


@dataclass(frozen=True)
class PublishedAnswer:
    """An answer as a file has it.

    Attributes:
        reply: the model's text, or the letter that was read in it; None for an empty one.
        gold: the right answer as the file has it; None if it does not say.
        correct: whether the file counts the answer as right; None if it does not say.
        frames: the numbers of the frames shown, as the file counts them, rising.
        timestamps: their times in seconds; () if unknown.
    """

    reply: str | None
    gold: str | None = None
    correct: bool | None = None
    frames: tuple[int, ...] = ()
    timestamps: tuple[float, ...] = ()


def read_answer(row: Row, reply_key: str) -> PublishedAnswer:
    """The answer in a row.

    Args:
        row: of a result file.
        reply_key: the field of the replies. It is the whole file's: where a table has no
            `prediction` in a row, its `answer` is still the right one.

    Raises:
        ValueError: the row has a field that cannot be read.
    """
    frames, timestamps = _frames(row)
    return PublishedAnswer(
        reply=_text(row.get(reply_key)),
        gold=_gold(row, reply_key),
        correct=_flag(row),
        frames=frames,
        timestamps=timestamps,
    )


def _gold(row: Row, reply_key: str) -> str | None:
    """The right answer in a row: a letter for a number, else as it is."""
    for part in parts_of(row):
        for key in _CHOICE_KEYS:
            number = number_of(part.get(key))
            if number is not None and number.is_integer() and number < len(OPTION_LETTERS):
                return OPTION_LETTERS[int(number)]
        for key in _GOLD_KEYS:
            if (key != reply_key or part is not row) and (text := _text(part.get(key))):
                return text
    return None


def _text(value: Any) -> str | None:
    """A text, also the first of nested lists (lmms-eval's `resps`); None for an empty one."""
    while isinstance(value, list | tuple):
        if not value:
            return None
        value = value[0]
    return None if is_missing(value) or not str(value).strip() else str(value)


def _flag(row: Row) -> bool | None:
    """Whether the file counts the answer as right."""
    for part in parts_of(row):
        for key in _CORRECT_KEYS:
            if not is_missing(value := part.get(key)):
                said = str(value).strip().lower()
                if said not in (*_TRUE, *_FALSE):
                    raise ValueError(f"{key} {value!r} is neither true nor false")
                return said in _TRUE
        score = number_of(part.get("score"))
        if score in (0, 1):  # VLMEvalKit's -1: not scored
            return score == 1
        read = next((part[key] for key in _READ_KEYS if key in part), None)
        if isinstance(read, str) and isinstance(right := part.get("answer"), str):
            return read.strip().lower() == right.strip().lower()
    return None


def _frames(row: Row) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The frames and their times, in the order of time."""
    frames, times = _numbers(row, _FRAMES_KEYS), _numbers(row, _TIMES_KEYS)
    if frames and times and len(frames) != len(times):
        raise ValueError(f"{len(frames)} frames beside {len(times)} times; give one for each")
    if any(not number.is_integer() for number in frames):
        raise ValueError("frames must be whole numbers")
    if frames and not times and not is_missing(row.get(_FRAMES_KEYS[0])):
        times = [number / _GRID_RATE for number in frames]
    if not frames:
        return (), tuple(sorted(times))
    pairs = sorted(zip(times or frames, frames, strict=True))
    return tuple(int(frame) for _, frame in pairs), tuple(time for time, _ in pairs if times)


def _numbers(row: Row, keys: Sequence[str]) -> list[float]:
    for key in keys:
        value = row.get(key)
        if is_missing(value):
            continue
        if isinstance(value, str) and value.strip().startswith("["):  # in a table
            value = listed(value, key)
        if not isinstance(value, list | tuple):
            raise ValueError(f"{key} must be a list of numbers, got {value!r}")
        return [_number(one, key) for one in value]
    return []


def _number(given: Any, key: str) -> float:
    number = number_of(given)
    if number is None or number >= _LARGEST:
        raise ValueError(f"{key} holds {given!r}, which is not a number, 0 or more")
    return number
