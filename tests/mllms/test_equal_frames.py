"""Equal frames pass the vision tower once, without any effect on outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from tests.mllms.conftest import make_request
from tspo_bench.mllms.equal_frames import distinct_rows, share_equal_frames
from tspo_bench.mllms.transformers_vlm import TransformersVLM


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_distinct_rows_rebuild_all_rows(numbers: list[int]) -> None:
    rows = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(1))[numbers]
    first, row_of = distinct_rows(rows)
    assert torch.equal(rows[first][row_of], rows)
    assert len(first) == len(set(numbers))


def test_a_clip_tower_gives_each_frame_its_own_output() -> None:
    config = transformers.CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        image_size=16, patch_size=8,
    )  # fmt: skip
    holder = torch.nn.Module()
    holder.model = torch.nn.Module()
    tower = holder.model.vision_tower = transformers.CLIPVisionModel(config).eval()
    distinct = torch.rand(3, 3, 16, 16)
    frames = distinct[[0, 1, 0, 2, 2, 0, 1]]
    with torch.no_grad():
        expected = tower(frames, output_hidden_states=True)
        share_equal_frames(holder)
        got = tower(frames, output_hidden_states=True)
    assert list(got) == list(expected)
    torch.testing.assert_close(got.to_tuple(), expected.to_tuple())


def test_a_tower_that_packs_its_frames_sees_all_of_them() -> None:
    class Packs(torch.nn.Module):
        def forward(self, pixel_values: torch.Tensor) -> list[torch.Tensor]:
            return [pixel_values.flatten(0, 1)[None]]

    holder = torch.nn.Module()
    holder.model = torch.nn.Module()
    tower = holder.model.vision_tower = Packs()
    frames = torch.rand(2, 3, 4, 4)[[0, 1, 0]]
    expected = tower(frames)[0]
    share_equal_frames(holder)
    assert torch.equal(tower(frames)[0], expected)


@pytest.mark.parametrize("name", ["llava_onevision", "llava"])
def test_the_tower_sees_the_frames_of_a_shared_video_once(
    checkpoint: Callable[[str], Path], name: str
) -> None:
    model = TransformersVLM(str(checkpoint(name)), max_new_tokens=4)
    seen: list[int] = []
    tower = model._model.model.vision_tower
    tower.get_submodule("embeddings").register_forward_pre_hook(
        lambda _, inputs: seen.append(len(inputs[0]))
    )
    request = make_request([3, 50, 117])
    texts = [answer.text for answer in model.answer([request, request, request])]
    assert sum(seen) == len(request.frames)
    assert len(set(texts)) == 1
