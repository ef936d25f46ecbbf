"""Any CLIP or SigLIP checkpoint as an encoder of frames and text."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from tspo_bench.errors import UserError
from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.checkpoint import (
    CUDA_RESIZE,
    checkpoint_id,
    find_checkpoint,
    load_model,
    load_processor,
    packaged_checkpoint,
)
from tspo_bench.features.flops import frame_flops
from tspo_bench.features.plain_text import PlainText
from tspo_bench.features.preprocessing import Preprocessing
from tspo_bench.types import Features, Pixels

KIND = "encoder"


def load_encoder(name: str, device: str = "cpu") -> FrameEncoder:
    """The encoder of that name: "reference", a checkpoint's folder, or a hub id.

    Raises:
        UserError: no such checkpoint, or one without image and text features.
    """
    return TransformersEncoder(name, device)


def find_encoder(name: str) -> Path:
    """The folder of an encoder: see `load_encoder`."""
    path = str(packaged_checkpoint("encoder")) if name == "reference" else name
    return find_checkpoint(KIND, path)


class TransformersEncoder:
    """A transformers model with `get_image_features` and `get_text_features`.

    Frames and texts are prepared as the checkpoint's own processor does. Computes
    in bfloat16 on CUDA and float32 elsewhere (part of `id`), and gives float32. Safe to call from
    several threads.

    Args:
        name: "reference", a checkpoint's folder, or a hub id.
        device: a torch device.
        batch_size: frames or texts a forward pass.

    Raises:
        UserError: see `load_encoder`.
    """

    def __init__(self, name: str, device: str = "cpu", batch_size: int = 32) -> None:
        self.folder = folder = find_encoder(name)
        self._model = load_model(KIND, name, transformers.AutoModel, folder, device)
        if not hasattr(self._model, "get_text_features"):
            raise UserError(
                f"encoder {name!r} is a {type(self._model).__name__}, which has no image and text "
                "features of one space; give a whole CLIP or SigLIP checkpoint"
            )
        processor = load_processor(KIND, name, folder)
        self._preprocess = Preprocessing(processor.image_processor, self._model.device)
        self._tokenizer = processor.tokenizer
        self._batch_size = batch_size
        self._plain = PlainText(self._tokenizer)
        self._lock = threading.Lock()  # tokenizers are not safe to share between threads
        config = self._model.config
        self._max_tokens = min(
            config.text_config.max_position_embeddings, self._tokenizer.model_max_length
        )
        self.id = f"{checkpoint_id(folder)}-{self._arithmetic()}"
        self.short_side = _short_side(processor.image_processor)
        self.frame_flops = frame_flops(config)
        self.width = self.encode_text([""]).shape[1]

    def _arithmetic(self) -> str:
        """The precision, and the preprocessing where that changes the features."""
        precision = str(self._model.dtype).removeprefix("torch.")
        on_cuda = self._preprocess.batched and self._model.device.type == "cuda"
        return precision + CUDA_RESIZE * on_cuda

    def encode_frames(self, pixels: Pixels) -> Features:
        """Projected image features [n, d], not normalised, of RGB frames [n, h, w, 3]."""
        batches = range(0, len(pixels), self._batch_size)
        parts = [self._frame_batch(pixels[i : i + self._batch_size]) for i in batches]
        return self._joined(parts)

    def encode_text(self, texts: Sequence[str]) -> Features:
        """Projected text features [m, d], not normalised; texts are truncated at the limit."""
        batches = range(0, len(texts), self._batch_size)
        parts = [self._text_batch(list(texts[i : i + self._batch_size])) for i in batches]
        return self._joined(parts)

    def _joined(self, parts: list[torch.Tensor]) -> Features:
        """The batches' features, fetched from the device at once: no batch waits for one before."""
        if not parts:
            return np.zeros((0, self.width), np.float32)
        features: Features = torch.cat(parts).float().cpu().numpy()
        return features

    @torch.inference_mode()
    def _frame_batch(self, pixels: Pixels) -> torch.Tensor:
        inputs = self._preprocess(pixels)
        inputs["pixel_values"] = inputs["pixel_values"].to(self._model.dtype)
        return self._features(self._model.get_image_features, inputs)

    @torch.inference_mode()
    def _text_batch(self, texts: list[str]) -> torch.Tensor:
        with self._lock:
            # To the full length always: SigLIP was trained so, and CLIP reads its end token only.
            inputs = self._tokenizer(
                [self._plain(text) for text in texts],
                padding="max_length",
                truncation=True,
                max_length=self._max_tokens,
                return_tensors="pt",
            )
        return self._features(self._model.get_text_features, inputs.to(self._model.device))

    def _features(self, method: Any, inputs: Any) -> torch.Tensor:
        with self._lock:
            features: torch.Tensor = method(**inputs).pooler_output
        return features


def _short_side(image_processor: Any) -> int:
    """The shorter side to which an image processor scales: what decoding may scale down to."""
    size = getattr(image_processor, "size", None) or {}
    if size.get("shortest_edge"):
        return int(size["shortest_edge"])
    if size.get("height"):
        return int(min(size["height"], size["width"]))
    # SigLIP 2 with native aspect ratios: a square of so many patches has the longest shorter side.
    return math.isqrt(image_processor.max_num_patches) * int(image_processor.patch_size)
