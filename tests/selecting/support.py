"""Rows of `recall` for its tests."""

from __future__ import annotations

from typing import Any

from tspo_bench.selecting.recall_rows import RecallRow


def only(rows: tuple[RecallRow, ...], subset: str = "all", **wanted: Any) -> RecallRow:
    (found,) = [
        one
        for one in rows
        if one.subset == subset and all(getattr(one, key) == value for key, value in wanted.items())
    ]
    return found
