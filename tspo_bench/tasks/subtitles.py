"""Subtitle files, and the text that goes with the selected frames.

Alignment and interleaving are LongVideoBench's own rules (arXiv 2407.15754, released loader).
"""

from __future__ import annotations

import html
import io
import json
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError

SUBTITLE_SUFFIXES = (".json", ".jsonl", ".srt", ".vtt")
_SHORTEST = 1.0  # seconds; a shorter one would fall between the frames
_CUE = re.compile(r"^\s*\d+\s*\n[^\n]*-->", re.MULTILINE)
# <i>, <font ...>, <c.yellow>, <00:00:01.500>, and SubStation's {\an8}, which SubRip files have too
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")


@dataclass(frozen=True)
class Subtitle:
    """A text that is shown from `start` to `end`, in seconds of the video."""

    start: float
    end: float
    text: str


def read_subtitles(
    path: Path, *, offset: float = 0.0, duration: float | None = None
) -> tuple[Subtitle, ...]:
    """Read a subtitle file, in its order.

    `.json` is LongVideoBench's list in either of its shapes (`{"timestamp": [1.0, 2.5], "text":
    ...}`, or `{"start": "00:00:01.000", "end": ..., "line": ...}`), `.jsonl` Video-MME-v2's, a word
    a line (`{"text": ..., "start_time": 0.5, "end_time": 0.8}`). In `.srt` and `.vtt` markup is
    removed, lines are joined by a space, and blocks without readable times are skipped.

    Args:
        path: the file, in UTF-8.
        offset: seconds that the file's times run ahead of the video's.
        duration: the video's length in seconds: the end, before the offset is subtracted, of texts
            of LongVideoBench without one. Its loader also takes an end without a decimal point for
            missing. None: such a text does not end.

    Raises:
        UserError: the file cannot be read, or is not of the format of its suffix.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        suffix = path.suffix.lower()
        if suffix == ".json":
            found = _from_json(text, math.inf if duration is None else duration)
        elif suffix == ".jsonl":
            found = _from_words(text)
        elif suffix in SUBTITLE_SUFFIXES:
            found = _from_cues(text, suffix)
        else:
            raise ValueError(f"give {', '.join(SUBTITLE_SUFFIXES)} files")
    except OSError as error:
        raise UserError(f"subtitles {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"subtitles {path} cannot be read: {error}") from error
    return tuple(Subtitle(one.start - offset, one.end - offset, one.text) for one in found)


def within(subtitles: Sequence[Subtitle], duration: float | None) -> tuple[Subtitle, ...]:
    """Return the subtitles within the video: the file may be of a longer one."""
    last = math.inf if duration is None else duration
    return tuple(one for one in subtitles if one.end > 0 and one.start < last)


def aligned(subtitles: Sequence[Subtitle], seconds: Sequence[float]) -> tuple[Subtitle, ...]:
    """Return the subtitles with a frame strictly between start and end: LongVideoBench's rule.

    One that is shorter than a second counts as a second around its middle.

    Args:
        subtitles: of the video.
        seconds: [n] the frames' times, rising.
    """

    def is_shown(one: Subtitle) -> bool:
        start, end = one.start, one.end
        if end - start < _SHORTEST:
            middle = (start + end) / 2
            start, end = middle - _SHORTEST / 2, middle + _SHORTEST / 2
        first = bisect_right(seconds, start)
        return first < len(seconds) and seconds[first] < end

    return tuple(filter(is_shown, subtitles))


def aligned_by_frame(
    subtitles: Sequence[Subtitle], seconds: Sequence[float], frame_rate: float
) -> tuple[Subtitle, ...]:
    """Return the subtitles whose frames, without the last, include a selected one.

    This is the rule of lmms-eval's Video-MME.

    Args:
        subtitles: of the video.
        seconds: [n] the frames' times, rising.
        frame_rate: the video's, by which times become frame numbers (rounded down).
    """
    frames = [round(second * frame_rate) for second in seconds]

    def is_shown(one: Subtitle) -> bool:
        first = bisect_left(frames, int(one.start * frame_rate))
        return first < len(frames) and frames[first] < int(one.end * frame_rate)

    return tuple(filter(is_shown, subtitles))


def on_screen(subtitles: Sequence[Subtitle], seconds: Sequence[float]) -> tuple[Subtitle, ...]:
    """Return the subtitles with a frame from their start to before their end.

    This is the rule of lmms-eval's CG-Bench.

    Args:
        subtitles: of the video.
        seconds: [n] the frames' times, rising.
    """

    def is_shown(one: Subtitle) -> bool:
        first = bisect_left(seconds, one.start)
        return first < len(seconds) and seconds[first] < one.end

    return tuple(filter(is_shown, subtitles))


def interleaved(
    subtitles: Sequence[Subtitle], seconds: Sequence[float], shown: Collection[Subtitle]
) -> tuple[tuple[str, ...], str]:
    """Place texts between the frames, each after the frames up to its middle, on its own line.

    A file that is not in time order keeps its order.

    Args:
        subtitles: all of the video's.
        seconds: [n] the frames' times, rising.
        shown: the subtitles to show.

    Returns:
        [n] the text before each frame, and the text after the last, with line breaks.
    """
    places: list[list[str]] = [[] for _ in range(len(seconds) + 1)]
    wanted, place = set(shown), 0
    for one in subtitles:
        middle = (one.start + one.end) / 2
        while place < len(seconds) and seconds[place] <= middle:
            place += 1
        if one in wanted:
            places[place].append(one.text)
    before = tuple(
        "\n" * (place > 0) + "".join(f"{text}\n" for text in lines)
        for place, lines in enumerate(places[:-1])
    )
    rest = "".join(f"\n{text}" for text in places[-1])
    return before, rest if before else rest.removeprefix("\n")


def _from_json(text: str, duration: float) -> list[Subtitle]:
    entries = json.loads(text)
    if not isinstance(entries, list):
        raise ValueError(f"it holds no list, but a {type(entries).__name__}")
    found = []
    for number, entry in enumerate(entries, start=1):
        try:
            found.append(_from_entry(entry, duration))
        except KeyError as error:
            raise ValueError(f"item {number} has no {error}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"item {number} ({error})") from error
    return found


def _from_words(text: str) -> list[Subtitle]:
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            start, end = float(entry["start_time"]), float(entry["end_time"])
            if not 0 <= start <= end < math.inf:
                raise ValueError(f"from {start:g} to {end:g} seconds")
            if not isinstance(entry["text"], str):
                raise ValueError(f"its text is {entry['text']!r}")
        except KeyError as error:
            raise ValueError(f"line {number} has no {error}") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"line {number} ({error})") from error
        found.append(Subtitle(start, end, entry["text"]))
    return found


def _from_entry(entry: dict[str, Any], duration: float) -> Subtitle:
    if "timestamp" in entry:
        start, end = entry["timestamp"]
        times, text = (float(start), end if isinstance(end, float) else duration), entry["text"]
    else:
        times, text = (_clock(entry["start"]), _clock(entry["end"])), entry["line"]
    if not isinstance(text, str):
        raise ValueError(f"its text is {text!r}")
    return Subtitle(*times, text)


def _clock(text: str) -> float:
    """ "HH:MM:SS.mmm" in seconds."""
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _from_cues(text: str, suffix: str) -> list[Subtitle]:
    import webvtt

    if not text.strip():
        return []
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if suffix == ".srt" and (cue := _CUE.search(text)):
        text = text[cue.start() :].lstrip()  # the library wants the first cue on the first line
    try:
        read = webvtt.from_buffer(io.StringIO(text), format=suffix.removeprefix("."))
    except (webvtt.errors.MalformedFileError, ValueError) as error:
        raise ValueError(f"it holds no subtitles in the form of a {suffix} file") from error
    found = []
    for caption in read.captions:
        line = _MARKUP.sub("", " ".join(caption.lines))
        start, end = caption.start_time, caption.end_time
        found.append(
            Subtitle(
                start.in_seconds() + start.milliseconds / 1000,
                end.in_seconds() + end.milliseconds / 1000,
                html.unescape(line) if suffix == ".vtt" else line,
            )
        )
    if not found:
        raise ValueError("none of its blocks is a subtitle with readable times")
    return found
