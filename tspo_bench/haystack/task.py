"""The built-in task: multiple-choice questions about videos of the pictogram world.

A diagnostic: it shows what a frame sampler can find and an agent can learn, not what either gains
on films.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from tspo_bench.errors import UserError, VideoError
from tspo_bench.haystack.render import rendered
from tspo_bench.haystack.script import QUESTION_TYPES, Item, Script, write_script
from tspo_bench.haystack.varied.script import write_varied_script
from tspo_bench.haystack.varied.wordings import LANGUAGES
from tspo_bench.haystack.world import OBJECTS
from tspo_bench.tasks import MultipleChoice
from tspo_bench.tasks.protocols import chosen_protocol
from tspo_bench.types import OPTION_LETTERS, Question, Span

LENGTHS = {"1min": 60, "5min": 300, "15min": 900, "60min": 3600}
# Videos per split and length. A minute has too few scenes for more than one question.
NUM_VIDEOS = {
    "train": {"1min": 2800, "5min": 1000, "15min": 400, "60min": 100},
    "val": {"1min": 140, "5min": 40, "15min": 20, "60min": 8},
    "test": {"1min": 420, "5min": 100, "15min": 100, "60min": 40},
}
_NUMBER = re.compile(r"(\d{4})\.mp4$")


class HaystackTask(MultipleChoice):
    """Questions of seven or fourteen types about pictograms in long videos, made from a seed.

    `haystack[length=15min]` and `split` choose others than the test split's 5-minute videos. A
    video is rendered when it is asked for, and kept in the cache folder. Groups are the type, the
    length, and the needle's depth (where in the video its evidence begins, in fifths).

    Args:
        length: "1min", "5min", "15min" or "60min".
        split: "train", "val" or "test"; the objects are the same, the videos are not.
        objects: "all", or "known": a fifth of each category (`world.HELD_OUT`) is neither shown nor
            asked about, so that an agent trained without it can be tested on what it never saw.
        videos: the first so many videos of the split; None for all.
        language: "plain", seven question types in one wording each, or "varied": fourteen types in
            many wordings (`haystack.varied`), those of the test split unlike those of the others.
        protocol: "strict" is the only one.

    Raises:
        UserError: another protocol, length or split, other objects, or more videos than there are.
    """

    name = "haystack"
    tolerance_seconds = 1.0
    makes_videos = True

    def __init__(
        self,
        length: str = "5min",
        split: str | None = None,
        objects: str = "all",
        videos: int | None = None,
        language: str = "plain",
        protocol: str | None = None,
    ) -> None:
        super().__init__()
        self.rules = chosen_protocol(self.name, {}, protocol)
        self.length = _one_of("length", length, LENGTHS)
        self.split = _one_of("split", split or "test", NUM_VIDEOS)
        self.objects = _one_of("objects", objects, OBJECTS)
        self.language = _one_of("language", language, ("plain", "varied"))
        self.num_videos = _at_most(videos, NUM_VIDEOS[self.split][length])
        chosen = {
            "length": (length, "5min"),
            "split": (self.split, "test"),
            "objects": (objects, "all"),
            "videos": (videos, None),
            "language": (language, "plain"),
        }
        options = [f"{key}={value}" for key, (value, usual) in chosen.items() if value != usual]
        self.label = f"haystack[{','.join(options)}]" if options else "haystack"

    @functools.cached_property
    def _questions(self) -> tuple[Question, ...]:
        return self._of_first(self.num_videos)

    def questions(self) -> Sequence[Question]:
        """Every question of the split, one of each type a video (one a video of a minute)."""
        return self._questions

    def first_questions(self, videos: int | None) -> Sequence[Question]:
        """Those of the first videos; scripts of the others are not written."""
        if videos is None or type(self) is not HaystackTask:  # a subclass may ask other questions
            return super().first_questions(videos)
        return self._of_first(min(videos, self.num_videos))

    def _of_first(self, videos: int) -> tuple[Question, ...]:
        return tuple(
            self._question(number, script, item)
            for number in range(videos)
            for script in [self._script(number)]
            for item in script.items
        )

    def video_path(self, video: str) -> Path:
        """The rendered file of a video, rendered now unless the cache has it.

        Raises:
            VideoError: no such video in this split.
        """
        return rendered(self.script(video).scenes)

    def script(self, video: str) -> Script:
        """The scenes of a video and the questions about them, without rendering it.

        Raises:
            VideoError: no such video in this split.
        """
        match = _NUMBER.search(video)
        count = self.num_videos
        if match is None or video != self._video(number := int(match[1])) or number >= count:
            raise VideoError(f"task {self.label!r} has no video {video!r}; it has {count} videos")
        return self._script(number)

    def _video(self, number: int) -> str:
        objects = "" if self.objects == "all" else f"-{self.objects}"
        language = "" if self.language == "plain" else f"-{self.language}"
        return f"{self.split}-{self.length}{objects}{language}-{number:04d}.mp4"

    def _script(self, number: int) -> Script:
        write = _script if self.language == "plain" else _varied_script
        return write(self.split, self.length, self.objects, number)

    def _question(self, number: int, script: Script, item: Item) -> Question:
        spans = tuple(Span(*script.scenes[scene].clear) for scene in item.evidence)
        length = LENGTHS[self.length]
        fifth = min(4, int(5 * spans[0].start / length))
        video = self._video(number)
        return Question(
            id=f"{Path(video).stem}-{item.kind}",
            video=video,
            text=item.text,
            options=item.options,
            answer=OPTION_LETTERS[item.answer],
            groups={
                "type": item.kind,
                "length": self.length,
                "depth": f"{20 * fifth}-{20 * fifth + 20}%",
            },
            evidence=spans,
            duration_seconds=float(length),
        )


@functools.lru_cache(maxsize=128)
def _script(split: str, length: str, objects: str, number: int) -> Script:
    kinds: tuple[str, ...] = QUESTION_TYPES
    if length == "1min":
        kinds = (QUESTION_TYPES[number % len(QUESTION_TYPES)],)
    answers = {kind: _answer(split, length, kind, number) for kind in kinds}
    seed = f"haystack/{split}/{length}/{number}"
    return write_script(seed, LENGTHS[length], kinds, answers, objects)


@functools.lru_cache(maxsize=128)
def _varied_script(split: str, length: str, objects: str, number: int) -> Script:
    """A video is asked about every other type in turn; one of a minute about one type."""
    language = LANGUAGES["test" if split == "test" else "train"]
    rounds, turn = divmod(number, len(language.relations) if length == "1min" else 2)
    types = tuple(language.relations)
    kinds = (types[turn],) if length == "1min" else types[turn::2]
    # Each four questions of a type have all four places.
    answers = {kind: _place(f"{split}/{length}/{kind}", rounds) for kind in kinds}
    seed = f"haystack/varied/{split}/{length}/{number}"
    return write_varied_script(seed, LENGTHS[length], kinds, answers, language, objects)


def _answer(split: str, length: str, kind: str, number: int) -> int:
    """The right option's place: even per type, since each four questions have all four."""
    if length == "1min":
        number //= len(QUESTION_TYPES)
    return _place(f"{split}/{length}/{kind}", number)


def _place(seed: str, number: int) -> int:
    """The right place of question `number` of a type: each four questions have all four."""
    places = [0, 1, 2, 3]
    random.Random(f"{seed}/{number // 4}").shuffle(places)
    return places[number % 4]


def _one_of(what: str, value: str, known: Collection[str]) -> str:
    if value not in known:
        raise UserError(f"task 'haystack' has no {what} {value!r}; it has: {', '.join(known)}")
    return value


def _at_most(videos: int | None, count: int) -> int:
    """The number of videos asked for, of those available."""
    if videos is None:
        return count
    if isinstance(videos, bool) or not isinstance(videos, int) or not 1 <= videos <= count:
        raise UserError(f"task 'haystack' has no videos={videos!r}; give 1 to {count}")
    return videos
