"""Messages for what pydantic rejects, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tspo_bench.errors import UserError

MOST = 10**12  # numbers in a run's files are smaller
_SHOWN = 80  # characters of a value, in a message
_BOUNDS = {
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
}
_SAID = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "too_short": "needs at least one value",
    "json_invalid": "is not JSON: {error}",
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
    kind, context = found["type"], found.get("ctx", {})
    if kind in _SAID:
        return _SAID[kind].format(**context)
    if kind in _BOUNDS:
        bound = next(iter(context.values()))
        wanted = f"{_BOUNDS[kind]} {'10^12' if bound == MOST else bound}"
    elif kind == "literal_error":
        wanted = context["expected"]
    else:
        wanted = next((words for name, words in _KINDS.items() if kind.startswith(name)), "valid")
    return f"must be {wanted} (got {shown(found['input'])})"


def check_bound(option: str, number: float) -> None:
    """Check that a number is one that a run's files may hold.

    Raises:
        UserError: it is 10^12 or more.
    """
    if number >= MOST:
        raise UserError(f"{option} must be < 10^12 (got {shown(number)})")


def shown(value: Any) -> str:
    """Return a value as messages show it, cut if it is long."""
    if isinstance(value, int) and abs(value) > MOST**2:  # Python limits the digits it prints
        return "a larger one still"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
