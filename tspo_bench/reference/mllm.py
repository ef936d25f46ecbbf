"""Trains the reference MLLM: LLaVA-OneVision's architecture, small, on the pictogram world.

The vision tower is the reference encoder's, frozen; projector and language model are trained.
"""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    CLIPModel,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    PreTrainedTokenizerFast,
)

from tspo_bench.reference.encoder import GRID, IMAGE_SIZE
from tspo_bench.reference.examples import Filmed, Pack, film, pack
from tspo_bench.reference.words import make_tokenizer
from tspo_bench.tasks import INSTRUCTION
from tspo_bench.types import OPTION_LETTERS

logger = logging.getLogger(__name__)

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}User : {% else %}Assistant : {% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image> {% endif %}"
    "{% if part['type'] == 'video' %}<video> {% endif %}{% endfor %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }} {% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}Assistant :{% endif %}"
)


@dataclass(frozen=True)
class MLLMSettings:
    """How the reference MLLM is trained."""

    steps: int = 2200
    packs_per_step: int = 12
    pool_size: int = 200
    steps_per_film: int = 2
    frames: tuple[int, ...] = (4, 8, 8, 8, 8, 8, 8, 12)
    learning_rate: float = 1e-3
    naming_share: float = 0.3


def _id(tokenizer: PreTrainedTokenizerFast, word: str) -> int:
    number = tokenizer.convert_tokens_to_ids(word)
    assert isinstance(number, int)
    return number


def make_mllm(encoder: CLIPModel) -> LlavaOnevisionForConditionalGeneration:
    """The untrained MLLM around the encoder's vision tower: 6 layers, 192 wide."""
    tokenizer = make_tokenizer(sentence_marks=False)
    config = LlavaOnevisionConfig(
        vision_config=encoder.vision_model.config.to_dict(),
        text_config={
            "model_type": "qwen2", "vocab_size": len(tokenizer), "hidden_size": 192,
            "intermediate_size": 512, "num_hidden_layers": 6, "num_attention_heads": 6,
            "num_key_value_heads": 6, "max_position_embeddings": 4096, "tie_word_embeddings": True,
            "pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        image_token_index=_id(tokenizer, "<image>"),
        video_token_index=_id(tokenizer, "<video>"),
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        image_grid_pinpoints=[[IMAGE_SIZE, IMAGE_SIZE]],
        tie_word_embeddings=True,
    )  # fmt: skip
    model = LlavaOnevisionForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(encoder.vision_model.state_dict())
    model.model.vision_tower.requires_grad_(False)
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
        num_image_tokens=GRID * GRID,
        vision_feature_select_strategy="default",
        chat_template=CHAT_TEMPLATE,
    )


def prompt(text: str, options: tuple[str, ...]) -> str:
    """A question as tasks put it (`MultipleChoice.prompt`)."""
    lines = [f"{letter}. {option}" for letter, option in zip(OPTION_LETTERS, options, strict=False)]
    return "\n".join([text, *lines, INSTRUCTION])


@dataclass(frozen=True)
class Block:
    """A text that follows the frames, and the words of it that are to be predicted."""

    ids: list[int]
    targets: list[int]  # -100 where nothing is to be predicted


def blocks(chosen: Pack, tokenizer: PreTrainedTokenizerFast, naming: bool) -> list[Block]:
    """The pack's questions, each answered by a letter; with `naming`, its caption as well."""
    made = []
    for item in chosen.items:
        asked = f"{prompt(item.text, item.options)} Assistant :"
        ids = tokenizer(asked, add_special_tokens=False)["input_ids"]
        letter = _id(tokenizer, OPTION_LETTERS[item.answer])
        ends = [letter, tokenizer.eos_token_id]
        made.append(Block([*ids, letter], [-100] * (len(ids) - 1) + ends))
    if naming:
        said = tokenizer(f"shows : {chosen.caption}", add_special_tokens=False)["input_ids"]
        made.append(Block(said[:-1], [-100, *said[2:]]))
    return made


@dataclass(frozen=True)
class Sequence:
    """A pack laid out in a row: text ids [s] (frames as <video>), targets, positions, blocks."""

    ids: list[int]
    targets: list[int]
    positions: list[int]
    block: list[int]  # 0 for the frames, which all blocks see; -1 for padding


