"""Trains the reference encoder: a small CLIP on frames and questions of the pictogram world."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    PreTrainedTokenizerFast,
)

from tspo_bench.haystack.scenes import COLOURS, FRAME_SIZE, TEXTURES, Scene, draw_scene
from tspo_bench.haystack.script import write_script
from tspo_bench.haystack.world import CATEGORIES, CATEGORY_OF, PICTOGRAMS
from tspo_bench.reference.words import make_tokenizer

logger = logging.getLogger(__name__)

IMAGE_SIZE = 96
PATCH = 16
VISION_WIDTH = 192
GRID = IMAGE_SIZE // PATCH
NAME_ID = {name: number for number, name in enumerate(PICTOGRAMS)}
GROUNDS = [(colour, texture) for colour in COLOURS for texture in TEXTURES]
_MEAN = _STD = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Round:
    """One warm-up and decay of the learning rate; `dense_weight` is the patch naming loss's."""

    steps: int
    batch_size: int
    learning_rate: float
    dense_weight: float


# The first round aligns frames with text. Its contrastive gradient drowns that of small companions,
# so the second leans on naming what each patch shows.
ROUNDS = (Round(1200, 128, 1.5e-3, 1.0), Round(900, 96, 1e-3, 5.0))


def make_encoder() -> CLIPModel:
    """The untrained encoder: 4 layers, 192 wide for frames; 2 layers, 128 wide for text."""
    tokenizer = make_tokenizer(sentence_marks=True)
    config = CLIPConfig(
        text_config={
            "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2,
            "num_attention_heads": 4, "vocab_size": len(tokenizer), "max_position_embeddings": 32,
            "pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={
            "hidden_size": VISION_WIDTH, "intermediate_size": 512, "num_hidden_layers": 4,
            "num_attention_heads": 6, "hidden_act": "relu",
            "image_size": IMAGE_SIZE, "patch_size": PATCH,
        },
        projection_dim=128,
        logit_scale_init_value=2.0,
    )  # fmt: skip
    return CLIPModel(config)


