"""Documents of lmms-eval's tasks as questions.

lmms-eval has only functions from a document to text and media. Options, the right answer, groups
and evidence are in fields that most of its video tasks name alike.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tspo_bench.tasks.parsers import read_time_reference, without_letters
from tspo_bench.types import OPTION_LETTERS, Question, Span

Doc = Mapping[str, Any]

_IDS = ("question_id", "id", "qid", "uid", "q_uid")
_QUESTIONS = ("question", "query", "problem")
_LISTS = ("options", "option", "candidates", "choices")
_NUMBERED = ("option{}", "option_{}", "a{}", "choice{}")
_GROUPS = (
    *("task_type", "question_type", "question_category", "task_category", "category"),
    *("sub_category", "domain", "duration_group", "duration", "topic_category", "type"),
)
_LINE = re.compile(r"^[^\S\n]*\(?([A-Z])[.):][^\S\n]*(.*)$", re.MULTILINE)
_LETTER = re.compile(r"\(?([A-Z])(?:[.):](?:\s.*)?)?", re.DOTALL)
_NO_OPTIONS = 4  # placeholders if no options are found; more if the answer is beyond them


def question_of(
    doc: Doc, question_id: str, video: str, prompt: str, choices: Any = None, target: Any = None
) -> Question:
    """Return a document as a question; options that are not found are "A", "B", "C", "D".

    Args:
        doc: the document.
        question_id: its id, see `id_of`.
        video: its video.
        prompt: the question's text, and options, if no field has them.
        choices: the options, if the task names them.
        target: the task's right answer: a letter, an index from 0, or the text.
    """
    text = next((doc[key] for key in _QUESTIONS if isinstance(doc.get(key), str)), prompt)
    options = (
        _options(choices) or _options_in(doc) or _lettered_lines(text) or _lettered_lines(prompt)
    )
    letter = answer_letter(target, options or tuple(OPTION_LETTERS))
    if not options:
        beyond = OPTION_LETTERS.index(letter) + 1 if letter else 0
        options = tuple(OPTION_LETTERS[: max(_NO_OPTIONS, beyond)])
    duration = doc.get("duration")
    return Question(
        id=question_id,
        video=video,
        text=text,
        options=options,
        answer=letter,
        groups=_groups(doc),
        evidence=_evidence(doc),
        duration_seconds=float(duration) if isinstance(duration, int | float) else None,
        record=doc,
    )


def id_of(doc: Doc, fallback: str) -> str:
    """Return the document's id, by which published frame selections are matched."""
    return str(next((doc[key] for key in _IDS if isinstance(doc.get(key), str | int)), fallback))


def answer_letter(target: Any, options: Sequence[str]) -> str | None:
    """Return the letter of the right option, given as a letter, an index from 0 or its text.

    None for -1, an empty text, or something that is not an option. Texts take precedence over
    indices: the options may be numbers.
    """
    letters = OPTION_LETTERS[: len(options)]
    if isinstance(target, bool) or target is None:
        return None
    if isinstance(target, int):
        return letters[target] if 0 <= target < len(letters) else None
    text = str(target).strip()
    plain = [option.strip().casefold() for option in options]
    match = _LETTER.fullmatch(text)
    if match:
        return match[1] if match[1] in letters else None
    if text.casefold() in plain:
        return letters[plain.index(text.casefold())]
    if text.isdecimal() and int(text) < len(letters):
        return letters[int(text)]
    return None


def _options_in(doc: Doc) -> tuple[str, ...]:
    """Return the options in fields of the document."""
    for key in _LISTS:
        if found := _options(doc.get(key)):
            return found
    for form in _NUMBERED:
        for start in (0, 1):
            names = [form.format(number) for number in range(start, start + len(OPTION_LETTERS))]
            if found := _options([doc[name] for name in names if name in doc]):
                return found
    return _options([doc[letter] for letter in OPTION_LETTERS if letter in doc])


def _options(given: Any) -> tuple[str, ...]:
    """Return the options of a list, a mapping of letters, or either as text; () for others."""
    if isinstance(given, str):
        try:
            given = ast.literal_eval(given)
        except (SyntaxError, ValueError):
            return ()
    if isinstance(given, Mapping):
        given = list(given.values())
    if not isinstance(given, list | tuple):
        return ()
    texts = [str(option).strip() for option in given if option not in (None, "", "N/A")]
    return without_letters(texts) if 2 <= len(texts) <= len(OPTION_LETTERS) else ()


def _lettered_lines(text: str) -> tuple[str, ...]:
    """Return the options of a text with one a line, lettered from A on."""
    found = _LINE.findall(text)
    letters = "".join(letter for letter, _ in found)
    if len(found) < 2 or letters != OPTION_LETTERS[: len(letters)]:
        return ()
    return tuple(option.strip() for _, option in found)


def _groups(doc: Doc) -> dict[str, str]:
    groups = {}
    for key in _GROUPS:
        value = doc.get(key)
        values: list[Any] = value if isinstance(value, list) else [value]
        if values and all(isinstance(one, str) and one for one in values):
            groups[key] = "|".join(values)
    if isinstance(doc.get("duration_group"), int):  # LongVideoBench's
        groups["duration_group"] = str(doc["duration_group"])
    return groups


def _evidence(doc: Doc) -> tuple[Span, ...]:
    """Return LVBench's time reference or LongVideoBench's frame numbers; () without either."""
    if isinstance(reference := doc.get("time_reference"), str):
        return read_time_reference(reference)
    try:
        position = doc.get("position")
        moments = json.loads(position) if isinstance(position, str) else position
        return tuple(Span(frame, frame, "frames") for frame in moments or ())
    except (TypeError, ValueError, RecursionError):
        return ()
