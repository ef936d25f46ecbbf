"""Messages for what pydantic rejects, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_SHOWN = 80  # characters of a value, in a message
_BOUNDS = {
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
}
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "string": "a text",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "an object",
    "path": "a path",
    "finite_number": "a finite number",
    "model": "an object",
}


def plain(error: ValidationError) -> str:
    """Return the first problem and its place: "seeds.0 must be >= 0 (got -1)"."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"])) or "it"
    return f"{place} {problem(first)}"


def problem(found: Mapping[str, Any]) -> str:
    """Return what is wrong with a value, from an item of `ValidationError.errors`."""
    kind, context, value = found["type"], found.get("ctx", {}), found["input"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known"
    for name, sign in _BOUNDS.items():
        if kind == name:
            return f"must be {sign} {next(iter(context.values()))} (got {shown(value)})"
    if kind == "literal_error":
        return f"must be {context['expected']} (got {shown(value)})"
    if kind == "json_invalid":
        return f"is not JSON: {context['error']}"
    return f"must be {_kind(kind)} (got {shown(value)})"


def shown(value: Any) -> str:
    """Return a value as messages show it, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _kind(kind: str) -> str:
    found = (words for name, words in _KINDS.items() if kind.startswith(name))
    return next(found, "of another kind")
