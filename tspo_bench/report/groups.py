"""Groups of questions, by whose values figures are broken down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

SEVERAL_VALUES = "|"


class Grouped(Protocol):
    """An item with values of some groups."""

    @property
    def groups(self) -> Mapping[str, str]:
        """Group to value, or values: "a|b"."""
        ...


Member = TypeVar("Member", bound=Grouped)


def values_of(item: Grouped, group: str) -> list[str]:
    """The values that an item has of a group: both of "a|b"; none where it has none."""
    parts = item.groups.get(group, "").split(SEVERAL_VALUES)
    return [value for value in dict.fromkeys(part.strip() for part in parts) if value]


def by_value(items: Iterable[Member]) -> dict[str, dict[str, list[Member]]]:
    """The items by group and value, in natural order; one with "a|b" is in both a and b."""
    members: dict[str, dict[str, list[Member]]] = {}
    for item in items:
        for group in item.groups:
            for value in values_of(item, group):
                members.setdefault(group, {}).setdefault(value, []).append(item)
    return {
        group: {value: values[value] for value in sorted(values, key=_natural)}
        for group, values in members.items()
    }


def _natural(text: str) -> list[Any]:
    """Sorting key that puts "60" before "600" and "5min" before "15min"."""
    parts = re.split(r"(\d{1,18})", text)  # Python reads no number of 5,000 digits
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]
