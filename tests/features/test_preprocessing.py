"""Batched preprocessing on the model's device gives what the processor gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf

from tests.features.test_encoder import frames
from tspo_bench.features.checkpoint import CUDA_RESIZE, without_precision
from tspo_bench.features.encoder import TransformersEncoder
from tspo_bench.features.preprocessing import Preprocessing

CPU = torch.device("cpu")
SIZES = [(224, 398), (360, 640), (640, 360), (32, 32), (20, 300)]
PROCESSORS = {
    "clip": tf.CLIPImageProcessor(),
    "clip, bilinear, plain": tf.CLIPImageProcessor(
        resample=2, do_center_crop=False, do_normalize=False
    ),
    "clip, as it is": tf.CLIPImageProcessor(do_resize=False, do_rescale=False),
    "siglip": tf.SiglipImageProcessor(),
}


def one_by_one(processor: Any, pixels: np.ndarray) -> torch.Tensor:
    prepared = [processor(image, return_tensors="pt")["pixel_values"] for image in pixels]
    return torch.cat(prepared)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", sorted(PROCESSORS))
def test_a_batch_is_prepared_as_one_image_is(name: str, size: tuple[int, int]) -> None:
    processor, pixels = PROCESSORS[name], frames(3, *size)
    prepare = Preprocessing(processor, CPU)
    assert prepare.batched
    torch.testing.assert_close(
        prepare(pixels)["pixel_values"].contiguous(), one_by_one(processor, pixels), rtol=0, atol=0
    )


def test_pixels_that_are_not_kept_together() -> None:
    processor, pixels = PROCESSORS["clip"], frames(6, 48, 64)[::-2, :, ::-1]
    prepared = Preprocessing(processor, CPU)(pixels)["pixel_values"]
    torch.testing.assert_close(
        prepared.contiguous(), one_by_one(processor, pixels.copy()), rtol=0, atol=0
    )


@pytest.mark.parametrize(
    "processor",
    [
        tf.Siglip2ImageProcessor(patch_size=8, max_num_patches=16),
        tf.CLIPImageProcessor(do_pad=True, pad_size={"height": 256, "width": 256}),
        tf.models.clip.image_processing_pil_clip.CLIPImageProcessorPil(),
    ],
    ids=["siglip2", "padded", "pil"],
)
def test_other_steps_are_left_to_the_processor(processor: Any) -> None:
    pixels = frames(2)
    prepare = Preprocessing(processor, CPU)
    assert not prepare.batched
    expected = processor(list(pixels), input_data_format="channels_last", return_tensors="pt")
    for key, value in prepare(pixels).items():
        torch.testing.assert_close(value, expected[key], rtol=0, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("size", SIZES)
def test_on_cuda_a_pixel_differs_by_one_at_most(size: tuple[int, int]) -> None:
    processor, pixels = PROCESSORS["clip"], frames(3, *size)
    prepared = Preprocessing(processor, torch.device("cuda"))(pixels)["pixel_values"].cpu()
    one = 1.01 / 255 / min(processor.image_std)
    torch.testing.assert_close(prepared, one_by_one(processor, pixels), rtol=0, atol=one)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_features_of_cuda(checkpoint: Callable[[str], Path]) -> None:
    folder, pixels = str(checkpoint("clip")), frames(40, 360, 640)
    on_cuda, on_cpu = TransformersEncoder(folder, "cuda"), TransformersEncoder(folder)
    assert on_cuda.id.endswith(f"-bfloat16{CUDA_RESIZE}")
    features, expected = on_cuda.encode_frames(pixels), on_cpu.encode_frames(pixels)
    difference = np.linalg.norm(features - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert difference.max() < 2e-2


def test_an_id_that_names_its_resize() -> None:
    assert without_precision(f"clip-1-bfloat16{CUDA_RESIZE}") == "clip-1"
    assert without_precision("clip-1-float32") == "clip-1"
