"""Reads the lines of TSPO-10K's file: what is asked, of which video, and the right letter.

A line is `{"video": "rel/path.mp4", "original_question": "<image>\\nWhat ...?\\nA. ..\\nB. ..",
"original_answer": "A. ..", "problem": ..., "solution": "<answer>a</answer>", "type": "general"}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from tspo_bench.errors import UserError
from tspo_bench.tasks.file_readers import Annotation, read_entries
from tspo_bench.tasks.protocols import INSTRUCTION
from tspo_bench.tasks.strict_extractor import read_answer
from tspo_bench.training.episode import Skipped
from tspo_bench.types import OPTION_LETTERS

Kind = Literal["general", "specific"]

# What the file's questions end with, and the authors' code takes away.
_INSTRUCTIONS = (
    "Please provide your answer by stating the letter followed by the full option.",
    "Please respond with only the letter of the correct answer.",
)
# One letter more than there may be options, so that an eleventh is seen.
_OPTION_LINE = re.compile(r"\n\s*\(?([A-K])[.):][^\S\n]*")
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """A usable line: `query` is what the agent sees of the question, `prompt` what the MLLM is put.

    `video` is the file with links followed: two names of one file are one video.
    """

    line: int
    video: Path
    kind: Kind
    query: str
    prompt: str
    options: tuple[str, ...]
    answer: str

    @property
    def letters(self) -> str:
        """The letters of the options, in order."""
        return OPTION_LETTERS[: len(self.options)]


class UnusableError(ValueError):
    """A line that cannot be used; `kind` is what such lines are counted by."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def read_items(path: Path, video_root: Path) -> tuple[tuple[Item, ...], tuple[Skipped, ...]]:
    """The usable lines of a file, and why each other line is skipped.

    Raises:
        UserError: the file or the folder of videos is missing, or no line can be used.
    """
    if not video_root.is_dir():
        raise UserError(f"video root {video_root} is not a folder; set --video-root")
    items: list[Item] = []
    problems: dict[int, UnusableError] = {}
    for entry in read_entries(path):
        if entry.record is None:
            problems[entry.number] = UnusableError("not JSON", entry.problem or "empty")
            continue
        try:
            items.append(_parse(entry.record, video_root, entry.number))
        except UnusableError as problem:
            problems[entry.number] = problem
    if len({item.video for item in items}) == 1:
        alone = [item for item in items if item.kind == "specific"]
        reason = "no other video in the file to hide this one in"
        problems |= {item.line: UnusableError("no distractors", reason) for item in alone}
        items = [item for item in items if item.kind == "general"]
    skipped = tuple(
        Skipped(f"line {line}", str(problem), problem.kind)
        for line, problem in sorted(problems.items())
    )
    if not items:
        first = f"; {skipped[0]}" if skipped else ""
        raise UserError(f"training data {path}: none of {len(skipped)} lines can be used{first}")
    return tuple(items), skipped


def _parse(record: Annotation, video_root: Path, line: int) -> Item:
    kind = _text(record, "type")
    if kind not in get_args(Kind):
        known = ", ".join(get_args(Kind))
        raise UnusableError("unknown type", f"unknown type {kind!r}; known: {known}")
    text = _without_instructions(_text(record, "original_question"))
    query, options = split_question(text)
    answer = _answer(record, options)
    path = _video(video_root, _text(record, "video"))
    prompt = f"{text}\n{INSTRUCTION}"
    return Item(line, path, cast(Kind, kind), query, prompt, options, answer)


def _video(root: Path, name: str) -> Path:
    try:
        path = (root / name).resolve()
        found = path.is_file()
    except (OSError, ValueError) as error:  # a name too long, a NUL, a lone surrogate
        raise UnusableError("video not found", str(error)) from error
    if not found:
        raise UnusableError("video not found", f"video {name} not found under {root}")
    return path


def split_question(text: str) -> tuple[str, tuple[str, ...]]:
    """The question as the agent sees it, and the options: lines that begin A. or A) or (A) or A:.

    The question ends at the first line that begins with an A, as in the authors' code, whether an
    option is given or not; failing that, where the options begin.

    Raises:
        UnusableError: there are not 2 to 26 options lettered A, B, ..., one is empty, or nothing is
            asked.
    """
    question, *rest = _OPTION_LINE.split(text)
    letters, options = "".join(rest[::2]), tuple(option.strip() for option in rest[1::2])
    if not OPTION_LETTERS.startswith(letters) or len(letters) < 2:
        found = ", ".join(letters) or "none"
        reason = f"options cannot be read: 2 to 26 lines A., B., ... needed, got {found}"
        raise UnusableError("options cannot be read", reason)
    if not all(options):
        reason = f"option {letters[options.index('')]} is empty"
        raise UnusableError("options cannot be read", reason)
    query = text.partition("\nA")[0] if "\nA" in text else question
    if not query.strip():
        raise UnusableError("empty question", "the question is empty")
    return query.strip(), options


def _answer(record: Annotation, options: tuple[str, ...]) -> str:
    given = [record.get("solution"), record.get("original_answer")]
    letters = {_letter(text, options) for text in given if isinstance(text, str)} - {None}
    if len(letters) != 1:
        problem = "two correct options" if letters else "no correct option"
        shown = f"{problem}: solution {given[0]!r}, original_answer {given[1]!r}"
        raise UnusableError(problem, shown)
    return str(letters.pop())


def _letter(text: str, options: tuple[str, ...]) -> str | None:
    tagged = _ANSWER.search(text)
    return read_answer(tagged[1] if tagged else text, options)


def _without_instructions(text: str) -> str:
    for taken_away in ("<image>", *_INSTRUCTIONS):
        text = text.replace(taken_away, "")
    return text.strip()


def _text(record: Annotation, key: str) -> str:
    if key not in record:
        raise UnusableError("a field is missing", f"no field {key!r}")
    value = record[key]
    if not isinstance(value, str) or not value.strip():
        raise UnusableError("a field is empty", f"{key} is empty or no text: {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UnusableError("not Unicode text", f"{key} holds half a character: {error}") from error
    return value
