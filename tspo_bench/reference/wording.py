"""The encoder's last round: its text tower learns to keep the words that naming objects wiped out.

After contrast with frames alone, "right after the dog" and "right before the dog" had features
0.006 apart, as no single frame distinguishes them. CLIP's text features, learnt from all
that captions say, keep such words apart, and an agent needs them.
"""

from __future__ import annotations

import copy
import logging
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BatchEncoding, CLIPModel

from tspo_bench.haystack.scenes import draw_scene
from tspo_bench.haystack.world import PICTOGRAMS
from tspo_bench.reference.encoder import noisy, text_about, to_pixel_values, training_scenes
from tspo_bench.reference.words import make_tokenizer

STEPS = 1500
BATCH_SIZE = 128
LEARNING_RATE = 2e-3
NUM_FRAMES = 4096
KEEP_WEIGHT = 2000.0  # of the similarities, beside the words
_SHARPNESS = 4.0  # unit vectors are short for a linear head

logger = logging.getLogger(__name__)


def train_wording(model: CLIPModel, seed: int) -> None:
    """Train text tower and text projection so that a linear head can name each word of a text.

    Similarities between texts and frames are held where they were; the frames' side stays as it is.
    """
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = make_tokenizer(sentence_marks=True)
    before = copy.deepcopy(model).eval()
    frames = frame_features(before, seed)
    head = nn.Linear(frames.shape[1], len(tokenizer))
    learning = nn.ModuleList([model.text_model, model.text_projection, head])
    optimizer = torch.optim.AdamW(learning.parameters(), LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, STEPS)
    for step in range(STEPS):
        texts = [_text(rng) for _ in range(BATCH_SIZE)]
        tokens = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.no_grad():
            known = text_features(before, tokens)
        features = text_features(model, tokens)
        moved = (features - known) @ frames.T
        present = torch.zeros(len(texts), len(tokenizer)).scatter_(1, tokens["input_ids"], 1.0)
        guessed = head(_SHARPNESS * features)
        words = F.binary_cross_entropy_with_logits(guessed, present) * len(tokenizer)
        optimizer.zero_grad()
        (KEEP_WEIGHT * moved.square().mean() + words).backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == STEPS - 1:
            drift = moved.detach().square().mean().sqrt().item()
            logger.info("wording step %d: words %.3f, drift %.4f", step, words.item(), drift)


@torch.no_grad()
def frame_features(model: CLIPModel, seed: int) -> Tensor:
    """Unit features [NUM_FRAMES, d] of frames from scripts that no split contains."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    source = training_scenes(seed, crowded=False)
    features = []
    for _ in range(0, NUM_FRAMES, BATCH_SIZE):
        scenes = [next(source) for _ in range(BATCH_SIZE)]
        drawn = np.stack([draw_scene(scene, rng.uniform(*scene.clear)) for scene in scenes])
        pooled = model.vision_model(to_pixel_values(noisy(drawn, noise))).pooler_output
        features.append(F.normalize(model.visual_projection(pooled), dim=-1))
    return torch.cat(features)


def text_features(model: CLIPModel, tokens: BatchEncoding) -> Tensor:
    """Unit features [n, d] of tokenized texts."""
    pooled = model.text_model(**tokens).pooler_output
    return F.normalize(model.text_projection(pooled), dim=-1)


def _text(rng: random.Random) -> str:
    companion = rng.choice(PICTOGRAMS) if rng.random() < 0.5 else None
    return text_about(rng.choice(PICTOGRAMS), companion, rng)[0]
