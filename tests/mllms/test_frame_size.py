"""A limit on the pixels of a frame: kept, predicted, and Qwen's own rule."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import transformers
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from tests.mllms.conftest import make_request, with_prompt
from tspo_bench.errors import UserError
from tspo_bench.evaluation.budget import Budget
from tspo_bench.mllms import check_mllm, load_mllm
from tspo_bench.mllms.frame_size import bounded, bounded_size, limited_size
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.types import VisualInput

Get = Callable[[str], Path]


def test_the_size_is_the_one_of_qwens_own_processor() -> None:
    """Where the limit binds; below it frames are left to the processor."""
    rng = np.random.default_rng(0)
    bound = 0
    for height, width in rng.integers(60, 2000, (500, 2)).tolist():
        max_pixels = int(rng.integers(20_000, 800_000))
        expected = smart_resize(height, width, 28, min_pixels=1, max_pixels=max_pixels)
        size = limited_size(height, width, max_pixels, 28)
        if size == (height, width):
            size = (round(height / 28) * 28, round(width / 28) * 28)
        else:
            bound += 1
        assert size == expected
        assert size[0] * size[1] <= max_pixels
    assert bound > 100


def test_both_bounds_are_those_of_qwens_own_processor() -> None:
    """TSPO's evaluation: 256 tokens of 28 x 28 pixels to 300, of a pair of frames."""
    least, most = 200_704, 235_200
    rng = np.random.default_rng(1)
    grown = 0
    for height, width in rng.integers(90, 1200, (500, 2)).tolist():
        if max(height, width) > 4 * min(height, width):
            continue
        expected = smart_resize(height, width, 28, min_pixels=least, max_pixels=most)
        expected = smart_resize(*expected, 28, min_pixels=least, max_pixels=most)  # as they do
        size = bounded_size(height, width, least, most, 28)
        grown += size[0] > height
        if size == (height, width):
            size = (round(height / 28) * 28, round(width / 28) * 28)
        assert size == expected
        assert least <= size[0] * size[1] <= most
    assert grown > 50
    assert bounded_size(240, 426, None, None, 28) == (240, 426)


@pytest.mark.parametrize("size", [(3, 900), (900, 3), (8, 200), (900, 900)])
@pytest.mark.parametrize("max_pixels", [64, 100, 400])
def test_strips_are_within_the_limit_too(size: tuple[int, int], max_pixels: int) -> None:
    height, width = limited_size(*size, max_pixels, 8)
    assert 64 <= height * width <= max_pixels
    assert (height % 8, width % 8) == (0, 0)
    assert limited_size(height, width, max_pixels, 8) == (height, width)


def test_the_pixels_are_those_of_qwens_own_processor() -> None:
    """Bit by bit: what is scaled here is not scaled again there."""
    request = make_request([0, 9], size=(150, 231))
    own = transformers.Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=20_000)
    free = transformers.Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=10**9)
    scaled = bounded(request, None, 20_000, 28)
    assert scaled.frames.pixels.shape == (2, 112, 168, 3)
    assert scaled.frames.seconds is request.frames.seconds
    for frame, small in zip(request.frames.pixels, scaled.frames.pixels, strict=True):
        expected = own(frame, return_tensors="np")["pixel_values"]
        assert np.array_equal(free(small, return_tensors="np")["pixel_values"], expected)
    assert bounded(request, None, 10**6, 28) is request


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl"])
def test_a_model_keeps_to_it_and_predicts_its_cost(checkpoint: Get, name: str) -> None:
    """As a video and as images; 1280 pixels are 20 tokens of 8 x 8."""
    limit = 1280
    model = load_mllm(f"{checkpoint(name)}[max_pixels={limit},max_new_tokens=1]")
    assert isinstance(model, TransformersVLM)
    for frames, size, words in itertools.product(
        (1, 2, 5), [(40, 56), (90, 30), (24, 32), (44, 29)], (False, True)
    ):
        request = make_request([7 * i for i in range(frames)], size=size)
        if words:
            request = with_prompt(request, before=("A",) * frames)
        seen = model.answer([request])[0].visual_input
        assert seen is not None
        assert seen.height * seen.width <= limit
        assert model.visual_tokens(frames, *size, words) == seen.visual_tokens
    assert model.answer([make_request([])])[0].visual_input == VisualInput(0, 0, 0, 0)
    # 40 x 56 becomes 24 x 40 = 15 tokens a pair of frames; without a limit it is 35
    assert model.visual_tokens(8, 40, 56) == 4 * 15
    free = TransformersVLM(str(checkpoint(name)), max_new_tokens=1)
    assert free.visual_tokens(4, 40, 56) == 2 * 35
    assert model.id == f"{free.id}-max_pixels={limit}"
    assert model.name == f"{name}[max_new_tokens=1,max_pixels={limit}]"


