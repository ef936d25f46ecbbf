"""Annotation parsers, one a benchmark: a record into a `Question`.

A parser takes a record and the id to use if the record has none. It raises KeyError for a missing
field and ValueError for a wrong one: the question is then skipped and reported. The task's card
names the fields that are groups.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tspo_bench.selections.rates import stated_rate
from tspo_bench.tasks.file_readers import Annotation
from tspo_bench.tasks.values import (
    identifier,
    index_of,
    is_missing,
    listed,
    number_of,
    option_texts,
    present,
    seconds_of,
    text_of,
)
from tspo_bench.types import OPTION_LETTERS, Question, Span

Parser = Callable[[Annotation, str], Question]

_OPTION_LINE = re.compile(r"\n[^\S\n]*\(([A-Z])\)")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)")
# Of an option's letter: "A." "A)" "(A)", also in full width and as Chinese has it.
_AFTER_LETTER = r"[.):、．）：]"
_STATED = re.compile(rf"[(（]?(?P<letter>[A-Za-z])(?:{_AFTER_LETTER}\s*(?P<text>.*))?", re.DOTALL)


def generic(record: Annotation, fallback_id: str) -> Question:
    """Custom data: `video`, `question`, `options`, `answer`; the rest is optional.

    `options` is a list, a text with "|" between them, an object or one column an option (`A`, `B`,
    ...); a missing one ends them. `answer` is a letter or an option's exact text; `evidence` a list
    of [start, end] in seconds (in CSV as JSON); groups are in `groups` or in columns `groups.NAME`;
    `duration` and `fps` are the video's.
    """
    record = present(record)
    video, text, options = text_of(record, "video"), text_of(record, "question"), _options(record)
    given = record.get("groups") or {}
    if not isinstance(given, Mapping):
        raise ValueError(f"groups must be an object {{name: value}}, got {given!r}")
    groups = {str(key): str(value) for key, value in present(given).items()}
    for key, value in record.items():
        if key.startswith("groups."):
            groups[key.removeprefix("groups.")] = str(value)
    return Question(
        id=identifier(record, "id", fallback_id),
        video=video,
        text=text,
        options=options,
        answer=_answer(record["answer"], options),
        groups=groups,
        evidence=_evidence(record.get("evidence")),
        duration_seconds=seconds_of(record, "duration"),
        frame_rate=_rate(record.get("fps")),
        subtitles=identifier(record, "subtitles", "") or None,
    )


def longvideobench(record: Annotation, fallback_id: str) -> Question:
    """LongVideoBench; the hub's copy has `option0`.. with "N/A" in place of `candidates`.

    `position` holds annotated moments in frame numbers. The test split has no right choice.
    """
    record = present(record)
    options = record.get("candidates") or [
        None if record.get(f"option{i}", "N/A") == "N/A" else record[f"option{i}"] for i in range(5)
    ]
    choice = index_of(record.get("correct_choice", -1), "correct_choice")
    options = option_texts(listed(options, "candidates"))
    if choice >= len(options) or choice < -1:
        raise ValueError(f"correct_choice {choice} is not one of the {len(options)} options")
    position = record.get("position") or []
    moments = json.loads(position) if isinstance(position, str) else position
    if not all(isinstance(frame, int | float) for frame in moments):
        raise ValueError(f"position must be a list of frame numbers, got {position!r}")
    return Question(
        id=identifier(record, "id", fallback_id),
        video=text_of(record, "video_path"),
        text=text_of(record, "question"),
        options=options,
        answer=None if choice == -1 else OPTION_LETTERS[choice],
        evidence=tuple(Span(frame, frame, "frames") for frame in moments),
        duration_seconds=seconds_of(record, "duration"),
        subtitles=identifier(record, "subtitle_path", "") or None,
        subtitle_offset=float(record.get("starting_timestamp_for_subtitles") or 0),
    )


def mlvu(record: Annotation, fallback_id: str) -> Question:
    """MLVU: the authors' files (answer as text), and the mirror (as letter, options in the text).

    Of two equal options the first is the right one, as in the mirror. Options may be empty. One
    test file has no answers. The text keeps its blanks, which published prompts have too.
    """
    record = present(record)
    text_of(record, "question")  # raises if it is empty
    text, inline = split_options(record["question"])
    options = option_texts(listed(record.get("candidates") or inline), empty_ends=False)
    answer = str(record["answer"]) if "answer" in record else None
    if answer is not None and answer not in tuple(OPTION_LETTERS[: len(options)]):
        if answer not in options:
            raise ValueError(f"answer {answer!r} is not one of the options {list(options)}")
        answer = OPTION_LETTERS[options.index(answer)]
    kind = record.get("task_type") or record["question_type"]
    return Question(
        id=identifier(record, "question_id", fallback_id),
        video=text_of(record, "video_name" if record.get("video_name") else "video"),
        text=text,
        options=options,
        answer=answer,
        groups={"task_type": "needle" if kind == "findNeedle" else str(kind)},
        duration_seconds=seconds_of(record, "duration"),
    )


def videomme(record: Annotation, fallback_id: str) -> Question:
    """Video-MME: options carry their letters ("A. Apples."); a video is named by its YouTube id."""
    record = present(record)
    video = identifier(record, "videoID", "")
    if not video:
        raise KeyError("videoID")
    return Question(
        id=identifier(record, "question_id", fallback_id),
        video=f"{video}.mp4",
        text=text_of(record, "question"),
        options=without_letters(option_texts(listed(record["options"]))),
        answer=letter_of(record, "answer"),
        subtitles=f"{video}.srt",
    )


def lvbench(record: Annotation, fallback_id: str) -> Question:
    """LVBench: options are in the question, `time_reference` is the evidence, if it can be read.

    `video_info` states the video's length and frame rate.
    """
    record = present(record)
    text, options = split_options(text_of(record, "question"))
    reference = record.get("time_reference")
    minutes, rate = _video_info(record.get("video_info"))
    return Question(
        id=identifier(record, "uid", fallback_id),
        video=f"{text_of(record, 'key')}.mp4",
        text=text.strip(),
        options=option_texts(options),
        answer=letter_of(record, "answer"),
        evidence=read_time_reference(reference) if isinstance(reference, str) else (),
        duration_seconds=None if minutes is None else minutes * 60,
        frame_rate=rate,
    )


def _video_info(info: Any) -> tuple[float | None, float | None]:
    """Return minutes and frames a second of LVBench's `video_info` (in tables: JSON), if given."""
    if isinstance(info, str):
        with contextlib.suppress(ValueError, RecursionError):
            info = json.loads(info)
    if not isinstance(info, Mapping):
        return None, None
    minutes, rate = (number_of(info.get(key)) for key in ("duration_minutes", "fps"))
    return minutes or None, stated_rate(rate) if rate else None


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    """Split "Who?\\n(A) He\\n(B) She" into the question, not stripped, and its options.

    Raises:
        ValueError: the letters are not A, B, C ... in this order.
    """
    question, *rest = _OPTION_LINE.split(text)
    letters, options = rest[::2], rest[1::2]
    if "".join(letters) != OPTION_LETTERS[: len(letters)]:
        raise ValueError(f"options are lettered {', '.join(letters)}, not A, B, ...")
    return question, tuple(option.strip() for option in options)


