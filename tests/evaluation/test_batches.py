"""Batches under a token budget, and models whose memory runs out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.own import FrameReader
from tests.evaluation.support import run, untimed_files
from tests.mllms.conftest import make_request
from tspo_bench.errors import UserError
from tspo_bench.evaluation import engine
from tspo_bench.evaluation.batch_limit import GROW_AFTER, BatchLimit, is_out_of_memory
from tspo_bench.evaluation.batches import SPREAD, WAIT, Batches, token_counter
from tspo_bench.evaluation.chunks import Prepared
from tspo_bench.evaluation.engine import answer_requests
from tspo_bench.mllms.base import MLLM
from tspo_bench.types import Answer, Failed, Record, Request

COUNTING = "tests.evaluation.test_batches:Counting"


class Counting(FrameReader):
    """Takes 10 visual tokens a frame; notes the frames of each request, batch by batch."""

    shown: ClassVar[list[list[int]]] = []

    def visual_tokens(
        self, num_frames: int, height: int, width: int, interleaved: bool = False
    ) -> int:
        return 10 * num_frames

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        self.shown.append([len(request.frames) for request in requests])
        return super().answer(requests)


class Small(MLLM):
    """Has memory for `room` requests at once; answers with the frames shown."""

    name = id = "small"

    def __init__(self, room: int, error: type[BaseException] = torch.OutOfMemoryError) -> None:
        self.room, self.error = room, error
        self.sizes: list[int] = []

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        self.sizes.append(len(requests))
        if len(requests) > self.room:
            raise self.error("DefaultCPUAllocator: can't allocate memory: you tried ...")
        return [Answer(str(request.frames.indices.tolist())) for request in requests]


lengths = st.lists(st.lists(st.integers(0, 300), max_size=12), max_size=8)


@given(parts=lengths, most=st.integers(1, 6), max_tokens=st.none() | st.integers(1, 900))
def test_every_item_is_in_one_batch_within_its_budget(
    parts: list[list[int]], most: int, max_tokens: int | None
) -> None:
    batches = Batches[tuple[int, int]](most, max_tokens, lambda item: item[1])
    given_out: list[int] = []
    arrived = 0
    for part in [*parts, None]:
        items = list(enumerate(part or [], start=arrived))
        arrived += len(items)
        batches.add(items)
        for batch in batches.ready(last=part is None):
            tokens = [length for _, length in batch]
            assert 1 <= len(batch) <= most
            assert batch == sorted(batch)
            if max_tokens is not None:
                assert len(batch) == 1 or len(batch) * max(tokens) <= max_tokens
                assert max(tokens) <= max(1, min(tokens)) * SPREAD
            given_out += [number for number, _ in batch]
        waiting = set(range(arrived)) - set(given_out)
        assert not waiting or arrived - min(waiting) < WAIT * most
    assert sorted(given_out) == list(range(arrived))
    if max_tokens is None:
        assert given_out == sorted(given_out)


@pytest.mark.parametrize("room", [1, 2, 3, 7])
def test_a_batch_that_memory_does_not_hold_is_halved(
    room: int, caplog: pytest.LogCaptureFixture
) -> None:
    requests = [make_request([number]) for number in range(12)]
    wanted = [Answer(str([number])) for number in range(12)]
    model, limit = Small(room), BatchLimit(8)
    assert [answer for answer, _ in answer_requests(model, requests, limit)] == wanted
    fits = {1: 1, 2: 2, 3: 2, 7: 4}[room]
    halved = [size for size in (8, 4, 2, 1) if size > room]
    assert model.sizes == [*halved, *[fits] * (12 // fits)]
    assert [record.args for record in caplog.records] == [(size, size // 2) for size in halved]


def test_the_limit_grows_again_up_to_what_was_given() -> None:
    model, limit = Small(2), BatchLimit(8)
    requests = [make_request([0])] * 8
    answer_requests(model, requests, limit)
    assert (limit.now, model.sizes) == (2, [8, 4, 2, 2, 2, 2])
    model.room, model.sizes = 8, []
    answer_requests(model, [make_request([0])], limit)  # says nothing about larger ones
    for _ in range(GROW_AFTER):
        answer_requests(model, requests, limit)
    growing = [1, *[2] * (GROW_AFTER - 4), *[4] * GROW_AFTER]  # four were good already
    assert model.sizes[: len(growing)] == growing
    assert set(model.sizes[len(growing) :]) == {8}


def test_a_question_that_memory_does_not_hold_alone_is_a_failure() -> None:
    [(answer, _)] = answer_requests(Small(0), [make_request([0])], BatchLimit(8))
    assert isinstance(answer, Failed)
    assert "can't allocate memory" in answer.error


def test_a_question_is_asked_again_when_memory_is_free() -> None:
    model = Small(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "release_memory", lambda: setattr(model, "room", 1))
        [(answer, _)] = answer_requests(model, [make_request([3])], BatchLimit(1))
    assert answer == Answer("[3]")
    assert model.sizes == [1, 1]


def test_a_model_that_cannot_count_is_asked_about_one_question() -> None:
    class Miscounting(Small):
        def visual_tokens(self, num_frames: int, height: int, width: int) -> int:  # type: ignore[override]
            raise ZeroDivisionError

    class Old(Small):
        def visual_tokens(self, num_frames: int, height: int, width: int) -> int:  # type: ignore[override]
            return 7 * num_frames

    record = Record("q", "v.mp4", "ok", gold="A", frames=(1, 2))
    one = Prepared(None, None, record, make_request([1, 2]))  # type: ignore[arg-type]
    assert token_counter(Old(1))(one) < 100
    assert token_counter(Miscounting(1))(one) > 10**9


def test_errors_of_memory() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**55)
    assert is_out_of_memory(raised.value)
    with pytest.raises(MemoryError) as out_of_memory:
        np.empty(2**55)
    assert is_out_of_memory(out_of_memory.value)
    assert not is_out_of_memory(RuntimeError("the batch is empty"))


def test_a_token_budget_changes_batches_only(
    questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counting, "shown", [])
    grid = {"models": (COUNTING,), "samplers": ("uniform", "random"), "frames": (2, 9), "limit": 9}
    run(questions, tmp_path / "plain", **grid, batch_size=5)
    plain = untimed_files(tmp_path / "plain")
    assert any(len(set(batch)) > 1 for batch in Counting.shown)
    Counting.shown.clear()
    run(questions, tmp_path / "budget", **grid, batch_size=5, max_batch_tokens=280)
    assert untimed_files(tmp_path / "budget") == plain
    assert {len(set(batch)) for batch in Counting.shown} == {1}
    most = {frames: max(b.count(frames) for b in Counting.shown) for frames in (2, 9)}
    assert most == {2: 5, 9: 2}  # 20 and 90 tokens, and about 20 of the prompt


def test_a_run_resumes_under_another_token_budget(questions: Path, tmp_path: Path) -> None:
    grid = {"samplers": ("uniform", "random"), "frames": (2, 9), "max_batch_tokens": 280}
    stopping = f"{COUNTING}[stop_after=31,name=reader]"
    with pytest.raises(KeyboardInterrupt):
        run(questions, tmp_path / "run", models=(stopping,), **grid)
    kept = sum(map(len, untimed_files(tmp_path / "run").values()))
    assert 31 - 3 * 3 <= kept <= 31
    model = f"{COUNTING}[name=reader]"
    run(questions, tmp_path / "run", models=(model,), **{**grid, "max_batch_tokens": 150})
    run(questions, tmp_path / "plain", models=(model,), **grid)
    assert untimed_files(tmp_path / "run") == untimed_files(tmp_path / "plain")


def test_a_model_that_counts_no_tokens_has_no_token_budget(questions: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"visual tokens.*leave out --max-batch-tokens"):
        run(questions, tmp_path / "run", max_batch_tokens=500)
