"""A script being written, with further ways to claim slots (scene numbers)."""

from __future__ import annotations

from dataclasses import dataclass

from tspo_bench.haystack import script


@dataclass(frozen=True)
class Item(script.Item):
    """A question of a script, before it is worded.

    Args:
        target: the category asked for; of `count`, that of the object counted.
        anchors: the objects that the question names.
    """

    target: str
    anchors: tuple[str, ...]


class NoRoomError(ValueError):
    """The free slots do not suffice for a question."""


class Draft(script.Draft):
    """The objects of each slot, and where others may not be added."""

    def bare(self) -> list[int]:
        """Slots that show nothing yet."""
        return [slot for slot in self.free() if slot not in self.companions]

    def put_somewhere(self, names: list[str]) -> None:
        """Let each object be the main one of some slot, where no question forbids it.

        Raises:
            NoRoomError: there is no such slot.
        """
        for name in names:
            self.put(self.choose([s for s in self.bare() if self.allows(s, name)]), name)

    def accompany(self, names: list[str]) -> None:
        """Let each object be a companion in another slot."""
        for slot, name in zip(self.sample(self.bare(), len(names)), names, strict=True):
            self.companions[slot] = [name]

    def run(self, length: int) -> int:
        """The first of `length` slots in a row that show nothing yet."""
        bare = set(self.bare())
        return self.choose([s for s in sorted(bare) if all(s + i in bare for i in range(length))])

    def apart(self, count: int) -> list[int]:
        """Slots of which no two are neighbours, so that scenes can be counted."""
        chosen: list[int] = []
        for slot in self.sample(self.bare(), len(self.bare())):
            if all(abs(slot - other) > 1 for other in chosen):
                chosen.append(slot)
            if len(chosen) == count:
                return sorted(chosen)
        raise NoRoomError(f"no {count} free scenes lie apart")

    def choose(self, slots: list[int]) -> int:
        """One of these slots.

        Raises:
            NoRoomError: there is none.
        """
        return self.sample(slots, 1)[0]

    def sample(self, slots: list[int], count: int) -> list[int]:
        """So many of these slots, in random order.

        Raises:
            NoRoomError: there are fewer.
        """
        if len(slots) < count:
            raise NoRoomError(f"{count} of {len(slots)} free scenes are needed")
        return self.rng.sample(slots, count)
