"""Writes the script of a video whose questions are of fourteen types, worded in many ways."""

from __future__ import annotations

import random
from dataclasses import replace

from tspo_bench.haystack.script import Script, cut_times, finished
from tspo_bench.haystack.varied.draft import Draft, Item, NoRoomError
from tspo_bench.haystack.varied.question_types import WRITERS
from tspo_bench.haystack.varied.wordings import Language
from tspo_bench.haystack.world import OBJECTS

_ATTEMPTS = 100


def write_varied_script(
    seed: str,
    length_seconds: int,
    kinds: tuple[str, ...],
    answers: dict[str, int],
    language: Language,
    objects: str = "all",
) -> Script:
    """The script that a seed gives.

    Args:
        seed: names the video; equal seeds give equal scripts on every machine, and equal scenes in
            every language.
        length_seconds: length of the video.
        kinds: the question types to ask, one question each.
        answers: for each of them the right option's place, 0 to 3.
        language: how the questions are worded.
        objects: those that may be shown and asked about, a key of `world.OBJECTS`.

    Raises:
        ValueError: the video has too few scenes for these questions.
    """
    rng = random.Random(seed)
    for _ in range(_ATTEMPTS):
        times = cut_times(rng, length_seconds)
        categories = list(OBJECTS[objects])
        rng.shuffle(categories)
        draft = Draft(rng, len(times) - 1, OBJECTS[objects], categories=categories)
        try:
            items = [WRITERS[kind](draft, answers[kind]) for kind in WRITERS if kind in kinds]
        except NoRoomError:
            continue
        scenes = finished(draft, times)
        items.sort(key=lambda item: kinds.index(item.kind))
        return Script(scenes, _worded(items, language, random.Random(f"{seed}/wording")))
    raise ValueError(f"{length_seconds} s have too few scenes for: {', '.join(kinds)}")


def _worded(items: list[Item], language: Language, rng: random.Random) -> tuple[Item, ...]:
    return tuple(
        replace(item, text=language.word(item.kind, rng, item.target, item.anchors))
        for item in items
    )
