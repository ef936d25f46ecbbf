"""Registered models beside the reference model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CHECKPOINTS = "tspo_bench.mllms.transformers_vlm:TransformersVLM"
LLAVA_VIDEO = "tspo_bench.mllms.llava_video:LlavaVideo"


@dataclass(frozen=True)
class Preset:
    """A checkpoint of the model hub; its class is that of its format."""

    hub_id: str
    description: str
    target: str = CHECKPOINTS
    options: Mapping[str, Any] = field(default_factory=dict)  # of its class, where not given


_REASONS = {"max_new_tokens": 4096}  # thoughts take most of it

TSPO_PAPER_TASKS = ("longvideobench", "mlvu", "videomme")  # asked by the paper's own protocol
# What the authors of TSPO set for a model, by the type of its checkpoint.
TSPO_PAPER_OPTIONS: Mapping[str | None, Mapping[str, Any]] = {
    "llava_qwen": {"template": "chatml_direct"},
    # 235200 is their flag, 256 x 28 x 28 their default; no rate reaches the processor.
    "qwen2_5_vl": {"max_pixels": 235_200, "min_pixels": 200_704, "positions": "constant"},
}

PRESETS = {
    "qwen2.5-vl-7b": Preset(
        "Qwen/Qwen2.5-VL-7B-Instruct",
        "native resolution, frames in pairs, times as positions",
    ),
    "qwen3-vl-8b": Preset(
        "Qwen/Qwen3-VL-8B-Instruct",
        "native resolution, frames in pairs, times in words",
    ),
    "qwen3-vl-4b": Preset(
        "Qwen/Qwen3-VL-4B-Instruct",
        "native resolution, frames in pairs, times in words",
    ),
    "qwen3.5-4b": Preset(
        "Qwen/Qwen3.5-4B",
        "native resolution, frames in pairs, times in words; reasons first, up to 4096 tokens",
        options=_REASONS,
    ),
    "qwen3.5-9b": Preset(
        "Qwen/Qwen3.5-9B",
        "native resolution, frames in pairs, times in words; reasons first, up to 4096 tokens",
        options=_REASONS,
    ),
    "internvl3.5-8b": Preset(
        "OpenGVLab/InternVL3_5-8B-HF", "448 x 448, 256 tokens a frame, no times"
    ),
    "internvl3-8b": Preset("OpenGVLab/InternVL3-8B-hf", "448 x 448, 256 tokens a frame, no times"),
    "llava-onevision-7b": Preset(
        "llava-hf/llava-onevision-qwen2-7b-ov-hf",
        "384 x 384, 196 tokens a frame, no times",
    ),
    "smolvlm2": Preset(
        "HuggingFaceTB/SmolVLM2-2.2B-Instruct",
        "384 x 384, 81 tokens a frame, times in words",
    ),
    "llava-video-7b": Preset(
        "lmms-lab/LLaVA-Video-7B-Qwen2",
        "384 x 384, 210 tokens a frame, times in words on demand",
        LLAVA_VIDEO,
    ),
    "llava-video-72b": Preset(
        "lmms-lab/LLaVA-Video-72B-Qwen2",
        "384 x 384, 210 tokens a frame, times in words on demand",
        LLAVA_VIDEO,
    ),
}
