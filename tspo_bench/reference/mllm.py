"""Trains the reference MLLM: LLaVA-OneVision's architecture, small, on the pictogram world.

The vision tower is the reference encoder's after its first round, frozen; projector and language
model are trained.
"""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections import defaultdict, deque
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    CLIPVisionModel,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    PreTrainedTokenizerFast,
)

from tspo_bench.haystack.world import PICTOGRAMS
from tspo_bench.prefetch import prefetch
from tspo_bench.reference.encoder import GRID, GROUNDS, IMAGE_SIZE
from tspo_bench.reference.examples import Filmed, Pack, film, pack
from tspo_bench.reference.layout import NOTHING, lay_out, word_id
from tspo_bench.reference.optimizer import Optimizer
from tspo_bench.reference.words import make_tokenizer

logger = logging.getLogger(__name__)

LAYERS = 7
FOUND_LAYER = 5  # by which the answer is to be known; the rest choose among the options
STEPS = 5000
LEARNING_RATE = 4e-3
FRAMES_PER_STEP = 64
BUDGETS = (4, 8, 8, 8, 8, 8, 8, 16, 16, 32)
POOL_SIZE = 300
STEPS_PER_FILM = 2
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}User : {% else %}Assistant : {% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image> {% endif %}"
    "{% if part['type'] == 'video' %}<video> {% endif %}{% endfor %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }} {% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}Assistant :{% endif %}"
)


