"""Trains the reference encoder: a small CLIP on frames and questions of the pictogram world."""

from __future__ import annotations

import copy
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPVisionModel,
    PreTrainedTokenizerFast,
)
from transformers.modeling_outputs import BaseModelOutputWithPooling

from tspo_bench.haystack.scenes import (
    COLOURS,
    COMPANION_SIZES,
    FRAME_SIZE,
    TEXTURES,
    Scene,
    draw_scene,
)
from tspo_bench.haystack.script import CORNERS, placement, write_script
from tspo_bench.haystack.world import CATEGORIES, CATEGORY_OF, PICTOGRAMS
from tspo_bench.prefetch import prefetch
from tspo_bench.reference.optimizer import Optimizer
from tspo_bench.reference.words import make_tokenizer

logger = logging.getLogger(__name__)

IMAGE_SIZE = FRAME_SIZE  # the world's own: nothing is resized
PATCH = 16
VISION_WIDTH = 192
GRID = IMAGE_SIZE // PATCH
NAME_ID = {name: number for number, name in enumerate(PICTOGRAMS)}
GROUNDS = [(colour, texture) for colour in COLOURS for texture in TEXTURES]
_MEAN = _STD = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Round:
    """One warm-up and decay of the learning rate.

    `crowded`: most corners of a frame are filled with a companion, so that a frame teaches four
    names; the texts then have no part yet.
    """

    steps: int
    batch_size: int
    learning_rate: float
    crowded: bool


# The contrastive gradient drowns that of small companions, so patches learn their names first.
ROUNDS = (Round(4000, 32, 5e-3, crowded=True), Round(1200, 96, 3e-3, crowded=False))
DENSE_WEIGHT = 5.0  # of the patch naming loss, beside the contrastive one


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
    model = CLIPModel(config)
    model.set_attn_implementation("eager")  # on a CPU its backward pass is the faster one
    return model


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
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1


