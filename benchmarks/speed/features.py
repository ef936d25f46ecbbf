"""Case 3: encoded frames per second, against CLIPProcessor and CLIPModel.

The frames are as the candidate scan gives them: the shorter side has the encoder's size. The
checkpoint has the shape of CLIP ViT-B/32 and random weights: the time is the same.

python -m benchmarks.speed.features
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image

from benchmarks.speed.checkpoints import save_clip
from benchmarks.speed.measure import compare, write_result
from tspo_bench.features.encoder import TransformersEncoder
from tspo_bench.types import Features, Pixels

SHAPES = {"360p, decoded small": (224, 398), "360p, full size": (360, 640)}
TOLERANCE = 2e-2  # relative; the processor resizes on the CPU, ours on the model's device
BATCH = 32


def pictures(n: int, height: int, width: int) -> Pixels:
    """Smooth random frames [n, height, width, 3]."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (n, height // 16, width // 16, 3), dtype=np.uint8)
    bicubic = Image.Resampling.BICUBIC
    return np.stack(
        [np.asarray(Image.fromarray(x).resize((width, height), bicubic)) for x in small]
    )


class Library:
    """The library's own way: images through processor and model, `batch_size` at a time."""

    def __init__(self, folder: Path, device: str) -> None:
        self._processor = transformers.CLIPProcessor.from_pretrained(folder)
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        model = transformers.CLIPModel.from_pretrained(folder, dtype=dtype)
        self._model = model.to(device).eval()

    @torch.inference_mode()
    def encode(self, pixels: Pixels, batch_size: int) -> Features:
        """Image features [n, d] of frames [n, h, w, 3]."""
        images, model, parts = [Image.fromarray(picture) for picture in pixels], self._model, []
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            inputs = self._processor(images=batch, return_tensors="pt").to(model.device)
            values = inputs["pixel_values"].to(model.dtype)
            parts.append(model.get_image_features(values).pooler_output.float().cpu())
        features: Features = torch.cat(parts).numpy()
        return features


def difference(features: Features, expected: Features) -> float:
    """The largest distance of two features of a frame, relative to their length."""
    distance = np.linalg.norm(features - expected, axis=1)
    return float((distance / np.linalg.norm(expected, axis=1)).max())


def measure(
    ways: dict[str, Callable[[Pixels], Features]], pixels: Pixels, rounds: int
) -> dict[str, object]:
    """One case: the ways' features compared, then their times."""
    expected = ways["frame by frame"](pixels)
    apart = difference(ways["ours"](pixels), expected)
    if apart > TOLERANCE:
        raise SystemExit(f"features differ by {apart:.2g}, more than {TOLERANCE}")
    timings = compare(
        {name: lambda way=way: way(pixels) for name, way in ways.items()},  # type: ignore[misc]
        rounds,
        warm_up=False,
    )
    rates = {name: round(len(pixels) / timing.median, 2) for name, timing in timings.items()}
    for name, rate in rates.items():
        print(f"  {name:16} {rate:8.2f} frames/s ({rates['ours'] / rate:.2f}x by ours)")
    return {
        "largest_difference": apart,
        "frames_per_second": rates,
        "timings": {name: timing.as_json() for name, timing in timings.items()},
    }


def main() -> None:
    """Measure every shape of frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    cases = {}
    with tempfile.TemporaryDirectory() as place:
        folder = save_clip(Path(place), vit_b_32=True)
        library, ours = Library(folder, args.device), TransformersEncoder(str(folder), args.device)
        ways: dict[str, Callable[[Pixels], Features]] = {
            "frame by frame": lambda pixels: library.encode(pixels, 1),
            f"batches of {BATCH}": lambda pixels: library.encode(pixels, BATCH),
            "ours": ours.encode_frames,
        }
        for name, (height, width) in SHAPES.items():
            print(name)
            cases[name] = measure(ways, pictures(args.frames, height, width), args.rounds)
    settings = {**vars(args), "interpolation": "bicubic, antialiased", "model": "CLIP ViT-B/32"}
    print(write_result("features", settings, cases))


if __name__ == "__main__":
    main()
