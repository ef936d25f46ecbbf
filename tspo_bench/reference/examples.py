"""Training examples for the reference MLLM: frames of fresh videos, and questions about them.

Scripts are drawn without end, so that nothing can be learnt by heart. A pack is one selection of
frames with all the questions that those frames answer: the frames are read once for all of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tspo_bench.haystack.scenes import draw_scene
from tspo_bench.haystack.script import QUESTION_TYPES, Item, Script, write_script
from tspo_bench.reference.encoder import noisy, patch_labels, to_pixel_values

VIDEO_SECONDS = 200
NOTHING_SHOWN, RANDOM_SHOWN, ONE_QUESTION = 0.08, 0.1, 0.4  # shares of the packs
SAMPLES = {True: 3, False: 1}  # frames drawn of a scene that is evidence, and of another one


@dataclass(frozen=True)
class Shown:
    """A frame: its scene's number in the script, and its row in the pool's features."""

    scene: int
    row: int


@dataclass(frozen=True)
class Filmed:
    """A script with some frames of each scene: their tokens [rows, patches, width] and labels."""

    script: Script
    rows: dict[int, tuple[int, ...]]
    tokens: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Pack:
    """Frames in time order [k, patches, width], patch labels, and the questions they answer.

    `scenes` are the numbers of the scenes that the frames show.
    """

    tokens: Tensor
    labels: Tensor
    items: tuple[Item, ...]
    scenes: tuple[int, ...]


def film(seed: str, vision: torch.nn.Module, noise: np.random.Generator) -> Filmed:
    """Draw a video's frames and encode them. Scenes without a question are drawn one time in two.

    Args:
        seed: of the script and of the frames' times.
        vision: the frozen vision tower.
        noise: source of the frames' noise.
    """
    rng = random.Random(seed)
    answers = {kind: rng.randrange(4) for kind in QUESTION_TYPES}
    script = write_script(seed, VIDEO_SECONDS, QUESTION_TYPES, answers)
    asked = {scene for item in script.items for scene in item.evidence}
    rows: dict[int, tuple[int, ...]] = {}
    frames: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for number, scene in enumerate(script.scenes):
        if number not in asked and rng.random() < 0.5:
            continue
        times = [rng.uniform(*scene.clear) for _ in range(SAMPLES[number in asked])]
        rows[number] = tuple(range(len(frames), len(frames) + len(times)))
        frames += [draw_scene(scene, time) for time in times]
        labels += [patch_labels(scene, time) for time in times]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        hidden = vision(to_pixel_values(noisy(np.stack(frames), noise))).last_hidden_state
    tokens = hidden[:, 1:].to(torch.bfloat16)
    return Filmed(script, rows, tokens, torch.from_numpy(np.stack(labels)))


def pack(filmed: Filmed, k: int, rng: random.Random) -> Pack:
    """K frames that answer one or some four questions, the rest of K being distractors.

    One pack in twelve has no frames, one in ten k random ones, with every question, though
    they may not answer it: the model still learns to choose among the options.
    """
    items = rng.sample(filmed.script.items, len(filmed.script.items))
    # With several questions hardly any scene is shown twice. Without packs of one, the model would
    # learn to count frames instead of scenes.
    most_questions = 1 if rng.random() < ONE_QUESTION else max(4, k // 2)
    chance = rng.random()
    if chance < NOTHING_SHOWN + RANDOM_SHOWN:
        numbers = rng.choices(list(filmed.rows), k=0 if chance < NOTHING_SHOWN else k)
        answered = items[:most_questions]
    else:
        numbers, answered = _evidence(items, k, most_questions)
        # From frames of the evidence alone to as many distractors as there is room for.
        spare = k - len(numbers)
        distractors = round(spare * rng.choice((0.0, 0.3, 0.5, 1.0)))
        numbers += rng.choices(list(filmed.rows), k=distractors)
        numbers += rng.choices(numbers, k=k - len(numbers))
    shown = sorted((n, rng.choice(filmed.rows[n])) for n in numbers)
    rows = [row for _, row in shown]
    asked = tuple(shuffled(item, rng) for item in answered)
    scenes = tuple(number for number, _ in shown)
    return Pack(filmed.tokens[rows], filmed.labels[rows], asked, scenes)


def _evidence(items: list[Item], k: int, most: int) -> tuple[list[int], list[Item]]:
    """Scenes that answer as many of the items, in their order, as k frames can."""
    scenes: set[int] = set()
    answered: list[Item] = []
    for item in items:
        if len(answered) < most and len(scenes | set(item.evidence)) <= k:
            scenes |= set(item.evidence)
            answered.append(item)
    return sorted(scenes), answered


def shuffled(item: Item, rng: random.Random) -> Item:
    """The item with its options in another order; counts stay in theirs."""
    if item.kind == "count":
        return item
    options = rng.sample(item.options, len(item.options))
    return replace(item, options=tuple(options), answer=options.index(item.options[item.answer]))
