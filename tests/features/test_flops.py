"""FLOPs from configurations against those that torch counts in a forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf
from torch.utils.flop_counter import FlopCounterMode

from tspo_bench.features.checkpoint import packaged_checkpoint
from tspo_bench.features.encoder import TransformersEncoder
from tspo_bench.features.flops import frame_flops
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.types import Frames, Prompt, Request

BASE = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
}


def counted(model: Any, **inputs: Any) -> int:
    """FLOPs of a call, as torch counts them on tensors without content."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.get_image_features(**inputs)
    return int(counter.get_total_flops())


@pytest.mark.parametrize("patch", [16, 32])
@pytest.mark.parametrize("kind", [tf.CLIPConfig, tf.SiglipConfig])
def test_encoder_flops_are_torchs(kind: Any, patch: int) -> None:
    """CLIP and SigLIP as large as ViT-B, without weights."""
    config = kind(vision_config={**BASE, "patch_size": patch, "image_size": 224})
    with torch.device("meta"):
        model = tf.AutoModel.from_config(config).eval()
    pixels = torch.empty(1, 3, 224, 224, device="meta")
    assert frame_flops(config) == counted(model, pixel_values=pixels)


def test_packaged_encoder() -> None:
    encoder = TransformersEncoder("reference")
    with FlopCounterMode(display=False) as counter:
        encoder.encode_frames(np.zeros((2, 128, 128, 3), np.uint8))
    assert 2 * (encoder.frame_flops or 0) == counter.get_total_flops()


@pytest.mark.parametrize("mode", ["generate", "options"])
def test_answer_flops_are_torchs(mode: Any) -> None:
    """The packaged MLLM (LLaVA-OneVision's class); equal frames would be encoded once."""
    model = TransformersVLM(str(packaged_checkpoint("mllm")), max_new_tokens=4)
    pixels = np.random.default_rng(0).integers(0, 255, (6, 128, 128, 3), np.uint8)
    frames = Frames(np.arange(6), np.arange(6.0), pixels)
    request = Request(frames, Prompt("which thing ? A . cat B . dog"), 1.0, "AB", mode=mode)
    with FlopCounterMode(display=False) as counter:
        (answer,) = model.answer([request])
    assert answer.flops == pytest.approx(counter.get_total_flops(), rel=0.02)
    assert answer.visual_input is not None
    assert answer.usage["prompt_tokens"] > (answer.visual_input.visual_tokens or 0)
    assert 1 <= answer.usage["completion_tokens"] <= 4
