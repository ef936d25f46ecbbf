"""The haystack task on the user's own footage: needle clips among other clips.

Videos are edit lists: nothing is re-encoded, frames are decoded from the clips.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError, VideoError
from tspo_bench.files import cache_folder, user_path
from tspo_bench.haystack.footage import Footage
from tspo_bench.haystack.needles import Needle, checked_depths, read_needles
from tspo_bench.specs import Spec
from tspo_bench.tasks import MultipleChoice
from tspo_bench.tasks.base import Skipped
from tspo_bench.tasks.protocols import chosen_protocol
from tspo_bench.types import Question, Span
from tspo_bench.video.edit_list import SUFFIX, EditList
from tspo_bench.video.edit_reader import clip_facts

DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_UNITS = {"s": 1, "min": 60, "h": 3600}
_LENGTH = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(s|min|h)")
_LONGEST = 24 * 3600


@dataclass(frozen=True)
class _Video:
    """A haystack: a needle at a depth in so many seconds."""

    needle: Needle
    seconds: int
    depth: float


class ClipHaystack(MultipleChoice):
    """Needle clips with their questions, at stated depths in stated lengths of other clips.

    Groups are the needle's own, its id (`needle`), the `depth` and the `length`.

    Args:
        clips: the folder of the other clips, subfolders included.
        needles: the file of the needles: see `docs/haystack.md`.
        length: "90s", "5min", "1h", or a list of them.
        depths: where needles begin that state no depth: 0 at the start, 1 at the end.
        clip_seed: another one draws other clips.
        protocol: "strict" is the only one.

    Raises:
        UserError: the folder or the file is missing or holds nothing usable, or an option is wrong.
    """

    name = "haystack"
    tolerance_seconds = 1.0

    def __init__(
        self,
        clips: str,
        needles: str,
        length: Any = "5min",
        depths: Any = DEPTHS,
        clip_seed: int = 0,
        protocol: str | None = None,
    ) -> None:
        super().__init__()
        self.rules = chosen_protocol(self.name, {}, protocol)
        folder, file = (_path(key, one) for key, one in (("clips", clips), ("needles", needles)))
        self._lengths = [
            _seconds(one) for one in (length if isinstance(length, list) else [length])
        ]
        if len(set(self._lengths)) < len(self._lengths) or not self._lengths:
            raise UserError(f"length={length!r}: give one or several different lengths")
        if isinstance(clip_seed, bool) or not isinstance(clip_seed, int):
            raise UserError(f"clip_seed must be a whole number (got {clip_seed!r})")
        try:
            self._depths = checked_depths(depths)
        except ValueError as error:
            raise UserError(f"depths={depths!r}: {error}") from error
        self.label = _label(folder, file, length, self._depths, clip_seed)
        self._needles, self._unusable = read_needles(file)
        self._footage = Footage(folder, [needle.path for needle in self._needles], clip_seed)
        self._paths: dict[str, Path] = {}

    def questions(self) -> Sequence[Question]:
        """Every needle's question at every length and depth, in the file's order."""
        return self._asked[0]

    @property
    def skipped(self) -> Sequence[Skipped]:  # type: ignore[override]
        """Unusable needles, and lengths that are too short for one."""
        return [*self._unusable, *self._asked[2]]

    @functools.cached_property
    def _asked(self) -> tuple[list[Question], dict[str, _Video], list[Skipped]]:
        questions: list[Question] = []
        videos: dict[str, _Video] = {}
        skipped: list[Skipped] = []
        for needle in self._needles:
            for seconds in self._lengths:
                if seconds <= needle.seconds:
                    skipped.append(self._too_short(needle, seconds))
                    continue
                for depth in needle.depths or self._depths:
                    video = _Video(needle, seconds, depth)
                    question = self._question(video)
                    questions.append(question)
                    videos.setdefault(question.video, video)
        if not questions:
            raise UserError(f"task {self.label!r}: {skipped[0].where}: {skipped[0].reason}")
        return questions, videos, skipped

    def video_path(self, video: str) -> Path:
        """The edit list of a video, written now unless the cache has it.

        Raises:
            VideoError: no such video, or no clip can be used.
        """
        if video not in self._paths:
            asked = self._asked[1].get(video)
            if asked is None:
                raise VideoError(f"task {self.label!r} has no video {video!r}")
            needle = asked.needle
            info = clip_facts(needle.path).info
            parts = self._footage.around(needle.path, needle.seconds, asked.seconds, asked.depth)
            edits = EditList(version=1, width=info.width, height=info.height, parts=tuple(parts))
            self._paths[video] = edits.write(cache_folder("edit-lists"))
        return self._paths[video]

    def _question(self, video: _Video) -> Question:
        needle, seconds = video.needle, video.seconds
        length, percent = self._name_of(seconds), f"{100 * video.depth:g}"
        begin = round(video.depth * (seconds - needle.seconds))
        own = needle.question
        return replace(
            own,
            id=f"{own.id}-{length}-{percent}",
            video=f"{needle.name}-{length}-{percent}{SUFFIX}",
            groups={**own.groups, "needle": own.id, "length": length, "depth": f"{percent}%"},
            evidence=tuple(Span(begin + s.start, begin + s.end) for s in own.evidence),
            duration_seconds=float(seconds),
        )

    def _name_of(self, seconds: int) -> str:
        """A length in the unit of all lengths, so that maps have them in order."""
        if any(length % 60 for length in self._lengths):
            return f"{seconds}s"
        return f"{seconds // 60}min"

    def _too_short(self, needle: Needle, seconds: int) -> Skipped:
        return Skipped(
            needle.where,
            f"clip {needle.name} lasts {needle.seconds} s, which leaves no room for other clips in "
            f"a length of {self._name_of(seconds)}; use a longer length or a shorter clip",
        )


def _path(option: str, given: Any) -> Path:
    if not isinstance(given, str) or not given:
        raise UserError(f"{option} must be a path (got {given!r})")
    return user_path(given)


def _seconds(given: Any) -> int:
    match = _LENGTH.fullmatch(given.strip()) if isinstance(given, str) else None
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 1 <= seconds <= _LONGEST or not seconds.is_integer():
        raise UserError(
            f"length={given!r}: give a number with its unit, s, min or h, that makes 1 to "
            f"{_LONGEST} whole seconds: 90s, 5min, 1h"
        )
    return int(seconds)


def _label(folder: Path, file: Path, length: Any, depths: tuple[float, ...], clip_seed: int) -> str:
    """The task's name in tables: the paths' last parts, and the options that are not usual."""
    options: dict[str, Any] = {"clips": folder.name or folder.resolve().name, "needles": file.name}
    if length != "5min":
        options["length"] = length
    if depths != DEPTHS:
        options["depths"] = list(depths)
    if clip_seed:
        options["clip_seed"] = clip_seed
    return Spec("haystack", options).label