def without_letters(options: Sequence[str]) -> tuple[str, ...]:
    """Remove the letters of ["A. Apples", "B. Candles"] if each option has its own."""
    texts = [
        re.sub(rf"\A[(（]?{letter}{_AFTER_LETTER}\s*", "", option)
        for letter, option in zip(OPTION_LETTERS, options, strict=False)
    ]
    all_had_one = len(texts) == len(options) and all(map(str.__ne__, texts, options))
    return tuple(texts if all_had_one else options)


def read_time_reference(text: str) -> tuple[Span, ...]:
    """Parse "00:15-00:19", "01:02:03-01:02:09" or one moment into seconds; () for other texts."""
    clocks = re.split(r"\s*[-–—~]\s*", text.strip().replace("：", ":"))
    matches = [_CLOCK.fullmatch(clock) for clock in clocks]
    if len(matches) > 2 or not all(matches):
        return ()
    seconds = [
        int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
        for match in matches
        if match
    ]
    return (Span(seconds[0], seconds[-1]),) if seconds[0] <= seconds[-1] else ()


def letter_of(record: Annotation, key: str) -> str:
    """Return a field that must be an option's letter.

    Raises:
        KeyError: the field is missing.
        ValueError: it is something else.
    """
    answer = str(record[key]).strip()
    if len(answer) != 1 or answer not in OPTION_LETTERS:
        raise ValueError(f"{key} {answer!r} is not a capital letter")
    return answer


def _options(record: Annotation) -> tuple[str, ...]:
    given = record.get("options")
    if given is None or isinstance(given, Mapping):
        given = _columns(record if given is None else present(given))
    options = without_letters([option.strip() for option in option_texts(listed(given))])
    if not options:
        raise ValueError("no options: give a list, a text with | between them, or columns A, B")
    return options


def _columns(record: Mapping[str, Any]) -> list[Any]:
    """Return the values of the columns A, B, ...; None for an empty one before another."""
    last = max((letter for letter in OPTION_LETTERS if letter in record), default=None)
    if last is None:
        raise ValueError("no options: give a list, a text with | between them, or columns A, B")
    letters = OPTION_LETTERS[: OPTION_LETTERS.index(last) + 1]
    values = [record.get(letter) for letter in letters]
    while is_missing(values[-1]):
        values.pop()
    return values


def _answer(given: Any, options: tuple[str, ...]) -> str:
    """Return the letter of an answer: a letter ("B", "(B)", "B. An egg") or an option's text.

    A capital letter is always the option's letter; a number is never an index.

    Raises:
        ValueError: it is not one of the options, or ambiguous.
    """
    letters, answer = OPTION_LETTERS[: len(options)], str(given).strip()
    if len(answer) == 1 and answer in letters:
        return answer
    found = {letters[options.index(answer)]} if options.count(answer) == 1 else set()
    if match := _STATED.fullmatch(answer):
        letter, text = match["letter"].upper(), match["text"]
        if letter in letters and (not text or text == options[letters.index(letter)]):
            found.add(letter)
    if len(found) > 1:
        raise ValueError(
            f"answer {given!r} is the text of one option and the letter of another; give the "
            "letter as a capital"
        )
    if not found:
        raise ValueError(
            f"answer {given!r} is neither a letter out of {letters} nor the exact text of one "
            "option"
        )
    return found.pop()


def _evidence(given: Any) -> tuple[Span, ...]:
    try:
        spans = json.loads(given) if isinstance(given, str) and given.strip() else given or []
        return tuple(Span(float(start), float(end)) for start, end in spans)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"evidence must be [[start, end], ...] in seconds, got {given!r} ({error})"
        ) from None


def _rate(given: Any) -> float | None:
    if given is None or given == "":
        return None
    rate = number_of(given)
    if not rate:
        raise ValueError(f"fps must be a number above 0, got {given!r}")
    return stated_rate(rate)
