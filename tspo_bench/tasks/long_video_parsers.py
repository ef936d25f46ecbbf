"""Annotation parsers of the long-video benchmarks of 2025 and 2026: a record into a `Question`.

As in `tasks.parsers`, they raise KeyError for a missing field and ValueError for a wrong one.
"""

from __future__ import annotations

import re

from tspo_bench.tasks.evidence_files import clue_intervals
from tspo_bench.tasks.file_readers import Annotation
from tspo_bench.tasks.parsers import letter_of, without_letters
from tspo_bench.tasks.question_groups import FORM, form_of
from tspo_bench.tasks.values import (
    identifier,
    index_of,
    listed,
    option_texts,
    present,
    seconds_of,
    text_of,
)
from tspo_bench.types import OPTION_LETTERS, Question

_LETTERED_LINE = re.compile(r"\n[^\S\n]*\(?([A-Z])[.):][^\S\n]*")
_CHOICES = tuple(f"answer_choice_{number}" for number in range(5))  # MINERVA's


def videomme_v2(record: Annotation, fallback_id: str) -> Question:
    """Video-MME-v2: options in a text, one a line; four questions of a video are one group.

    The group `group_form` is how the group is scored: see `tasks.question_groups`.
    """
    record = present(record)
    video = identifier(record, "video_id", "")
    if not video:
        raise KeyError("video_id")
    given = record["options"]
    lines = given.strip().split("\n") if isinstance(given, str) else listed(given)
    return Question(
        id=identifier(record, "question_id", fallback_id),
        video=f"{video}.mp4",
        text=text_of(record, "question"),
        options=without_letters(option_texts(lines)),
        answer=letter_of(record, "answer"),
        groups={FORM: form_of(record)},
        subtitles=f"{video}.jsonl",
    )


def cgbench(record: Annotation, fallback_id: str) -> Question:
    """CG-Bench: up to 14 options; the clue intervals, in seconds, are the evidence."""
    record = present(record)
    video = text_of(record, "video_uid")
    return Question(
        id=identifier(record, "qid", fallback_id),
        video=f"{video}.mp4",
        text=text_of(record, "question"),
        options=option_texts(listed(record["choices"], "choices")),
        answer=letter_of(record, "right_answer"),
        evidence=tuple(clue_intervals(record)) if "clue_intervals" in record else (),
        duration_seconds=seconds_of(record, "duration"),
        subtitles=f"{video}.srt",
    )


def videoeval_pro(record: Annotation, fallback_id: str) -> Question:
    """VideoEval-Pro as multiple choice: `options` carry their letters, `answer` is one."""
    record = present(record)
    return Question(
        id=identifier(record, "id", fallback_id),
        video=text_of(record, "video"),
        text=text_of(record, "question"),
        options=without_letters([one.strip() for one in option_texts(listed(record["options"]))]),
        answer=letter_of(record, "answer"),
    )


def timescope(record: Annotation, fallback_id: str) -> Question:
    """TimeScope and LongTimeScope: `input` is the question with its options, one a line."""
    record = present(record)
    text, *rest = _LETTERED_LINE.split(f"\n{text_of(record, 'input')}")
    letters, options = rest[::2], [option.strip() for option in rest[1::2]]
    if "".join(letters) != OPTION_LETTERS[: len(letters)]:
        raise ValueError(f"options are lettered {', '.join(letters)}, not A, B, ...")
    if options:  # an instruction may follow the last one
        options[-1] = options[-1].partition("\n")[0].strip()
    return Question(
        id=identifier(record, "id", fallback_id),
        video=text_of(record, "video"),
        text=text.strip(),
        options=option_texts(options),
        answer=letter_of(record, "answer"),
    )


def minerva(record: Annotation, fallback_id: str) -> Question:
    """MINERVA: five choices in columns; `answer_id` is the right one's number, from 0."""
    record = present(record)
    number = index_of(record["answer_id"], "answer_id")
    if not 0 <= number < len(_CHOICES):
        raise ValueError(f"answer_id {number} is not one of the {len(_CHOICES)} choices (from 0)")
    return Question(
        id=identifier(record, "key", fallback_id),
        video=f"{text_of(record, 'video_id')}.mp4",
        text=text_of(record, "question"),
        options=tuple(str(record[name]).strip() for name in _CHOICES),
        answer=OPTION_LETTERS[number],
    )
