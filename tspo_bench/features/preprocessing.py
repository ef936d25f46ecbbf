"""Frames into an encoder's input: resized, cropped and normalised, a batch in one operation.

transformers prepares an image at a time. Its steps take a batch too, on the model's device, and
then move a quarter of the bytes there: pixels in place of floats. On a CPU the values are those of
one image at a time, to the bit. On CUDA torchvision has no resize of bytes: it resizes floats and
rounds, so that a pixel may differ by 1 of 255.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers.image_processing_backends import TorchvisionBackend

from tspo_bench.types import Pixels


class Preprocessing:
    """Prepares frames as a checkpoint's image processor does, with its interpolation.

    That is bicubic with antialiasing for CLIP and SigLIP; the checkpoint's own setting holds.

    Args:
        processor: the checkpoint's image processor.
        device: the model's.

    Attributes:
        batched: whether a batch is prepared on the device. Other steps than resize, crop, rescale
            and normalise (SigLIP 2's patches, padding) are left to the processor, on the CPU.
    """

    def __init__(self, processor: Any, device: torch.device) -> None:
        self._processor, self._device = processor, device
        self.batched = (
            isinstance(processor, TorchvisionBackend)
            and type(processor)._preprocess is TorchvisionBackend._preprocess
            and not getattr(processor, "do_pad", None)
        )

    def __call__(self, pixels: Pixels) -> dict[str, torch.Tensor]:
        """The model's arguments, on its device, for RGB frames [n, h, w, 3]."""
        if self.batched:
            return {"pixel_values": self._prepare(pixels)}
        inputs = self._processor(
            list(pixels), input_data_format="channels_last", return_tensors="pt"
        )
        return {key: value.to(self._device) for key, value in inputs.items()}

    def _prepare(self, pixels: Pixels) -> torch.Tensor:
        processor, frames = self._processor, torch.from_numpy(np.ascontiguousarray(pixels))
        if self._device.type == "cuda":
            frames = frames.pin_memory()  # else the copy keeps this thread waiting
        # Channels first in shape alone: resizing is several times as fast on pixels kept together.
        frames = frames.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        if processor.do_resize:
            frames = processor.resize(frames, processor.size, processor.resample)
        if processor.do_center_crop:
            frames = processor.center_crop(frames, processor.crop_size)
        prepared: torch.Tensor = processor.rescale_and_normalize(
            frames,
            bool(processor.do_rescale),
            processor.rescale_factor,
            bool(processor.do_normalize),
            tuple(processor.image_mean or ()),
            tuple(processor.image_std or ()),
        )
        return prepared