def unbounded(folder: Path, to: Path) -> Path:
    """A copy of a checkpoint whose processor, like the released ones, allows large videos."""
    shutil.copytree(folder, to)
    for path in to.glob("*processor_config.json"):
        config = json.loads(path.read_text())
        for part in (config, *(v for v in config.values() if isinstance(v, dict))):
            if "longest_edge" in (part.get("size") or {}):
                part["size"] = {"shortest_edge": 64, "longest_edge": 10**9}
        path.write_text(json.dumps(config))
    return to


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl"])
def test_lower_resolution_buys_more_frames(checkpoint: Get, tmp_path: Path, name: str) -> None:
    """16 frames at full size cost what 64 at half and 256 at a quarter of the side cost."""
    side, folder = 128, unbounded(checkpoint(name), tmp_path / name)
    costs = []
    for divisor, frames in ((1, 16), (2, 64), (4, 256)):
        limit = (side // divisor) ** 2
        model = load_mllm(f"{folder}[max_pixels={limit},max_new_tokens=1]")
        costs.append(model.visual_tokens(frames, side, side))
        budget = Budget(visual_tokens=costs[0])
        assert budget.k(model.visual_tokens, 1000, side, side) == pytest.approx(frames, rel=0.02)
    assert costs == pytest.approx([costs[0]] * 3, rel=0.02)


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl"])
def test_other_sides_cost_less_until_more_frames_are_taken(
    checkpoint: Get, tmp_path: Path, name: str
) -> None:
    """72 x 136 at a quarter of the side is 16 x 32, not 18 x 34: a visual-token budget makes up."""
    height, width, folder = 72, 136, unbounded(checkpoint(name), tmp_path / name)
    total = 8 * (height // 8) * (width // 8)
    model = load_mllm(f"{folder}[max_pixels={height * width // 16},max_new_tokens=1]")
    assert model.visual_tokens(256, height, width) < 0.9 * total
    frames = Budget(visual_tokens=total).k(model.visual_tokens, 1000, height, width)
    assert frames > 256
    assert model.visual_tokens(frames, height, width) == pytest.approx(total, rel=0.02)


def test_small_frames_are_scaled_up(checkpoint: Get) -> None:
    """24 x 32 is 12 tokens of 8 x 8; 16 of them at least make it 32 x 40."""
    model = load_mllm(f"{checkpoint('qwen2_5_vl')}[min_pixels=1024,max_new_tokens=1]")
    assert isinstance(model, TransformersVLM)
    for frames in (1, 2, 5):
        request = make_request([7 * i for i in range(frames)], size=(24, 32))
        seen = model.answer([request])[0].visual_input
        assert seen is not None
        assert (seen.height, seen.width) == (32, 40)
        assert model.visual_tokens(frames, 24, 32) == seen.visual_tokens
    free = TransformersVLM(str(checkpoint("qwen2_5_vl")), max_new_tokens=1)
    assert model.id == f"{free.id}-min_pixels=1024"
    with pytest.raises(UserError, match="min_pixels=3072 is above max_pixels=1280"):
        check_mllm(f"{checkpoint('qwen2_5_vl')}[min_pixels=3072,max_pixels=1280]")
    with pytest.raises(UserError, match="min_pixels is for classes of native resolution"):
        check_mllm(f"{checkpoint('llava_onevision')}[min_pixels=3072]")


@pytest.mark.parametrize("value", ["63", "0", "-200704", "2.5e5", "true", "abc"])
def test_wrong_limits(checkpoint: Get, value: str) -> None:
    for find in (load_mllm, check_mllm):
        with pytest.raises(UserError, match=r"max_pixels=.*; use a whole number of pixels, 64 \(8"):
            find(f"{checkpoint('qwen3_vl')}[max_pixels={value}]")


def test_classes_with_a_fixed_size_reject_it(checkpoint: Get) -> None:
    for find in (load_mllm, check_mllm):
        with pytest.raises(UserError, match="max_pixels is for classes of native resolution"):
            find(f"{checkpoint('llava_onevision')}[max_pixels=200704]")