def lay_out(
    chosen: Pack, tokenizer: PreTrainedTokenizerFast, naming: bool, pooled: int
) -> Sequence:
    """Frames, then the blocks side by side: each continues the frames as if it stood alone.

    frames FFFF | question 1 aaaa | question 2 bbbb
    positions 0123 | 4567 | 4567
    """
    start = tokenizer("User :", add_special_tokens=False)["input_ids"]
    video = _id(tokenizer, "<video>")
    ids = [*start, *[video] * (len(chosen.tokens) * pooled + 1)]
    shared = len(ids)
    targets, positions, block = [-100] * shared, list(range(shared)), [0] * shared
    for number, made in enumerate(blocks(chosen, tokenizer, naming), start=1):
        ids += made.ids
        targets += made.targets
        positions += range(shared, shared + len(made.ids))
        block += [number] * len(made.ids)
    return Sequence(ids, targets, positions, block)


def _padded(rows: list[list[int]], value: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [value] * (longest - len(row)) for row in rows])


def _mask(block: Tensor) -> Tensor:
    """Who sees whom [b, 1, s, s]: earlier places of one's own block or of the frames."""
    length = block.shape[1]
    same = block[:, :, None] == block[:, None, :]
    sees = (same | (block == 0)[:, None, :]) & torch.ones(length, length).tril().bool()
    return sees[:, None]


def loss_of(
    model: LlavaOnevisionForConditionalGeneration,
    packs: list[Pack],
    tokenizer: PreTrainedTokenizerFast,
    naming: bool,
) -> tuple[Tensor, float]:
    """Mean cross entropy over the targets, and the share of answer letters that are right."""
    pooled = (-(-GRID // 2)) ** 2
    rows = [lay_out(chosen, tokenizer, naming, pooled) for chosen in packs]
    ids, targets = _padded([r.ids for r in rows], 0), _padded([r.targets for r in rows], -100)
    frames = torch.cat([chosen.tokens for chosen in packs]).float()
    with torch.autocast("cpu", torch.bfloat16):
        seen = model.model.apply_pooling(model.model.multi_modal_projector(frames)).float()
        embedded = model.get_input_embeddings()(ids)
        places = ids == model.config.video_token_id
        video = [
            torch.cat([part.flatten(0, 1), model.model.image_newline[None]])
            for part in seen.split([len(chosen.tokens) for chosen in packs])
        ]
        embedded = embedded.masked_scatter(places[..., None], torch.cat(video))
        hidden = model.model.language_model(
            inputs_embeds=embedded,
            attention_mask=_mask(_padded([r.block for r in rows], -1)),
            position_ids=_padded([r.positions for r in rows], 0),
            use_cache=False,
        ).last_hidden_state
        wanted = targets != -100
        logits = model.lm_head(hidden[wanted]).float()
    goal = targets[wanted]
    letters = goal <= _id(tokenizer, "D")
    letters &= goal >= _id(tokenizer, "A")
    right = (logits.argmax(-1) == goal)[letters].float().mean().item()
    return F.cross_entropy(logits, goal), right


def packs_without_end(vision: nn.Module, settings: MLLMSettings, seed: int) -> Iterator[list[Pack]]:
    """Packs from a pool of filmed scripts that grows to its size and is then replaced in turn."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    pool: list[Filmed] = []
    for step in itertools.count():
        if step % settings.steps_per_film == 0:
            for _ in range(1 if pool else settings.pool_size // 4):
                pool.append(film(f"mllm/{seed}/{rng.random()}", vision, noise))
            del pool[: -settings.pool_size]
        k = rng.choice(settings.frames)
        yield [pack(rng.choice(pool), k, rng) for _ in range(settings.packs_per_step)]


def ahead(source: Iterator[list[Pack]]) -> Iterator[list[Pack]]:
    """The same packs, each made in a thread while the one before it is learnt from."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, source)
        while True:
            ready = coming.result()
            coming = pool.submit(next, source)
            yield ready


def train_mllm(
    encoder: CLIPModel, seed: int, settings: MLLMSettings
) -> LlavaOnevisionForConditionalGeneration:
    """Train the MLLM around a trained encoder's vision tower."""
    torch.manual_seed(seed)
    model, tokenizer = make_mllm(encoder), make_tokenizer(sentence_marks=False)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=0.05, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, settings.steps, pct_start=0.05
    )
    source = ahead(packs_without_end(encoder.vision_model.eval(), settings, seed))
    started, recent = time.monotonic(), []
    for step in range(settings.steps):
        naming = step < settings.naming_share * settings.steps
        loss, right = loss_of(model, next(source), tokenizer, naming)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        recent.append(right)
        if step % 50 == 0 or step == settings.steps - 1:
            logger.info(
                "mllm step %d: loss %.3f, letters right %.3f, %.0f s",
                step, loss.item(), np.mean(recent[-50:]), time.monotonic() - started,
            )  # fmt: skip
    return model.eval()
