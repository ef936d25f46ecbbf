"""Options in another order: models prefer some letters whatever they stand for.

The order depends on the seed and the question's id alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tspo_bench.types import Question


def shuffled(question: Question, seed: int) -> Question:
    """Return a question with its options in the order of a seed, also where its record has them.

    `option_order` then holds the annotation's letters in the order shown: of "CAB" the option that
    was C is A now.
    """
    places = sorted(
        range(len(question.options)),
        key=lambda place: hashlib.sha256(f"{seed} {question.id} {place}".encode()).digest(),
    )
    options = tuple(question.options[place] for place in places)
    order = "".join(question.letters[place] for place in places)
    answer = question.answer
    return replace(
        question,
        options=options,
        answer=None if answer is None else question.letters[order.index(answer)],
        option_order=order,
        record={
            key: _with_options(value, question.options, options)
            for key, value in question.record.items()
        },
    )


def _with_options(value: Any, old: Sequence[str], new: Sequence[str]) -> Any:
    """Return a record's field with other options behind its labels, if it holds them all."""
    if isinstance(value, list | tuple):
        if len(value) != len(old):
            return value
        items = [_ending(one, text) for one, text in zip(value, old, strict=True)]
        if None in items:
            return value
        return [f"{label}{text}" for label, text in zip(items, new, strict=True)]
    if not isinstance(value, str):
        return value
    parts, place = [], 0
    for number, text in enumerate(old):
        letter = chr(ord("A") + number)
        label = re.compile(rf"(?:\A|\n)[^\S\n]*\(?{letter}[.):][^\S\n]*(?={re.escape(text)})")
        found = label.search(value, place)
        if found is None:
            return value
        parts.append(value[place : found.end()] + new[number])
        place = found.end() + len(text)
    return "".join(parts) + value[place:]


def _ending(item: Any, text: str) -> str | None:
    """Return what stands before an option's text in an item: "A. ", or nothing."""
    if not isinstance(item, str) or not item.rstrip().endswith(text.rstrip()):
        return None
    label = item.rstrip()[: len(item.rstrip()) - len(text.rstrip())]
    return label if re.fullmatch(r"\s*(?:\(?[A-Z][.):]\s*)?", label) else None
