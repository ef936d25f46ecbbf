"""The question types: each claims slots of a draft, and the objects in them.

So that a sampler which misses the evidence learns nothing by elimination, every option appears
outside the evidence too, the right one as often as the wrong ones; `first`, `last`, `last-before`
and `first-after` show each of their options once instead.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from tspo_bench.haystack.script import COUNTS, placed
from tspo_bench.haystack.varied.draft import Draft, Item
from tspo_bench.haystack.world import CATEGORY_OF

NEAR = 3  # scenes: how far the nearest one before or after an object may be
Writer = Callable[[Draft, int], Item]


def _item(
    draft: Draft,
    kind: str,
    place: int,
    options: list[str],
    evidence: list[int],
    anchors: tuple[str, ...] = (),
) -> Item:
    """A question whose right option is the first of `options`."""
    given = placed(options, options[0], place, draft.rng)
    scenes = tuple(sorted(set(evidence)))
    return Item(kind, "", given, place, scenes, CATEGORY_OF[options[0]], anchors)


def _with(draft: Draft, place: int) -> Item:
    options, anchor = draft.options(), draft.anchor()
    slot = draft.choose(draft.bare())
    draft.put(slot, anchor)
    draft.companions[slot] = [options[0]]
    draft.accompany(draft.rng.sample(options, 4))
    return _item(draft, "with", place, options, [slot], (anchor,))


def _second_time(draft: Draft, place: int) -> Item:
    """Another option accompanies the object at its first appearance."""
    options, anchor = draft.options(), draft.anchor()
    slots = draft.apart(2)
    for slot, name in zip(slots, (options[1], options[0]), strict=True):
        draft.put(slot, anchor)
        draft.companions[slot] = [name]
    draft.accompany(draft.rng.sample(options, 4))
    return _item(draft, "second-time", place, options, slots, (anchor,))


def _neighbour(kind: str, step: int, draft: Draft, place: int) -> Item:
    """`step` scenes after the object, or before it."""
    options, anchor = draft.options(), draft.anchor()
    first = draft.run(abs(step) + 1)
    slot, right = (first, first + step) if step > 0 else (first - step, first)
    draft.put(slot, anchor)
    draft.put(right, options[0])
    draft.quiet |= {slot, right}
    # The scenes on the other side, and those on the way, must not answer another relation.
    reach = abs(step)
    draft.banned.append((range(slot - reach, slot + reach + 1), CATEGORY_OF[options[0]]))
    draft.put_somewhere(draft.rng.sample(options, 4))
    return _item(draft, kind, place, options, [slot, right], (anchor,))


def _between(draft: Draft, place: int) -> Item:
    options, before, after = draft.options(), draft.anchor(), draft.anchor()
    first = draft.run(3)
    for slot, name in enumerate((before, options[0], after), first):
        draft.put(slot, name)
        draft.quiet.add(slot)
    draft.banned.append((range(first - 1, first + 4), CATEGORY_OF[options[0]]))
    draft.put_somewhere(draft.rng.sample(options, 4))
    evidence = [first, first + 1, first + 2]
    return _item(draft, "between", place, options, evidence, (before, after))


def _nearest(kind: str, step: int, draft: Draft, place: int) -> Item:
    """The option nearest to the object on one side; another is further off, one on the other."""
    options, anchor = draft.options(), draft.anchor()
    free = set(draft.bare())
    pairs = [
        (slot, slot + step * distance)
        for slot in sorted(free)
        for distance in range(2, NEAR + 1)
        if slot + step * distance in free
    ]
    slot, right = pairs[draft.choose(list(range(len(pairs))))]
    draft.put(slot, anchor)
    draft.put(right, options[0])
    further = [s for s in draft.bare() if (s - right) * step > 0]
    beyond = [s for s in draft.bare() if (s - slot) * step < 0]
    draft.put(draft.choose(further), options[1])
    draft.put(draft.choose([s for s in beyond if s not in draft.mains]), options[2])
    either = [s for s in (*further, *beyond) if s not in draft.mains]
    draft.put(draft.choose(either), options[3])
    draft.reserved |= set(options)
    draft.quiet |= {slot, right}
    draft.banned.append((range(draft.num_slots), CATEGORY_OF[options[0]]))
    return _item(draft, kind, place, options, [slot, right], (anchor,))


def _end(kind: str, draft: Draft, place: int) -> Item:
    options, third = draft.options(), draft.num_slots // 3
    places, near = (1, 2), range(0, third)
    if kind == "ending":
        places = (draft.num_slots - 2, draft.num_slots - 3)
        near = range(draft.num_slots - third, draft.num_slots)
    slot = draft.choose([s for s in places if s not in draft.mains])
    draft.put(slot, options[0])
    draft.quiet.add(slot)
    draft.banned.append((near, CATEGORY_OF[options[0]]))
    draft.put_somewhere(draft.rng.sample(options, 4))
    return _item(draft, kind, place, options, [slot])


def _extreme(kind: str, draft: Draft, place: int) -> Item:
    """The first or the last to appear of the four."""
    options = draft.options()
    slots = sorted(draft.sample(draft.bare(), 4), reverse=kind == "last")
    for slot, name in zip(slots, options, strict=True):
        draft.put(slot, name)
    draft.reserved |= set(options)
    # Only these four of their category may be seen, or another one might come before them.
    draft.banned.append((range(draft.num_slots), CATEGORY_OF[options[0]]))
    return _item(draft, kind, place, options, slots)


def _count(draft: Draft, place: int) -> Item:
    anchor = draft.anchor()
    slots = draft.apart(COUNTS[place])
    for slot in slots:
        draft.put(slot, anchor)
    options = tuple(map(str, COUNTS))
    return Item("count", "", options, place, tuple(slots), CATEGORY_OF[anchor], (anchor,))


# In the order in which they choose their slots: those that need particular places come first.
WRITERS: dict[str, Writer] = {
    "opening": functools.partial(_end, "opening"),
    "ending": functools.partial(_end, "ending"),
    "between": _between,
    "two-after": functools.partial(_neighbour, "two-after", 2),
    "two-before": functools.partial(_neighbour, "two-before", -2),
    "after": functools.partial(_neighbour, "after", 1),
    "before": functools.partial(_neighbour, "before", -1),
    "last-before": functools.partial(_nearest, "last-before", -1),
    "first-after": functools.partial(_nearest, "first-after", 1),
    "second-time": _second_time,
    "with": _with,
    "first": functools.partial(_extreme, "first"),
    "last": functools.partial(_extreme, "last"),
    "count": _count,
}