def make_mllm(tower: CLIPVisionModel) -> LlavaOnevisionForConditionalGeneration:
    """The untrained MLLM around a trained vision tower: 7 layers, 192 wide."""
    tokenizer = make_tokenizer(sentence_marks=False)
    config = LlavaOnevisionConfig(
        vision_config=tower.config.to_dict(),
        text_config={
            "model_type": "qwen2", "vocab_size": len(tokenizer), "hidden_size": 192,
            "intermediate_size": 512, "num_hidden_layers": LAYERS, "num_attention_heads": 6,
            "num_key_value_heads": 6, "max_position_embeddings": 4096, "tie_word_embeddings": True,
            "pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        image_token_index=word_id(tokenizer, "<image>"),
        video_token_index=word_id(tokenizer, "<video>"),
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        image_grid_pinpoints=[[IMAGE_SIZE, IMAGE_SIZE]],
        tie_word_embeddings=True,
    )  # fmt: skip
    model = LlavaOnevisionForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    model.model.vision_tower.requires_grad_(False)
    model.set_attn_implementation("eager")  # on a CPU its backward pass is the faster one
    return model


def make_processor() -> LlavaOnevisionProcessor:
    """The MLLM's processor, preparing frames as the encoder's does."""
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    half = [0.5, 0.5, 0.5]
    images = LlavaOnevisionImageProcessor(
        size=size, image_grid_pinpoints=[[IMAGE_SIZE, IMAGE_SIZE]], image_mean=half, image_std=half
    )
    videos = LlavaOnevisionVideoProcessor(size=size, image_mean=half, image_std=half)
    return LlavaOnevisionProcessor(
        images,
        make_tokenizer(sentence_marks=False),
        videos,
        num_image_tokens=1 + GRID * GRID,  # CLIP's first token counts, though it is dropped
        vision_feature_select_strategy="default",
        chat_template=CHAT_TEMPLATE,
    )


def label_words(tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Patch labels in words: [labels, vocabulary], rows of shares that sum to 1.

    A pictogram is its name, a background is half its colour and half its texture.
    """
    shares = torch.zeros(len(PICTOGRAMS) + len(GROUNDS), len(tokenizer))
    for number, words in enumerate([*((name,) for name in PICTOGRAMS), *GROUNDS]):
        for word in words:
            shares[number, word_id(tokenizer, word)] += 1 / len(words)
    return shares


def seeing_loss(logits: Tensor, labels: Tensor, words: Tensor) -> Tensor:
    """Cross entropy of each visual token, as if it were a word, with what its patches show.

    Args:
        logits: of the visual tokens [frames, tokens, vocabulary].
        labels: of the patches [frames, GRID * GRID].
        words: `label_words`.
    """
    shares = words[labels].unflatten(1, (GRID // 2, 2, GRID // 2, 2)).mean((2, 4)).flatten(1, 2)
    return -(shares * logits.log_softmax(-1)).sum(-1).mean()


def losses(
    model: LlavaOnevisionForConditionalGeneration,
    packs: list[Pack],
    tokenizer: PreTrainedTokenizerFast,
    words: Tensor,
) -> tuple[Tensor, Tensor]:
    """The loss, and for each question whether its reply is right.

    The loss is the mean cross entropy of the replies, of what is to be found some layers earlier,
    and of what the visual tokens show.
    """
    rows = lay_out(packs, tokenizer)
    frames = torch.cat([chosen.tokens for chosen in packs]).float()
    with torch.autocast("cpu", torch.bfloat16):
        seen = model.model.apply_pooling(model.model.multi_modal_projector(frames))
        shown = model.lm_head(seen).float()
        embedded = model.get_input_embeddings()(rows.ids)
        video = [
            torch.cat([part.flatten(0, 1), model.model.image_newline[None]])
            for part in seen.float().split([len(chosen.tokens) for chosen in packs])
            if len(part)
        ]
        places = (rows.ids == model.config.video_token_id)[..., None]
        hidden = model.model.language_model(
            inputs_embeds=embedded.masked_scatter(places, torch.cat(video)),
            attention_mask=rows.mask,
            position_ids=rows.positions,
            use_cache=False,
            output_hidden_states=True,
        ).hidden_states
        asked, said = rows.found != NOTHING, rows.targets != NOTHING
        earlier = model.model.language_model.norm(hidden[FOUND_LAYER][asked])
        known = model.lm_head(earlier).float()
        replies = model.lm_head(hidden[-1][said]).float()
    found, goal = rows.found[asked], rows.targets[said]
    labels = torch.cat([chosen.labels for chosen in packs])
    loss = F.cross_entropy(replies, goal) + F.cross_entropy(known, found)
    loss = loss + seeing_loss(shown, labels, words)
    return loss, (replies.argmax(-1) == goal)[::2]  # every other target ends the text


def packs_without_end(tower: nn.Module, seed: int) -> Iterator[list[Pack]]:
    """Packs from a pool of filmed scripts that grows to its size and is then replaced in turn."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    pool: deque[Filmed] = deque(maxlen=POOL_SIZE)
    for step in itertools.count():
        if step % STEPS_PER_FILM == 0:
            for _ in range(1 if pool else POOL_SIZE // 10):
                pool.append(film(f"mllm/{seed}/{rng.random()}", tower, noise))
        k = rng.choice(BUDGETS)
        yield [pack(rng.choice(pool), k, rng) for _ in range(FRAMES_PER_STEP // k)]


def train_mllm(
    tower: CLIPVisionModel, seed: int, steps: int = STEPS
) -> LlavaOnevisionForConditionalGeneration:
    """Train projector and language model around a trained vision tower."""
    torch.manual_seed(seed)
    model = make_mllm(tower)
    tokenizer = make_tokenizer(sentence_marks=False)
    words = label_words(tokenizer)
    optimizer = Optimizer([model], LEARNING_RATE, steps)
    source = prefetch(packs_without_end(model.model.vision_tower, seed))
    started, progress = time.monotonic(), Progress()
    for step in range(steps):
        packs = next(source)
        loss, right = losses(model, packs, tokenizer, words)
        optimizer.step(loss)
        progress.add([item.kind for chosen in packs for item in chosen.items], right)
        if step % 50 == 49 or step == steps - 1:
            seconds = time.monotonic() - started
            logger.info("mllm step %d: loss %.3f, %s, %.0f s", step, loss, progress, seconds)
    return model.eval()


class Progress:
    """The share of right replies among each question type's last questions."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[bool]] = defaultdict(lambda: deque(maxlen=200))

    def add(self, kinds: list[str], right: Tensor) -> None:
        """Add questions of these types."""
        for kind, value in zip(kinds, right.tolist(), strict=True):
            self._recent[kind].append(value)

    def __str__(self) -> str:
        shares = {kind: np.mean(recent) for kind, recent in sorted(self._recent.items())}
        return "right: " + " ".join(f"{kind} {share:.2f}" for kind, share in shares.items())