def make_processor() -> CLIPProcessor:
    """The encoder's processor: frames to IMAGE_SIZE, values to -1..1."""
    images = CLIPImageProcessor(
        size={"shortest_edge": IMAGE_SIZE},
        crop_size={"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        image_mean=list(_MEAN),
        image_std=list(_STD),
    )
    return CLIPProcessor(images, make_tokenizer(sentence_marks=True))


def to_pixel_values(frames: np.ndarray) -> Tensor:
    """Frames [n, FRAME_SIZE, FRAME_SIZE, 3] in 0..255 as the processor would prepare them."""
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    pixels = F.interpolate(pixels, (IMAGE_SIZE, IMAGE_SIZE), mode="bicubic", antialias=True)
    return pixels.clamp(0, 255) / 127.5 - 1


def noisy(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Frames with the noise and the shifts of brightness that H.264 leaves, and a little more."""
    gain = rng.uniform(0.92, 1.08, (len(frames), 1, 1, 1)).astype(np.float32)
    noise = rng.standard_normal(frames.shape, dtype=np.float32) * 4
    return np.clip(frames * gain + noise, 0, 255)


def training_scenes(seed: int) -> Iterator[Scene]:
    """An endless row of scenes from scripts that no split contains."""
    rng = random.Random(seed)
    while True:
        script = write_script(f"encoder/{rng.random()}", 300, (), {})
        yield from script.scenes


def patch_labels(scene: Scene, seconds: float) -> np.ndarray:
    """For each patch [GRID * GRID] the pictogram at its centre, or the background."""
    centres = (np.arange(GRID) + 0.5) * FRAME_SIZE / GRID
    ground = len(NAME_ID) + GROUNDS.index((scene.colour, scene.texture))
    labels = np.full((GRID, GRID), ground)
    for placement in (*scene.companions, scene.main):
        x, y = placement.centre(seconds - scene.start)
        inside_x = np.abs(centres - x) < 0.42 * placement.size
        inside_y = np.abs(centres - y) < 0.42 * placement.size
        labels[np.ix_(inside_y, inside_x)] = NAME_ID[placement.name]
    return labels.reshape(-1)


def _text_about(name: str, companion: str | None, rng: random.Random) -> tuple[str, str]:
    """A text that one would search this object with, and the name or category it is about."""
    category = rng.choice(CATEGORIES)
    texts = [
        (name, name),
        (f"a {name}", name),
        (f"Which {category} is shown together with the {name}?", name),
        (f"Which {category} appears right after the {name}?", name),
        (f"Which {category} appears right before the {name}?", name),
        (f"In how many scenes does the {name} appear?", name),
    ]
    own = CATEGORY_OF[name]
    for text in (
        own,
        f"Which {own} appears near the beginning of the video?",
        f"Which {own} appears near the end of the video?",
        f"Which {own} appears first in the video?",
    ):
        texts.append((text, own))
    if companion:
        texts.append((f"a {name} with a {companion}", name))
    return rng.choice(texts)


@dataclass(frozen=True)
class Batch:
    """Frames [n, 3, s, s], patch labels [n, GRID * GRID], texts, matches [n texts, n frames]."""

    pixel_values: Tensor
    labels: Tensor
    texts: list[str]
    matches: Tensor


def batches(size: int, seed: int) -> Iterator[Batch]:
    """Training batches without end."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    scenes = training_scenes(seed)
    while True:
        chosen = [next(scenes) for _ in range(size)]
        times = [rng.uniform(*scene.clear) for scene in chosen]
        drawn = np.stack([draw_scene(s, t) for s, t in zip(chosen, times, strict=True)])
        labels = np.stack([patch_labels(s, t) for s, t in zip(chosen, times, strict=True)])
        names = [{s.main.name, *(c.name for c in s.companions)} for s in chosen]
        about = []
        for scene in chosen:
            others = [c.name for c in scene.companions]
            name = rng.choice(others) if others and rng.random() < 0.25 else scene.main.name
            about.append(_text_about(name, others[0] if others else None, rng))
        matches = [[_matches(topic, shown) for shown in names] for _, topic in about]
        yield Batch(
            to_pixel_values(noisy(drawn, noise)),
            torch.from_numpy(labels),
            [text for text, _ in about],
            torch.tensor(matches, dtype=torch.float32),
        )


def _matches(topic: str, shown: set[str]) -> bool:
    return topic in shown or any(CATEGORY_OF[name] == topic for name in shown)


def _contrast(logits: Tensor, matches: Tensor) -> Tensor:
    """Cross entropy against all matches of a row at once (CLIP's loss with several positives)."""
    targets = matches / matches.sum(1, keepdim=True).clamp(min=1)
    return -(targets * logits.log_softmax(1)).sum(1).mean()


def train_encoder(seed: int) -> CLIPModel:
    """Train the encoder from scratch; each round has a seed of its own, counting from `seed`."""
    torch.manual_seed(seed)
    model = make_encoder()
    for number, settings in enumerate(ROUNDS):
        train_round(model, seed + number, settings)
    return model.eval()


def train_round(model: CLIPModel, seed: int, settings: Round) -> None:
    """Train for one round, with a fresh dense head."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(sentence_marks=True)
    dense = nn.Linear(VISION_WIDTH, len(NAME_ID) + len(GROUNDS))
    parameters = [*model.parameters(), *dense.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, settings.steps, pct_start=0.1
    )
    source = batches(settings.batch_size, seed)
    started = time.monotonic()
    for step in range(settings.steps):
        batch = next(source)
        contrast, located, named = losses(model, dense, tokenizer, batch)
        optimizer.zero_grad()
        (contrast + settings.dense_weight * located).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == settings.steps - 1:
            logger.info(
                "encoder step %d: contrast %.3f, located %.3f, patches named %.3f, %.0f s",
                step, contrast.item(), located.item(), named, time.monotonic() - started,
            )  # fmt: skip


def losses(
    model: CLIPModel, dense: nn.Linear, tokenizer: PreTrainedTokenizerFast, batch: Batch
) -> tuple[Tensor, Tensor, float]:
    """Contrastive loss, patch naming loss, and the share of pictograms' patches named right."""
    tokens = tokenizer(batch.texts, padding="max_length", truncation=True, return_tensors="pt")
    with torch.autocast("cpu", torch.bfloat16):
        out = model(
            pixel_values=batch.pixel_values,
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
        )
        classes = dense(out.vision_model_output.last_hidden_state[:, 1:]).float()
    logits = out.logits_per_text.float()
    contrast = _contrast(logits, batch.matches) + _contrast(logits.T, batch.matches.T)
    located = F.cross_entropy(classes.flatten(0, 1), batch.labels.flatten())
    right = (classes.argmax(-1) == batch.labels)[batch.labels < len(NAME_ID)]
    return contrast, located, right.float().mean().item()
