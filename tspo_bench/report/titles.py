"""Unique titles of tables, charts and question sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# What tables and question sets of equal titles may differ in, and how a title writes it.
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
    """The titles; equal ones are followed by the settings in which they differ."""
    alike: dict[str, list[int]] = {}
    for place, title in enumerate(titles):
        alike.setdefault(title, []).append(place)
    found = list(titles)
    for title, places in alike.items():
        suffixes = _suffixes([settings[place] for place in places]) if len(places) > 1 else [""]
        for place, more in zip(places, suffixes, strict=True):
            found[place] = f"{title}{more}"
    return found


def _suffixes(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first settings of each that together distinguish as many as possible."""
    suffixes = [""] * len(settings)
    for key, text in _SAID.items():
        more = [
            f"{said}, {_text(key, one, text)}" for said, one in zip(suffixes, settings, strict=True)
        ]
        if len(set(more)) > len(set(suffixes)):
            suffixes = more
    return suffixes


def _text(key: str, settings: Mapping[str, Any], text: str) -> str:
    value = settings.get(key)
    return f"no {text.format('').strip() or key}" if value is None else text.format(value)
