"""Kept visual tokens give the replies of those that are computed again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.mllms.checkpoints import classes
from tests.mllms.conftest import MIXED, make_request
from tspo_bench.mllms.frame_tokens import FrameTokens
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.types import Frames, Request

Get = Callable[[str], Path]
KEPT = {"llava_onevision", "llava", "internvl"}


def drawn(number: int) -> list[Request]:
    """Requests of four frames each, drawn from one video of twelve."""
    video = make_request(list(range(0, 120, 10))).frames
    rng = np.random.default_rng(number)
    rows = [np.sort(rng.choice(12, 4, replace=False)) for _ in range(6)]
    parts = [Frames(video.indices[r], video.seconds[r], video.pixels[r]) for r in rows]
    return [dataclasses.replace(MIXED[0], frames=frames, mode="options") for frames in parts]


def towers_frames(model: TransformersVLM) -> list[int]:
    """How many frames each call of the vision tower sees, from now on."""
    seen: list[int] = []
    tower = model._model.model.vision_tower
    tower.get_submodule("embeddings").register_forward_pre_hook(
        lambda _, inputs: seen.append(len(inputs[0]))
    )
    return seen


@pytest.mark.parametrize("name", classes("llava_onevision"))
def test_answers_do_not_depend_on_what_was_shown_before(checkpoint: Get, name: str) -> None:
    used = TransformersVLM(str(checkpoint(name)))
    for number in range(3):
        requests = drawn(number)
        fresh = TransformersVLM(str(checkpoint(name))).answer(requests)
        for one, other in zip(used.answer(requests), fresh, strict=True):
            assert one.text == other.text
            assert one.option_logprobs == pytest.approx(other.option_logprobs, abs=1e-5)
            assert one.visual_input == other.visual_input


@pytest.mark.parametrize("name", [p for p in classes("llava_onevision") if p.values[0] in KEPT])
def test_a_frame_passes_the_tower_once(checkpoint: Get, name: str) -> None:
    model = TransformersVLM(str(checkpoint(name)))
    seen = towers_frames(model)
    for number in range(4):
        model.answer(drawn(number))
    assert sum(seen) == 12


def test_llava_videos_frames_pass_the_tower_once(llava_folder: Path) -> None:
    from tspo_bench.mllms.llava_video import LlavaVideo

    requests = [dataclasses.replace(request, mode="generate") for request in drawn(0)]
    used = LlavaVideo(str(llava_folder), max_new_tokens=4)
    seen = towers_frames(used)
    first = used.answer(requests)
    shown = sum(seen)
    assert (
        used.answer(requests)
        == first
        == LlavaVideo(str(llava_folder), max_new_tokens=4).answer(requests)
    )
    assert sum(seen) == shown <= 12


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    encoded: list[float] = []

    def encode(frames: torch.Tensor) -> torch.Tensor:
        encoded.extend(frames[:, 0, 0, 0].tolist())
        return frames.flatten(1)[:, None, :2]

    frames = torch.arange(4.0)[:, None, None, None].expand(4, 1, 2, 2)
    kept = FrameTokens(max_bytes=2 * 8)  # two frames of two floats
    for rows in ([0, 1], [0], [2], [0], [1], [3, 2, 1, 0]):
        assert torch.equal(kept(frames[rows], encode)[:, 0, 0], torch.tensor(rows).float())
    assert encoded == [0, 1, 2, 1, 3, 2]


def test_frames_of_other_shapes_are_others() -> None:
    kept = FrameTokens()
    for shape in ((3, 2, 8), (3, 4, 4)):
        tokens = kept(torch.zeros(1, *shape), lambda frames: frames[:, 0])
        assert tokens.shape[1:] == shape[1:]
