"""Checkpoints in the published layout, and the paper's agent written once more, naively."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.features.checkpoints import clip
from tests.mllms.llava_original import Original, write_checkpoint, write_weights

CLIP_WIDTH = 24  # the agent's 8 heads divide it
NAMES = (
    *(f"temporal.{name}" for name in ("Self_q", "Self_k", "Self_v", "ffn_o")),
    "mlp.0",
    "mlp.2",
)


def selector_weights(width: int, seed: int = 0) -> dict[str, Tensor]:
    """Random weights by their published names, without the prefix."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name in NAMES:
        spread = width**-0.5
        weights[f"{name}.weight"] = torch.randn(width, width, generator=generator) * spread
        weights[f"{name}.bias"] = torch.randn(width, generator=generator) * spread
    return weights


def published(folder: Path, prefix: str = "selector.", seed: int = 0) -> Path:
    """A folder as published: a tiny random CLIP's checkpoint that holds the agent's weights too."""
    return with_agent(clip(folder, seed, CLIP_WIDTH), prefix, seed)


def training_checkpoint(folder: Path, seed: int = 0) -> Path:
    """A checkpoint of the authors' trainer: the MLLM with the agent in its weights, and no CLIP."""
    original = Original()
    write_checkpoint(folder, original)
    (folder / "model.safetensors").unlink()
    weights = selector_weights(CLIP_WIDTH, seed)
    own = {f"multiModal_align.{name}": tensor for name, tensor in weights.items()}
    write_weights(folder, {**original.weights(), **own}, shards=3)
    return folder


def with_agent(folder: Path, prefix: str, seed: int) -> Path:
    """Add the agent's weights to those of a CLIP."""
    path = folder / "model.safetensors"
    own = {prefix + name: tensor for name, tensor in selector_weights(CLIP_WIDTH, seed).items()}
    save_file({**load_file(path), **own}, path, metadata={"format": "pt"})
    return folder


def naive_scores(
    weights: dict[str, Tensor], frames: np.ndarray, query: np.ndarray, window: int, heads: int = 8
) -> np.ndarray:
    """Scores [T] before tau in float64, from the description: all pairs, and a mask."""
    w = {name: tensor.double().numpy() for name, tensor in weights.items()}
    f, q = frames.astype(np.float64), query.astype(np.float64).reshape(-1)
    length, width = f.shape
    place = np.zeros((length, width))
    t = np.arange(length) / length
    for channel in range(width):
        angle = t * 10000 ** (-2 * (channel // 2) / width)
        place[:, channel] = np.cos(angle) if channel % 2 else np.sin(angle)

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    x = f + place
    queries, keys, values = (linear(f"temporal.Self_{part}", x) for part in "qkv")
    row, column = np.arange(length)[:, None], np.arange(length)[None]
    first = row - window // 2
    hidden = (column < first) | (column >= first + window)
    mixed = np.zeros((length, width))
    size = width // heads
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        products = queries[:, part] @ keys[:, part].T / np.sqrt(size)
        products[hidden] = -np.inf
        products = np.exp(products - products.max(axis=1, keepdims=True))
        mixed[:, part] = products / products.sum(axis=1, keepdims=True) @ values[:, part]
    events = linear("mlp.2", np.maximum(linear("mlp.0", mixed), 0)) + f
    norm = np.linalg.norm
    event_scores = events @ q / (norm(events, axis=1) * norm(q) + 1e-6)
    return event_scores + f @ q / np.maximum(norm(f, axis=1) * norm(q), 1e-8)
