"""Stages of the main thread are told apart and add up; other threads' run beside them."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tspo_bench.profiling import (
    ANSWER,
    PLAN,
    WAIT,
    Stage,
    main_stage,
    profiled,
    record_stage,
    side_stage,
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_a_stage_within_another_counts_once(clock: list[float]) -> None:
    with profiled() as profile:
        clock[0] += 1
        with main_stage(ANSWER) as done:
            clock[0] += 4
            with main_stage(WAIT):
                clock[0] += 2
            clock[0] += 2
            done.frames, done.tokens = 8, 80
        clock[0] += 3
    assert profile.main == {
        PLAN: Stage(4.0),
        ANSWER: Stage(6.0, frames=8, tokens=80),
        WAIT: Stage(2.0),
    }
    assert profile.wall_seconds == 12.0
    assert profile.waiting_share == 0.25


def test_stages_of_threads_are_added(clock: list[float]) -> None:
    def encode(frames: int) -> None:
        with side_stage("encode") as done:
            done.frames, done.num_bytes = frames, 10 * frames

    with profiled() as profile, ThreadPoolExecutor(4) as pool:
        list(pool.map(encode, range(50)))
        record_stage("scan", Stage(1.5))
    assert profile.beside["encode"] == Stage(frames=1225, num_bytes=12250)
    assert profile.beside["scan"] == Stage(1.5)
    assert profile.waiting_share is None


def test_what_raises_is_recorded_too(clock: list[float]) -> None:
    with profiled() as profile:
        with contextlib.suppress(ValueError), main_stage(ANSWER):
            clock[0] += 1
            raise ValueError
        clock[0] += 1
    assert (profile.main[ANSWER].seconds, profile.main[PLAN].seconds) == (1.0, 1.0)


def test_outside_of_a_run_nothing_is_kept() -> None:
    with main_stage(ANSWER), side_stage("decode"):
        pass
    with profiled() as profile:
        pass
    assert profile.beside == {}
    assert set(profile.main) == {PLAN}