def noisy(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Frames with the noise and the shifts of brightness that H.264 leaves, and a little more."""
    gain = rng.uniform(0.92, 1.08, (len(frames), 1, 1, 1)).astype(np.float32)
    # Drawing noise costs as much as drawing frames, so a batch shares one, shifted for each frame.
    noise = rng.standard_normal((2 * FRAME_SIZE, 2 * FRAME_SIZE, 3), dtype=np.float32) * 4
    lit = frames * gain
    for number, (x, y) in enumerate(rng.integers(0, FRAME_SIZE, (len(frames), 2))):
        lit[number] += noise[y : y + FRAME_SIZE, x : x + FRAME_SIZE]
    return np.clip(lit, 0, 255, out=lit)


def training_scenes(seed: int, crowded: bool) -> Iterator[Scene]:
    """An endless row of scenes from scripts that no split contains."""
    rng = random.Random(seed)
    while True:
        script = write_script(f"encoder/{rng.random()}", 300, (), {})
        yield from (crowd(scene, rng) for scene in script.scenes) if crowded else script.scenes


def crowd(scene: Scene, rng: random.Random) -> Scene:
    """The scene with a companion in three corners of four."""
    corners = [corner for corner in CORNERS if rng.random() < 0.75]
    pairs = zip(rng.sample(PICTOGRAMS, len(corners)), corners, strict=True)
    companions = (placement(rng, name, corner, COMPANION_SIZES) for name, corner in pairs)
    return replace(scene, companions=tuple(companions))


def patch_labels(scene: Scene, seconds: float) -> np.ndarray:
    """For each patch [GRID * GRID] the pictogram at its centre, or the background."""
    centres = (np.arange(GRID) + 0.5) * FRAME_SIZE / GRID
    ground = len(NAME_ID) + GROUNDS.index((scene.colour, scene.texture))
    labels = np.full((GRID, GRID), ground)
    for drawn in (*scene.companions, scene.main):
        x, y = drawn.centre(seconds - scene.start)
        inside_x = np.abs(centres - x) < 0.42 * drawn.size
        inside_y = np.abs(centres - y) < 0.42 * drawn.size
        labels[np.ix_(inside_y, inside_x)] = NAME_ID[drawn.name]
    return labels.reshape(-1)


def text_about(name: str, companion: str | None, rng: random.Random) -> tuple[str, str]:
    """A text that describes this object, and the name or category in it."""
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


def batches(size: int, seed: int, crowded: bool = False) -> Iterator[Batch]:
    """Training batches without end."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    scenes = training_scenes(seed, crowded)
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
            about.append(text_about(name, others[0] if others else None, rng))
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


def train_encoder(seed: int) -> tuple[CLIPModel, CLIPVisionModel]:
    """Train the encoder from scratch; each round has a seed of its own, counting from `seed`.

    Returns:
        The encoder, and its vision tower as it was when it had learnt names and no texts yet.
    """
    torch.manual_seed(seed)
    model = make_encoder()
    dense = nn.Linear(VISION_WIDTH, len(NAME_ID) + len(GROUNDS))
    names, texts = ROUNDS
    train_round(model, dense, seed, names)
    tower = copy.deepcopy(model.vision_model)
    train_round(model, dense, seed + 1, texts)
    return model.eval(), tower.eval()


def train_round(model: CLIPModel, dense: nn.Linear, seed: int, settings: Round) -> None:
    """Train encoder and dense head for one round."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(sentence_marks=True)
    learning = [model.vision_model if settings.crowded else model, dense]
    optimizer = Optimizer(learning, settings.learning_rate, settings.steps)
    source = prefetch(batches(settings.batch_size, seed, settings.crowded))
    started = time.monotonic()
    for step in range(settings.steps):
        batch = next(source)
        hidden = encode(model, batch)
        located, named = naming_loss(dense, hidden, batch.labels)
        contrast = (
            torch.zeros(()) if settings.crowded else text_loss(model, tokenizer, batch, hidden)
        )
        optimizer.step(contrast + DENSE_WEIGHT * located)
        if step % 50 == 0 or step == settings.steps - 1:
            logger.info(
                "encoder step %d: contrast %.3f, located %.3f, patches named %.3f, %.0f s",
                step, contrast.item(), located.item(), named, time.monotonic() - started,
            )  # fmt: skip


def encode(model: CLIPModel, batch: Batch) -> BaseModelOutputWithPooling:
    """The vision tower's output for the batch's frames."""
    with torch.autocast("cpu", torch.bfloat16):
        return model.vision_model(batch.pixel_values)


def naming_loss(
    dense: nn.Linear, seen: BaseModelOutputWithPooling, labels: Tensor
) -> tuple[Tensor, float]:
    """Patch naming loss, and the share of pictograms' patches named right."""
    assert seen.last_hidden_state is not None
    classes = dense(seen.last_hidden_state[:, 1:].float())
    right = (classes.argmax(-1) == labels)[labels < len(NAME_ID)]
    loss = F.cross_entropy(classes.flatten(0, 1), labels.flatten())
    return loss, right.float().mean().item()


def text_loss(
    model: CLIPModel,
    tokenizer: PreTrainedTokenizerFast,
    batch: Batch,
    seen: BaseModelOutputWithPooling,
) -> Tensor:
    """Contrastive loss between the batch's frames and texts, in both directions."""
    assert seen.pooler_output is not None
    tokens = tokenizer(batch.texts, padding="max_length", truncation=True, return_tensors="pt")
    with torch.autocast("cpu", torch.bfloat16):
        pooled = model.text_model(**tokens).pooler_output
    texts = F.normalize(model.text_projection(pooled.float()), dim=-1)
    frames = F.normalize(model.visual_projection(seen.pooler_output.float()), dim=-1)
    logits = model.logit_scale.exp() * texts @ frames.T
    return _contrast(logits, batch.matches) + _contrast(logits.T, batch.matches.T)
