"""What reaches the model: counted by hand, and predicted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers

from tests.mllms.checkpoints import BUILDERS, classes
from tests.mllms.conftest import make_request, with_prompt
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.mllms.visual_input import grid_tokens
from tspo_bench.types import Request, VisualInput

Get = Callable[[str], Path]
# Five frames of 40 x 56. Patches are 8 pixels (4 for Qwen, merged 2 x 2).
BY_HAND = {
    # 32 x 32: 4 x 4 patches pooled to 2 x 2 a frame, and one newline behind the video
    "llava_onevision": (VisualInput(5, 32, 32, 5 * 4 + 1), VisualInput(5, 32, 32, 5 * (16 + 1))),
    # (56 / 8) x (40 / 8) = 35 a pair of frames, three pairs; as images 35 each
    "qwen2_5_vl": (VisualInput(6, 40, 56, 3 * 35), VisualInput(5, 40, 56, 5 * 35)),
    # the whole video has 8 x 48 x 48 pixels to share: 5 x 40 x 56 fits
    "qwen3_vl": (VisualInput(6, 40, 56, 3 * 35), VisualInput(5, 40, 56, 5 * 35)),
    "qwen3_5": (VisualInput(6, 40, 56, 3 * 35), VisualInput(5, 40, 56, 5 * 35)),
    # 4 x 4 patches, 2 x 2 shuffled into one
    "smolvlm": (VisualInput(5, 32, 32, 5 * 4), VisualInput(5, 32, 32, 5 * 4)),
    "internvl": (VisualInput(5, 32, 32, 5 * 4), VisualInput(5, 32, 32, 5 * 4)),
    # all patches, no class token
    "llava": (VisualInput(5, 32, 32, 5 * 16), VisualInput(5, 32, 32, 5 * 16)),
}


def seen(
    model: TransformersVLM, frames: int, height: int, width: int, words: bool
) -> VisualInput | None:
    request = make_request([7 * i for i in range(frames)], size=(height, width))
    if words:
        request = with_prompt(request, before=("A",) * frames)
    return model.answer([with_prompt(request, max_new_tokens=1)])[0].visual_input


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_it_is_what_one_counts_by_hand(checkpoint: Get, name: str) -> None:
    model = TransformersVLM(str(checkpoint(name)))
    assert (seen(model, 5, 40, 56, False), seen(model, 5, 40, 56, True)) == BY_HAND[name]
    blind = with_prompt(make_request([]), max_new_tokens=1)
    assert model.answer([blind])[0].visual_input == VisualInput(0, 0, 0, 0)


@pytest.mark.parametrize("name", classes("llava_onevision", "qwen3_vl"))
def test_the_cost_is_predicted(checkpoint: Get, name: str) -> None:
    """For sizes below and above a processor's bounds, one frame and many, words between or not."""
    model = TransformersVLM(str(checkpoint(name)))
    sizes = [(40, 56), (90, 30), (16, 16)]
    for frames, size, words in itertools.product((1, 2, 5, 8), sizes, (False, True)):
        told = seen(model, frames, *size, words)
        assert told is not None
        assert model.visual_tokens(frames, *size, words) == told.visual_tokens
    assert model.visual_tokens(0, 40, 56) == 0


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("qwen2_5_vl", VisualInput(10, 40, 56, 5 * 35)),
        # 10 x 40 x 56 pixels are more than 8 x 48 x 48: each frame shrinks to 4 x 6 blocks of 8
        ("qwen3_vl", VisualInput(10, 32, 48, 5 * 24)),
    ],
)
def test_doubled_frames_are_counted(checkpoint: Get, name: str, by_hand: VisualInput) -> None:
    model = TransformersVLM(str(checkpoint(name)), pairs="repeat")
    assert seen(model, 5, 40, 56, False) == by_hand
    for frames in (1, 4, 9, 20):
        told = seen(model, frames, 40, 56, False)
        assert told is not None
        assert model.visual_tokens(frames, 40, 56) == told.visual_tokens


@pytest.mark.parametrize("cap", [None, True])
def test_long_videos_are_predicted_without_their_pixels(cap: bool | None) -> None:
    """With the processors' own settings: Qwen3-VL's frames shrink as their number grows."""
    for processor in (
        transformers.Qwen2VLVideoProcessor(cap_pixels_per_frame=cap),
        transformers.Qwen3VLVideoProcessor(cap_pixels_per_frame=cap),
    ):
        pixels = make_request(list(range(9)), size=(180, 320)).frames.pixels
        made = processor([pixels], do_sample_frames=False, return_tensors="pt")
        counted = len(made["pixel_values_videos"]) // processor.merge_size**2
        assert grid_tokens(processor, 9, 180, 320) == counted
        assert grid_tokens(processor, 20_000, 720, 1280) > 0  # 55 GB, were they there


def test_requests_of_one_batch_have_their_own(checkpoint: Get) -> None:
    model = TransformersVLM(str(checkpoint("qwen2_5_vl")), max_new_tokens=1)
    requests: list[Request] = [
        make_request([0, 5, 9]), make_request([]), make_request([1, 2], size=(24, 24))
    ]  # fmt: skip
    told = [answer.visual_input for answer in model.answer(requests)]
    assert told == [VisualInput(4, 40, 56, 70), VisualInput(0, 0, 0, 0), VisualInput(2, 24, 24, 9)]
