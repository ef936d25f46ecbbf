"""Titles of a page that tell apart what they stand over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# What tables and question sets of equal titles may differ in, and how a title says it.
_SAID = {
    "protocol": "{}",
    "answer": "--answer {}",
    "limit": "--limit {}",
    "questions": "question set {}",
    "model_id": "{}",
    "protocol_hash": "protocol #{}",
    "code": "code {}",
}


def disambiguate(titles: Sequence[str], settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The titles; equal ones are followed by the settings that tell them apart."""
    alike: dict[str, list[int]] = {}
    for place, title in enumerate(titles):
        alike.setdefault(title, []).append(place)
    found = list(titles)
    for title, places in alike.items():
        told = _told([settings[place] for place in places]) if len(places) > 1 else [""]
        for place, more in zip(places, told, strict=True):
            found[place] = f"{title}{more}"
    return found


def _told(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is said of each: the first settings that together tell as many apart as can be."""
    told = [""] * len(settings)
    for key, text in _SAID.items():
        more = [
            f"{said}, {_text(key, one, text)}" for said, one in zip(told, settings, strict=True)
        ]
        if len(set(more)) > len(set(told)):
            told = more
    return told


def _text(key: str, settings: Mapping[str, Any], text: str) -> str:
    value = settings.get(key)
    return f"no {text.format('').strip() or key}" if value is None else text.format(value)
