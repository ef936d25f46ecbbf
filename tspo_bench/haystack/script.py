"""Writes the script of a video: its scenes, and one question of each type that they answer.

A script is drawn in two steps. Each question type claims *slots* (scene numbers) and the objects in
them; then the free slots are filled with objects that disturb no question. So that a sampler which
misses the evidence learns nothing by elimination, every option of a question that may appear
elsewhere does appear elsewhere, the right one as often as the wrong ones.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tspo_bench.haystack.scenes import (
    COLOURS,
    COMPANION_SIZES,
    FRAME_RATE,
    FRAME_SIZE,
    MAIN_SIZES,
    TEXTURES,
    Placement,
    Scene,
)
from tspo_bench.haystack.world import CATEGORY_OF, OBJECTS

QUESTION_TYPES = ("with", "after", "before", "opening", "ending", "order", "count")
COUNTS = (1, 2, 3, 4)
SCENE_SECONDS = (2.0, 8.0)
CORNERS = ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))


@dataclass(frozen=True)
class Item:
    """A question of a script: `evidence` are the scene numbers that answer it, in time order."""

    kind: str
    text: str
    options: tuple[str, ...]
    answer: int
    evidence: tuple[int, ...]


@dataclass(frozen=True)
class Script:
    """A video to be rendered, and the questions about it."""

    scenes: tuple[Scene, ...]
    items: tuple[Item, ...]


@dataclass
class Draft:
    """A script being written: the objects of each slot, and where others may not be added."""

    rng: random.Random
    num_slots: int
    objects: Mapping[str, Collection[str]]  # by category
    mains: dict[int, str] = field(default_factory=dict)
    companions: dict[int, list[str]] = field(default_factory=dict)
    quiet: set[int] = field(default_factory=set)  # slots that get no further companions
    reserved: set[str] = field(default_factory=set)  # objects that appear nowhere else
    categories: list[str] = field(default_factory=list)  # in no question yet
    banned: list[tuple[range, str]] = field(default_factory=list)  # no such category in these slots

    def free(self) -> list[int]:
        """Slots without a main object."""
        return [s for s in range(self.num_slots) if s not in self.mains]

    def allows(self, slot: int, name: str) -> bool:
        """Whether an object that no question needs may stand in a slot."""
        banned = any(slot in slots and CATEGORY_OF[name] == cat for slots, cat in self.banned)
        return name not in self.reserved and not banned

    def options(self) -> list[str]:
        """Four objects of a category that no other question of the script is about."""
        return self.rng.sample(list(self.objects[self.categories.pop()]), 4)

    def anchor(self) -> str:
        """An object of yet another category, which appears where its question says only."""
        name = self.rng.choice(list(self.objects[self.categories.pop()]))
        self.reserved.add(name)
        return name

    def put(self, slot: int, name: str) -> None:
        """Let an object be the main one of a slot."""
        self.mains[slot] = name

    def put_somewhere(self, names: list[str]) -> None:
        """Let each object be the main one of some free slot, where no question forbids it."""
        for name in names:
            self.put(self.rng.choice([s for s in self.free() if self.allows(s, name)]), name)


def write_script(
    seed: str,
    length_seconds: int,
    kinds: tuple[str, ...],
    answers: dict[str, int],
    objects: str = "all",
) -> Script:
    """The script that a seed gives.

    Args:
        seed: names the video; equal seeds give equal scripts on every machine.
        length_seconds: length of the video.
        kinds: the question types to ask, one question each.
        answers: for each of them the right option's place, 0 to 3.
        objects: those that may be shown and asked about, a key of `world.OBJECTS`.
    """
    rng = random.Random(seed)
    times = cut_times(rng, length_seconds)
    categories = list(OBJECTS[objects])
    rng.shuffle(categories)
    draft = Draft(rng, len(times) - 1, OBJECTS[objects], categories=categories)
    # The types that need particular places choose first.
    order = sorted(kinds, key=("opening", "ending").__contains__, reverse=True)
    items = [_WRITERS[kind](draft, answers[kind]) for kind in order]
    scenes = finished(draft, times)
    return Script(scenes, tuple(sorted(items, key=lambda item: kinds.index(item.kind))))


def finished(draft: Draft, times: list[float]) -> tuple[Scene, ...]:
    """The scenes of a draft, once its questions have claimed what they need.

    Args:
        draft: its free slots are filled with objects that disturb no question.
        times: where scenes begin and the last one ends.
    """
    _fill(draft)
    ends = list(itertools.pairwise(times))
    return tuple(_scene(draft, slot, *ends[slot]) for slot in range(draft.num_slots))


def cut_times(rng: random.Random, length_seconds: int) -> list[float]:
    """The beginnings and ends of scenes, on whole frames."""
    shortest, longest = SCENE_SECONDS
    times = [0.0]
    while (left := length_seconds - times[-1]) > 0:
        if left <= longest:
            step = left if left < 2 * shortest else left / 2
        else:
            step = rng.uniform(shortest, min(longest, left - shortest))
        times.append(times[-1] + round(step * FRAME_RATE) / FRAME_RATE)
    return times


def placed(options: list[str], right: str, place: int, rng: random.Random) -> tuple[str, ...]:
    """The options in random order, the right one at `place`."""
    wrong = [name for name in options if name != right]
    rng.shuffle(wrong)
    return (*wrong[:place], right, *wrong[place:])


def _with(draft: Draft, place: int) -> Item:
    options = draft.options()
    right, anchor = options[0], draft.anchor()
    slot, *others = draft.rng.sample(draft.free(), 5)
    draft.put(slot, anchor)
    draft.companions[slot] = [right]
    for other, name in zip(others, draft.rng.sample(options, 4), strict=True):
        draft.companions.setdefault(other, []).append(name)
    text = f"Which {CATEGORY_OF[right]} is shown together with the {anchor}?"
    return Item("with", text, placed(options, right, place, draft.rng), place, (slot,))


def _neighbour(draft: Draft, place: int, step: int) -> Item:
    options = draft.options()
    right, anchor = options[0], draft.anchor()
    free = set(draft.free())
    slot = draft.rng.choice([s for s in sorted(free) if s + step in free])
    draft.put(slot, anchor)
    draft.put(slot + step, right)
    draft.quiet |= {slot, slot + step}
    # The neighbour on the other side must not answer a question about the wrong direction.
    draft.banned.append((range(slot - 1, slot + 2), CATEGORY_OF[right]))
    draft.put_somewhere(draft.rng.sample(options, 4))
    word = "after" if step > 0 else "before"
    text = f"Which {CATEGORY_OF[right]} appears right {word} the {anchor}?"
    evidence = tuple(sorted((slot, slot + step)))
    return Item(word, text, placed(options, right, place, draft.rng), place, evidence)


def _after(draft: Draft, place: int) -> Item:
    return _neighbour(draft, place, 1)


def _before(draft: Draft, place: int) -> Item:
    return _neighbour(draft, place, -1)


def _end(draft: Draft, place: int, word: str) -> Item:
    options = draft.options()
    right, third = options[0], draft.num_slots // 3
    slot = draft.rng.choice((1, 2))
    near = range(0, third)
    if word == "end":
        slot, near = draft.num_slots - 1 - slot, range(draft.num_slots - third, draft.num_slots)
    lost = draft.mains.get(slot)  # what the question about the other end showed here
    draft.put(slot, right)
    if lost is not None:
        draft.put_somewhere([lost])
    draft.quiet.add(slot)
    draft.banned.append((near, CATEGORY_OF[right]))
    draft.put_somewhere(draft.rng.sample(options, 4))
    text = f"Which {CATEGORY_OF[right]} appears near the {word} of the video?"
    kind = {"beginning": "opening", "end": "ending"}[word]
    return Item(kind, text, placed(options, right, place, draft.rng), place, (slot,))


def _opening(draft: Draft, place: int) -> Item:
    return _end(draft, place, "beginning")


def _ending(draft: Draft, place: int) -> Item:
    return _end(draft, place, "end")


def _order(draft: Draft, place: int) -> Item:
    options = draft.options()
    slots = sorted(draft.rng.sample(draft.free(), 4))
    for slot, name in zip(slots, options, strict=True):
        draft.put(slot, name)
    draft.reserved |= set(options)
    text = f"Which {CATEGORY_OF[options[0]]} appears first in the video?"
    # Only these four of their category may be seen, or another one might come before them.
    draft.banned.append((range(draft.num_slots), CATEGORY_OF[options[0]]))
    return Item("order", text, placed(options, options[0], place, draft.rng), place, tuple(slots))


def _count(draft: Draft, place: int) -> Item:
    anchor = draft.anchor()
    slots = _apart(draft, COUNTS[place])
    for slot in slots:
        draft.put(slot, anchor)
    text = f"In how many scenes does the {anchor} appear?"
    return Item("count", text, tuple(map(str, COUNTS)), place, tuple(slots))


def _apart(draft: Draft, count: int) -> list[int]:
    """Free slots of which no two are neighbours, so that scenes can be counted."""
    chosen: list[int] = []
    free = draft.free()
    draft.rng.shuffle(free)
    for slot in free:
        if all(abs(slot - other) > 1 for other in chosen):
            chosen.append(slot)
        if len(chosen) == count:
            return sorted(chosen)
    raise ValueError(f"{draft.num_slots} scenes are too few for {count} scenes that lie apart")


_WRITERS = {
    "with": _with, "after": _after, "before": _before, "opening": _opening,
    "ending": _ending, "order": _order, "count": _count,
}  # fmt: skip


def _fill(draft: Draft) -> None:
    """Objects for the free slots, and companions for two scenes in five."""
    pictograms = [name for names in draft.objects.values() for name in names]
    for slot in draft.free():
        near = {draft.mains.get(slot - 1), draft.mains.get(slot + 1)}
        names = [n for n in pictograms if draft.allows(slot, n) and n not in near]
        draft.put(slot, draft.rng.choice(names))
    for slot in range(draft.num_slots):
        if slot in draft.quiet or slot in draft.companions or draft.rng.random() > 0.4:
            continue
        names = [n for n in pictograms if draft.allows(slot, n) and n != draft.mains[slot]]
        draft.companions[slot] = draft.rng.sample(names, draft.rng.choice((1, 1, 2)))


def _scene(draft: Draft, slot: int, start: float, end: float) -> Scene:
    rng = draft.rng
    corners = rng.sample(CORNERS, 4)
    names = draft.companions.get(slot, [])
    companions = tuple(
        placement(rng, name, corner, COMPANION_SIZES)
        for name, corner in zip(names, corners, strict=False)
    )
    # The main object leans away from its first companion.
    lean = corners[0] if names else (0.5, 0.5)
    middle = (0.5 + 0.22 * (0.5 - lean[0]), 0.5 + 0.22 * (0.5 - lean[1]))
    return Scene(
        start=start,
        end=end,
        main=placement(rng, draft.mains[slot], middle, MAIN_SIZES),
        companions=companions,
        colour=rng.choice(list(COLOURS)),
        texture=rng.choice(TEXTURES),
        drift=(rng.uniform(4, 14), rng.uniform(4, 14)),
        fade=slot > 0 and rng.random() < 0.5,
    )


def placement(
    rng: random.Random, name: str, spot: tuple[float, float], sizes: tuple[int, int]
) -> Placement:
    """A pictogram at a spot (shares of the frame's sides), a little shifted and swaying."""
    return Placement(
        name=name,
        x=round(spot[0] * FRAME_SIZE + rng.uniform(-3, 3), 2),
        y=round(spot[1] * FRAME_SIZE + rng.uniform(-3, 3), 2),
        size=rng.randint(*sizes),
        sway=round(rng.uniform(1, 4), 2),
        phase=round(rng.uniform(0, 2 * math.pi), 3),
    )
