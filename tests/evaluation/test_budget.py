"""Budgets in visual tokens: as many frames as fit, however long the video and large its frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Qwen3VLVideoProcessor

from tests.evaluation.own import FrameReader
from tests.evaluation.support import run
from tspo_bench.errors import UserError
from tspo_bench.evaluation.budget import Budget
from tspo_bench.mllms.visual_input import grid_tokens
from tspo_bench.types import Answer, Request, VisualInput

COUNTER = "tests.evaluation.test_budget:Counter"


class Counter(FrameReader):
    """Takes 10 tokens a pair of frames, and a hundred for the video."""

    def visual_tokens(self, num_frames: int, height: int, width: int) -> int:
        return 100 + 10 * -(-num_frames // 2)

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        answers = []
        for request in requests:
            n, h, w = request.frames.pixels.shape[:3]
            answers.append(
                Answer("A", visual_input=VisualInput(n, h, w, self.visual_tokens(n, h, w)))
            )
        return answers


@given(
    st.integers(1, 400),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 2),
    st.integers(1, 5000),
)
def test_one_more_frame_would_not_fit(
    num_frames: int, height: int, width: int, pair: int, tokens: int
) -> None:
    def cost(frames: int, h: int, w: int) -> int:
        return -(-frames // pair) * h * w

    budget = Budget(visual_tokens=tokens)
    if cost(1, height, width) > tokens:
        with pytest.raises(UserError, match="raise --visual-tokens"):
            budget.k(cost, num_frames, height, width)
        return
    k = budget.k(cost, num_frames, height, width)
    assert cost(k, height, width) <= tokens
    assert k == num_frames or cost(k + 1, height, width) > tokens


@pytest.mark.parametrize("total", [25165824, 12582912])
@pytest.mark.parametrize(("height", "width"), [(360, 640), (720, 1280)])
@pytest.mark.parametrize("tokens", [1000, 4096, 8192, 16384, 10**6])
def test_frames_are_not_scaled_down_to_fit_in_more(
    total: int, height: int, width: int, tokens: int
) -> None:
    """Qwen3-VL's own processor: beyond a total of pixels each frame gets smaller, and cheaper."""
    processor = Qwen3VLVideoProcessor(size={"longest_edge": total, "shortest_edge": 4096})

    def grid(frames: int) -> list[int]:
        empty = torch.empty(frames, 3, height, width, dtype=torch.uint8, device="meta")
        made = processor([empty], do_sample_frames=False, return_tensors="pt")
        return list(map(int, made["video_grid_thw"][0]))

    def cost(frames: int, h: int, w: int) -> int:
        return grid_tokens(processor, frames, h, w)

    k = Budget(visual_tokens=tokens).k(cost, 108_000, height, width)
    assert cost(k, height, width) <= tokens
    assert grid(k)[1:] == grid(2)[1:]  # the size of few frames
    more = k + 2
    assert cost(more, height, width) > tokens or grid(more)[1:] != grid(2)[1:]


def test_each_question_gets_what_the_tokens_allow(questions: Path, tmp_path: Path) -> None:
    settings = {"models": (COUNTER,), "frames": None, "visual_tokens": (125, 160)}
    few, many = run(questions, tmp_path / "run", **settings).cells
    assert [cell.folder.name[-4:] for cell in (few, many)] == ["v125", "v160"]
    assert few.settings.visual_tokens == 125
    assert few.settings.frames is None
    assert {len(record.frames) for record in few.records} == {4}
    assert {record.visual_input["visual_tokens"] for record in few.records} == {120}
    assert {len(record.frames) for record in many.records} == {12}


def test_too_few_tokens_fail_by_question(questions: Path, tmp_path: Path) -> None:
    settings = {"models": (COUNTER,), "frames": None, "visual_tokens": (99,)}
    (cell,) = run(questions, tmp_path / "run", **settings).cells
    assert {record.status for record in cell.records} == {"sampler_error"}
    assert "takes 110 visual tokens, more than 99" in str(cell.records[0].error)


def test_a_model_that_does_not_count_is_rejected(questions: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"FrameReader' does not report its visual tokens"):
        run(questions, tmp_path / "run", frames=None, visual_tokens=(64,))
    with pytest.raises(UserError, match="both set the frame budget"):
        run(questions, tmp_path / "run", visual_tokens=(64,))
