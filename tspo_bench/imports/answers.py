"""Answers in the rows of a result file, and the questions that they are to.

These rows are read, by their fields:

- ToolMerge's keyframes.json (arXiv 2605.23826): `uid`, `answer`, `ground_truth`, `correct`,
  `frames_used`, `timestamps_used`;
- lmms-eval's sample logs: `doc_id`, the place in annotation order, or `doc` with the question's id;
  `filtered_resps` or `resps`, `target`;
- VLMEvalKit's tables: `prediction`, the reply, `answer`, the right letter, `video` and `question`;
- `id` and `answer`, perhaps with `correct`, `frames` and `timestamps`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.imports.rows import Row
from tspo_bench.tasks import Task
from tspo_bench.tasks.multiple_choice import without_image_tag
from tspo_bench.tasks.values import identifier, is_missing
from tspo_bench.types import Question

ID_KEYS = ("question_id", "id", "uid", "qid")
_REPLY_KEYS = ("prediction", "filtered_resps", "resps", "reply", "response", "pred", "answer")
_GOLD_KEYS = ("ground_truth", "target", "gold", "answer")
_CORRECT_KEYS = ("correct", "hit", "is_correct")
_FRAMES_KEYS = ("frames_used", "frames", "frame_idx")
_TIMES_KEYS = ("timestamps_used", "timestamps", "frame_timestamps")
_TRUE, _FALSE = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")
_WORDS = re.compile(r"\w+")


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


class QuestionFinder:
    """Finds the question of a row: by id, by place, or by its video and text.

    Args:
        task: the questions' task.
    """

    def __init__(self, task: Task) -> None:
        questions = task.questions()
        self.by_id = {question.id: question for question in questions}
        self._in_order = task.annotation_ids
        self._by_text: dict[tuple[str, str], Question | None] = {}
        for one in questions:
            key = _text_key(one.video, one.text)
            self._by_text[key] = None if key in self._by_text else one  # two of one text: neither

    def find(self, row: Row) -> Question:
        """The question of a row.

        Raises:
            ValueError: the row names none of the task's questions; the message says what it names.
        """
        doc = row.get("doc")
        named = [*_named(row), *(_named(doc) if isinstance(doc, Mapping) else ())]
        for _, value in named:
            if value in self.by_id:
                return self.by_id[value]
        place = row.get("doc_id")
        if isinstance(place, int) and not isinstance(place, bool) and not named:
            if 0 <= place < len(self._in_order) and (key := self._in_order[place]) is not None:
                return self.by_id[key]
            raise ValueError(f"doc_id {place} is not a place in the task's annotations")
        if isinstance(row.get("question"), str) and not is_missing(row.get("video")):
            found = self._by_text.get(_text_key(str(row["video"]), row["question"]))
            if found is not None:
                return found
        if not named:
            raise ValueError(f"no question id; give one of {', '.join(ID_KEYS)}")
        key, value = named[0]
        raise ValueError(f"{key} {value!r} is not a question of the task")


def read_answer(row: Row) -> PublishedAnswer:
    """The answer in a row.

    Raises:
        ValueError: the row has no answer, or a field that cannot be read.
    """
    key = next((key for key in _REPLY_KEYS if key in row), None)
    if key is None:
        raise ValueError(f"no answer; give one of {', '.join(_REPLY_KEYS)}")
    golds = [one for one in _GOLD_KEYS if one != key and not is_missing(row.get(one))]
    frames, timestamps = _frames(row)
    return PublishedAnswer(
        reply=_text(row[key]),
        gold=_text(row[golds[0]]) if golds else None,
        correct=_flag(row),
        frames=frames,
        timestamps=timestamps,
    )


def _named(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The ids in a row, with the fields that hold them."""
    pairs = [(key, identifier(row, key, "")) for key in ID_KEYS if not is_missing(row.get(key))]
    return [(key, value) for key, value in pairs if value]


def _text_key(video: str, text: str) -> tuple[str, str]:
    """A video's name without folder and suffix, and the words of a question."""
    return Path(video).stem, " ".join(_WORDS.findall(without_image_tag(text).lower()))


def _text(value: Any) -> str | None:
    """A text, also the first of nested lists (lmms-eval's `resps`); None for an empty one."""
    while isinstance(value, list | tuple):
        if not value:
            return None
        value = value[0]
    return None if is_missing(value) or not str(value).strip() else str(value)


def _flag(row: Row) -> bool | None:
    for key in _CORRECT_KEYS:
        value = row.get(key)
        if not is_missing(value):
            said = str(value).strip().lower()
            if said not in (*_TRUE, *_FALSE):
                raise ValueError(f"{key} {value!r} is neither true nor false")
            return said in _TRUE
    return None


def _frames(row: Row) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The frames and their times, in the order of time."""
    frames, times = _numbers(row, _FRAMES_KEYS), _numbers(row, _TIMES_KEYS)
    if frames and times and len(frames) != len(times):
        raise ValueError(f"{len(frames)} frames beside {len(times)} times; give one for each")
    if any(not number.is_integer() for number in frames):
        raise ValueError("frames must be whole numbers")
    if not frames:
        return (), tuple(sorted(times))
    pairs = sorted(zip(times or frames, frames, strict=True))
    return tuple(int(frame) for _, frame in pairs), tuple(time for time, _ in pairs if times)


def _numbers(row: Row, keys: Sequence[str]) -> list[float]:
    for key in keys:
        value = row.get(key)
        if is_missing(value):
            continue
        if not isinstance(value, list | tuple):
            raise ValueError(f"{key} must be a list of numbers, got {value!r}")
        for one in value:
            if isinstance(one, bool) or not isinstance(one, int | float) or not 0 <= one < 1e12:
                raise ValueError(f"{key} holds {one!r}, which is not a number, 0 or more")
        return [float(one) for one in value]
    return []
