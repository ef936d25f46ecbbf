"""Texts of questions, answers and labels as a page may hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Control characters but for line breaks and tabs, marks that turn the direction of writing, and
# halves of surrogate pairs: what could hide or reorder the text around it.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def harmless(text: str) -> str:
    r"""A text of any length with such characters written out: ``\x1b``, ``\u202e``.

    What is markup stays: it is escaped where it is shown.
    """
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return _HARMFUL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), unified)


def snippet(text: str, most: int) -> str:
    """The beginning of a text, in one line."""
    line = re.sub(r"\s+", " ", harmless(text[: 4 * most])).strip()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def plain(text: str) -> str:
    """A name for matplotlib: no mathematics, and not endless."""
    return snippet(text, 40).replace("$", r"\$")


def clean(value: Any) -> Any:
    """A value of mappings, lists and texts, all texts and keys of it harmless."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Mapping):
        return {harmless(key): clean(one) for key, one in value.items()}
    return [clean(one) for one in value] if isinstance(value, list | tuple) else value
