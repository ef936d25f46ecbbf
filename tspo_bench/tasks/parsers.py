"""One function a benchmark: its annotation record as a `Question`.

A parser takes a record and the id to use where the record has none. It raises KeyError for a
missing field and ValueError for a wrong one: the question is then skipped and reported. Groups that
stand in the record under their own name are named in the task's card, not here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tspo_bench.tasks.records import Record
from tspo_bench.types import OPTION_LETTERS, Question, Span

Parser = Callable[[Record, str], Question]

_OPTION_LINE = re.compile(r"\n[^\S\n]*\(([A-J])\)")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)")


def own(record: Record, fallback_id: str) -> Question:
    """One's own data: `video`, `question`, `options`, `answer`; the rest is optional.

    `options` is a list, a text with "|" between them, or one column an option (`A`, `B`, ...);
    `answer` a letter or an option's exact text; `evidence` a list of [start, end] in seconds (in
    CSV the same as JSON); groups stand in `groups` or in columns `groups.NAME`.
    """
    video, text, options = _text(record, "video"), _text(record, "question"), _own_options(record)
    given = record.get("groups") or {}
    if not isinstance(given, Mapping):
        raise ValueError(f"groups must be an object {{name: value}}, got {given!r}")
    groups = {str(key): str(value) for key, value in given.items()}
    for key, value in record.items():
        if key.startswith("groups."):
            groups[key.removeprefix("groups.")] = str(value)
    duration, subtitles = record.get("duration"), record.get("subtitles")
    return Question(
        id=str(record.get("id", fallback_id)),
        video=video,
        text=text,
        options=options,
        answer=_own_answer(record["answer"], options),
        groups=groups,
        evidence=_own_evidence(record.get("evidence")),
        duration_seconds=None if duration is None else float(duration),
        subtitles=None if subtitles is None else str(subtitles),
    )


def longvideobench(record: Record, fallback_id: str) -> Question:
    """LongVideoBench; the hub's copy has `option0`.. with "N/A" where the file has `candidates`.

    `position` holds annotated moments in the video's own frame numbers. The test split has no
    right choice.
    """
    options = record.get("candidates") or [
        record[f"option{i}"] for i in range(5) if record.get(f"option{i}", "N/A") != "N/A"
    ]
    choice = record.get("correct_choice")
    position = record.get("position") or []
    moments = json.loads(position) if isinstance(position, str) else position
    return Question(
        id=str(record.get("id", fallback_id)),
        video=record["video_path"],
        text=_text(record, "question"),
        options=tuple(map(str, options)),
        answer=None if choice in (None, -1) else OPTION_LETTERS[int(choice)],
        evidence=tuple(Span(frame, frame, "frames") for frame in moments),
        duration_seconds=record.get("duration"),
        subtitles=record.get("subtitle_path"),
        subtitle_offset=float(record.get("starting_timestamp_for_subtitles") or 0),
    )


def mlvu(record: Record, fallback_id: str) -> Question:
    """MLVU: the authors' files (answer as text), and the mirror (as letter, options in the text).

    Two equal options occur: the first is the right one, as in the mirror. The authors' file of test
    questions has no answers. The text keeps its blanks, which the prompts of others have too.
    """
    _text(record, "question")  # it is no question if this is empty
    text, inline = split_options(record["question"])
    options = tuple(map(str, record.get("candidates") or inline))
    answer = None if record.get("answer") is None else str(record["answer"])
    if answer is not None and answer not in tuple(OPTION_LETTERS[: len(options)]):
        if answer not in options:
            raise ValueError(f"answer {answer!r} is none of the options {list(options)}")
        answer = OPTION_LETTERS[options.index(answer)]
    kind = record.get("task_type") or record["question_type"]
    return Question(
        id=str(record.get("question_id", fallback_id)),
        video=record.get("video_name") or record["video"],
        text=text,
        options=options,
        answer=answer,
        groups={"task_type": "needle" if kind == "findNeedle" else kind},
        duration_seconds=record.get("duration"),
    )


def videomme(record: Record, fallback_id: str) -> Question:
    """Video-MME: options carry their letters ("A. Apples."); a video is named by its YouTube id."""
    return Question(
        id=str(record.get("question_id", fallback_id)),
        video=f"{record['videoID']}.mp4",
        text=_text(record, "question"),
        options=without_letters(record["options"]),
        answer=_letter(record),
        subtitles=f"{record['videoID']}.srt",
    )


def lvbench(record: Record, fallback_id: str) -> Question:
    """LVBench: options stand in the question, `time_reference` is the evidence.

    A time reference that cannot be read gives no evidence; the question stays.
    """
    text, options = split_options(_text(record, "question"))
    return Question(
        id=str(record.get("uid", fallback_id)),
        video=f"{record['key']}.mp4",
        text=text.strip(),
        options=options,
        answer=_letter(record),
        evidence=read_time_reference(record.get("time_reference") or ""),
    )


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    """Split "Who?\\n(A) He\\n(B) She" into the question as it stands and its options.

    Raises:
        ValueError: the letters are not A, B, C ... in this order.
    """
    question, *rest = _OPTION_LINE.split(text)
    letters, options = rest[::2], rest[1::2]
    if "".join(letters) != OPTION_LETTERS[: len(letters)]:
        raise ValueError(f"options are lettered {', '.join(letters)}, not A, B, ...")
    return question, tuple(option.strip() for option in options)


def without_letters(options: Sequence[str]) -> tuple[str, ...]:
    """Take the letters off ["A. Apples", "B. Candles"] if every option carries its own."""
    prefixes = [re.match(rf"\(?{letter}[.):]\s*", option) for letter, option in _lettered(options)]
    if not all(prefixes):
        return tuple(options)
    return tuple(
        option[prefix.end() :] for option, prefix in zip(options, prefixes, strict=True) if prefix
    )


def read_time_reference(text: str) -> tuple[Span, ...]:
    """ "00:15-00:19", "01:02:03-01:02:09" or one moment, as seconds; () if it is none of these."""
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


def _lettered(options: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(OPTION_LETTERS, options, strict=False))


def _text(record: Record, key: str) -> str:
    value = record[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} is empty or no text: {value!r}")
    return value.strip()


def _letter(record: Record) -> str:
    answer = str(record["answer"]).strip()
    if len(answer) != 1 or answer not in OPTION_LETTERS:
        raise ValueError(f"answer {answer!r} is no letter")
    return answer


def _own_options(record: Record) -> tuple[str, ...]:
    given = record.get("options")
    if given is None:
        columns = [letter for letter in OPTION_LETTERS if letter in record]
        if not columns:
            raise ValueError("no options: give a list, a text with | between them, or columns A, B")
        if "".join(columns) != OPTION_LETTERS[: len(columns)]:
            raise ValueError(f"options {', '.join(columns)}: the columns before them are empty")
        given = [record[letter] for letter in columns]
    elif isinstance(given, str):
        given = given.split("|")
    if not isinstance(given, list):
        raise ValueError(f"options must be a list, got {given!r}")
    options = without_letters([str(option).strip() for option in given])
    if not all(options):
        raise ValueError(f"an option is empty: {list(options)}")
    return options


def _own_answer(given: Any, options: tuple[str, ...]) -> str:
    """A single letter is always the option's letter; a number is never taken for an index."""
    letters, answer = OPTION_LETTERS[: len(options)], str(given).strip()
    if len(answer) == 1 and answer in letters:
        return answer
    if options.count(answer) == 1:
        return letters[options.index(answer)]
    if len(answer) == 1 and answer.upper() in letters:
        return answer.upper()
    raise ValueError(
        f"answer {given!r} is neither a letter out of {letters} nor the exact text of one option"
    )


def _own_evidence(given: Any) -> tuple[Span, ...]:
    spans = json.loads(given) if isinstance(given, str) else given or []
    if not all(isinstance(span, list) and len(span) == 2 for span in spans):
        raise ValueError(f"evidence must be [[start, end], ...] in seconds, got {given!r}")
    return tuple(Span(float(start), float(end)) for start, end in spans)
