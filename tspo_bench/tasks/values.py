"""Values of annotations: missing ones, and checks of single fields."""

from __future__ import annotations

import ast
import json
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tspo_bench.types import OPTION_LETTERS

# Missing values as pandas, numpy, R and databases write them in text. "None" is a common option.
MISSING_TEXTS = ("nan", "NaN", "<NA>", "NA", "NULL", "null")
_OPTION_FIELD = re.compile(r"options?\d*|candidates|[A-Z]")
_NOT_LONGER = 10_000  # characters of a list in a text; Python's own parser is recursive


def is_missing(value: Any) -> bool:
    """Whether a value is null, NaN, NaT or pandas.NA."""
    if value is None:
        return True
    if isinstance(value, str | list | Mapping):
        return False
    try:
        return bool(value != value)  # noqa: PLR0124 - NaN and NaT alone differ from themselves
    except (TypeError, ValueError, ArithmeticError):  # pandas.NA is neither true nor false
        return type(value).__name__ == "NAType"


def present(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's fields without missing ones."""
    return {key: value for key, value in record.items() if not is_missing(value)}


def option_texts(values: Iterable[Any], *, empty_ends: bool = True) -> tuple[str, ...]:
    """Return the texts of options up to the first missing one.

    Args:
        values: texts, numbers or booleans.
        empty_ends: whether an empty text is a missing option.

    Raises:
        ValueError: an option follows a missing one, or is not text, number or boolean.
    """
    texts: list[str] = []
    gap: tuple[str, Any] | None = None
    for number, value in enumerate(values):
        letter = OPTION_LETTERS[number] if number < len(OPTION_LETTERS) else f"number {number + 1}"
        if is_missing(value) or _is_missing_text(value) or (empty_ends and _is_blank(value)):
            gap = gap or (letter, value)
            continue
        if gap is not None:
            raise ValueError(f"option {gap[0]} is missing ({gap[1]!r}), but {letter} is {value!r}")
        if isinstance(value, list | tuple | Mapping):
            raise ValueError(f"option {letter} must be a text or number, got {value!r}")
        texts.append(str(value))
    return tuple(texts)


def listed(given: Any, field: str = "options") -> list[Any]:
    """Return a list of options, given as a list, as its JSON or Python text, or "|"-separated.

    Raises:
        ValueError: it is something else.
    """
    if hasattr(given, "tolist"):  # numpy's
        given = given.tolist()
    if isinstance(given, str):
        is_list = given.strip().startswith("[") and given.strip().endswith("]")
        given = _read_list(given.strip()) if is_list else given.split("|")
    if not isinstance(given, list | tuple):
        raise ValueError(f"{field} must be a list, got {given!r}")
    return list(given)


def _read_list(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        if len(text) > _NOT_LONGER:
            raise ValueError
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(
            f"options look like a list, but cannot be read: {text[:80]!r}; give a JSON list"
        ) from None


def identifier(record: Mapping[str, Any], key: str, fallback: str) -> str:
    """Return a question's id, or the fallback for a missing one.

    Raises:
        ValueError: it is not a text or number.
    """
    value = record.get(key)
    if is_missing(value) or _is_blank(value) or _is_missing_text(value):
        return fallback
    if isinstance(value, float) and value.is_integer():  # a column with gaps makes 3 to 3.0
        value = int(value)
    if not isinstance(value, str | numbers.Number):
        raise ValueError(f"{key} must be a text or number, got {value!r}")
    return str(value)


def text_of(record: Mapping[str, Any], key: str) -> str:
    """Return a field that must be a text, stripped.

    Raises:
        KeyError: the field is missing.
        ValueError: it is empty or something else.
    """
    value = record[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} is empty or not a text: {value!r}")
    return value.strip()


def seconds_of(record: Mapping[str, Any], key: str) -> float | None:
    """Return a field in seconds, 0 or more, given as a number or text; None for a missing one.

    Raises:
        ValueError: it is something else.
    """
    given = record.get(key)
    if is_missing(given) or _is_blank(given) or _is_missing_text(given):
        return None
    value = number_of(given)
    if value is None:
        raise ValueError(f"{key} must be a number of seconds, 0 or more, got {given!r}")
    return value


def number_of(given: Any) -> float | None:
    """Return a finite number >= 0, also of a text ("29.97", "30000/1001"); else None."""
    if isinstance(given, bool):
        return None
    try:
        if isinstance(given, str) and (ratio := re.fullmatch(r"\s*(\d{1,9})/(\d{1,9})\s*", given)):
            value = int(ratio[1]) / int(ratio[2])
        else:
            value = float(given)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return value if 0 <= value < math.inf else None


def index_of(given: Any, field: str) -> int:
    """Return a whole number, given as a number or text.

    Raises:
        ValueError: it is something else.
    """
    try:
        value = None if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, ArithmeticError):
        value = None
    if value is None or not value.is_integer():
        raise ValueError(f"{field} must be a whole number, got {given!r}")
    return int(value)


def taken_for_missing(record: Mapping[str, Any], options: Sequence[str]) -> str | None:
    """Return a text like "nan" among a record's options that was taken for a missing one."""
    given = [value for key, value in record.items() if _OPTION_FIELD.fullmatch(key)]
    values = [*given]
    for value in given:
        values += value.values() if isinstance(value, Mapping) else ()
        values += value if isinstance(value, list) else ()
    return next((v for v in values if _is_missing_text(v) and v not in options), None)


def _is_missing_text(value: Any) -> bool:
    return isinstance(value, str) and value in MISSING_TEXTS


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()
