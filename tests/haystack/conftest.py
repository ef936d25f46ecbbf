"""Scripts are drawn once a test run: a script of five minutes takes some 9 ms."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from tspo_bench.haystack.task import HaystackTask


@functools.cache
def _task(length: str, split: str) -> HaystackTask:
    return HaystackTask(length, split)


@pytest.fixture(scope="session")
def task_of() -> Callable[[str, str], HaystackTask]:
    """`task_of(length, split)`, with its questions kept for the tests that follow."""
    return _task


@pytest.fixture(scope="session")
def task() -> HaystackTask:
    """The task `haystack`: the test split's videos of five minutes."""
    return _task("5min", "test")
