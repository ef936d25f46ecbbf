"""Checks of samplers' options that are numbers."""

from __future__ import annotations

import sys
from typing import Any

from tspo_bench.errors import UserError


def check_number(
    sampler: str,
    name: str,
    value: Any,
    *,
    above: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> None:
    """Check that an option is a finite number: above `above`, from `low` to `high`.

    Raises:
        UserError: it is not.
    """
    limits = [
        f"{word} {limit:g}"
        for word, limit in (("above", above), ("not below", low), ("not above", high))
        if limit is not None
    ]
    fits = (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max  # neither NaN nor infinite, nor an int beyond floats
        and (above is None or value > above)
        and (low is None or value >= low)
        and (high is None or value <= high)
    )
    if not fits:
        said = f"a finite number {' and '.join(limits)}".rstrip()
        raise UserError(f"sampler {sampler!r}: {name}={value!r}; use {said}")


def check_count(sampler: str, name: str, value: Any, *, low: int) -> None:
    """Check that an option is a whole number, `low` or more.

    Raises:
        UserError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise UserError(f"sampler {sampler!r}: {name}={value!r}; use a whole number, {low} or more")
