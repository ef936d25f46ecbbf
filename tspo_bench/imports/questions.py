"""The question that a row of a result file answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tspo_bench.imports.rows import Row
from tspo_bench.tasks import Task
from tspo_bench.tasks.annotations import shortened
from tspo_bench.tasks.multiple_choice import without_image_tag
from tspo_bench.tasks.parsers import split_options, without_letters
from tspo_bench.tasks.values import identifier, is_missing, listed
from tspo_bench.types import Question

ID_KEYS = ("question_id", "id", "uid", "qid")
_VIDEO_KEYS = ("video", "video_id", "videoID", "video_name", "video_path")
_OPTIONS_KEYS = ("options", "candidates")
_WORDS = re.compile(r"\w+")


def parts_of(row: Row) -> list[Mapping[str, Any]]:
    """A row and the objects in it: lmms-eval's `doc`, and what its metrics keep of a question."""
    return [row, *(value for value in row.values() if isinstance(value, Mapping))]


class QuestionFinder:
    """Finds the question of a row: by id, by its video and text, or by its place.

    Args:
        task: the questions' task.
    """

    def __init__(self, task: Task) -> None:
        self.by_id = {question.id: question for question in task.questions()}
        self._in_order = task.annotation_ids
        self._words = {key: _words(question.text) for key, question in self.by_id.items()}
        self._by_words: dict[str, list[Question]] = {}
        for key, words in self._words.items():
            self._by_words.setdefault(words, []).append(self.by_id[key])

    def find(self, row: Row) -> Question:
        """The question of a row.

        Raises:
            ValueError: the row names none of the task's questions; the message says what it names.
        """
        named = [pair for part in parts_of(row) for pair in _named(part)]
        for _, value in named:
            if value in self.by_id:
                return self.by_id[value]
        alike = self._alike(row)
        if len(alike) == 1:
            return alike[0]
        if "doc_id" in row and not list(_named(row)):
            return self._at_place(row, alike)
        if alike:
            raise ValueError(f"its text is that of the questions {_ids(alike)}; give the id")
        if not named:
            raise ValueError(f"no question id; give one of {', '.join(ID_KEYS)}")
        key, value = named[0]
        raise ValueError(f"{key} {shortened(value)!r} is not a question of the task")

    def _alike(self, row: Row) -> Sequence[Question]:
        """The questions of a row's text: those of its video and options, if it has these too."""
        parts = parts_of(row)
        texts = [part[key] for part in parts for key in ("question", "question_id") if key in part]
        found: list[Question] = []
        options: set[str] = set()
        for text in (one for one in texts if isinstance(one, str)):
            plain, inline = _split(text)
            found = found or self._by_words.get(_words(plain), [])
            options.add(_words(" ".join(inline)))
        videos = [part[key] for part in parts for key in _VIDEO_KEYS if key in part]
        if names := {name for video in videos for name in _names(video)}:
            found = [one for one in found if names & _names(one.video)]
        if len(found) > 1:
            given = [part[key] for part in parts for key in _OPTIONS_KEYS if key in part]
            options |= {_words(" ".join(_options(one))) for one in given}
            found = [one for one in found if _words(" ".join(one.options)) in options] or found
        return found

    def _at_place(self, row: Row, alike: Sequence[Question]) -> Question:
        """The question at a row's `doc_id`, if its text is in the row's prompt.

        The dataset may have another order than the annotations; then the prompt decides.
        """
        place, prompt = row["doc_id"], row.get("input")
        known = isinstance(place, int) and 0 <= place < len(self._in_order)
        key = self._in_order[place] if known else None
        if isinstance(prompt, str) and not alike:
            prompted = _words(prompt)
            alike = [self.by_id[k] for k, words in self._words.items() if words in prompted]
            if not alike:
                raise ValueError(f"doc_id {place}: its prompt is of no question of the task")
        fits = [one for one in alike if one.id == key] or alike
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise ValueError(f"doc_id {place}: its text is that of the questions {_ids(fits)}")
        if key is None:
            raise ValueError(f"doc_id {place} is not a place in the task's annotations")
        return self.by_id[key]


def _named(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The ids in a row, with the fields that hold them."""
    for key in ID_KEYS:
        if not is_missing(row.get(key)) and (value := identifier(row, key, "")):
            yield key, value


def _split(text: str) -> tuple[str, Sequence[str]]:
    """A question and the options below it, if it has any."""
    try:
        return split_options(text)
    except ValueError:
        return text, ()


def _options(given: Any) -> Sequence[str]:
    try:
        values = given.values() if isinstance(given, Mapping) else listed(given)
    except ValueError:
        return ()
    return without_letters([str(value) for value in values])


def _words(text: str) -> str:
    return " ".join(_WORDS.findall(without_image_tag(text).lower()))


def _names(video: Any) -> set[str]:
    """A video's name without its folder, with and without its suffix."""
    path = Path(str(video))
    return set() if is_missing(video) else {path.name, path.stem}


def _ids(questions: Sequence[Question]) -> str:
    return ", ".join(repr(one.id) for one in questions[:3])
