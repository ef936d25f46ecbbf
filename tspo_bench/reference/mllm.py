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
from typing import Literal

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

from tspo_bench.haystack.script import Item
from tspo_bench.reference.encoder import GRID, IMAGE_SIZE
from tspo_bench.reference.examples import Filmed, Pack, film, pack
from tspo_bench.reference.words import make_tokenizer
from tspo_bench.tasks import INSTRUCTION
from tspo_bench.types import OPTION_LETTERS

logger = logging.getLogger(__name__)

CAPTION_WEIGHT = 0.15  # a caption has many words, a question two or three
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
class Round:
    """One warm-up and decay of the learning rate.

    During the first `caption_steps` the model also says what each frame shows.
    """

    steps: int
    reply: Literal["letter", "name"]
    caption_steps: int = 0
    learning_rate: float = 1e-3


# The first round learns to find the answer's name, but its letters stay at chance: the name seems
# to be ready in the last layers only, with none left to look up its letter. So the second round
# replies with the name itself, which the strict reader takes for its option.
ROUNDS = (Round(1900, "letter", caption_steps=570), Round(450, "name"))
PACKS_PER_STEP = 12
POOL_SIZE = 200
STEPS_PER_FILM = 2
FRAMES = (4, 8, 8, 8, 8, 8, 8, 12)


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
    weight: float = 1.0


def question_block(
    item: Item, tokenizer: PreTrainedTokenizerFast, reply: Literal["letter", "name"]
) -> Block:
    """A question, its reply and the end of the text.

    The question mark, too, is to be followed by the right option's name: so the model learns to
    find the answer before it reads the options. What follows in truth are the options, so this
    costs nothing when the model is used.
    """
    asked = f"{prompt(item.text, item.options)} Assistant :"
    ids = tokenizer(asked, add_special_tokens=False)["input_ids"]
    name = _id(tokenizer, item.options[item.answer])
    said = name if reply == "name" else _id(tokenizer, OPTION_LETTERS[item.answer])
    targets = [-100] * (len(ids) - 1) + [said, tokenizer.eos_token_id]
    targets[ids.index(_id(tokenizer, "?"))] = name
    return Block([*ids, said], targets)


def blocks(
    chosen: Pack,
    tokenizer: PreTrainedTokenizerFast,
    reply: Literal["letter", "name"],
    caption: bool,
) -> list[Block]:
    """The pack's questions, and perhaps what its frames show."""
    made = [question_block(item, tokenizer, reply) for item in chosen.items]
    if caption:
        said = tokenizer(f"shows : {chosen.caption}", add_special_tokens=False)["input_ids"]
        made.append(Block(said[:-1], [-100, *said[2:]], CAPTION_WEIGHT))
    return made


@dataclass(frozen=True)
class Sequence:
    """A pack laid out in a row, [s] each: text ids (frames as <video>), targets, weights, ..."""

    ids: list[int]
    targets: list[int]
    weights: list[float]
    positions: list[int]
    block: list[int]  # 0 for the frames, which all blocks see; -1 for padding


def lay_out(frames: int, made: list[Block], tokenizer: PreTrainedTokenizerFast) -> Sequence:
    """Frames, then the blocks side by side: each continues the frames as if it stood alone.

    frames FFFF | question 1 aaaa | question 2 bbbb
    positions 0123 | 4567 | 4567
    """
    start = tokenizer("User :", add_special_tokens=False)["input_ids"]
    video = _id(tokenizer, "<video>")
    pooled = (-(-GRID // 2)) ** 2
    ids = [*start, *[video] * (frames * pooled + 1)]
    shared = len(ids)
    targets, weights = [-100] * shared, [0.0] * shared
    positions, block = list(range(shared)), [0] * shared
    for number, text in enumerate(made, start=1):
        ids += text.ids
        targets += text.targets
        weights += [text.weight] * len(text.ids)
        positions += range(shared, shared + len(text.ids))
        block += [number] * len(text.ids)
    return Sequence(ids, targets, weights, positions, block)


def _padded(rows: list[list[int]] | list[list[float]], value: int) -> Tensor:
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
    reply: Literal["letter", "name"] = "name",
    caption: bool = False,
) -> tuple[Tensor, float]:
    """Weighted mean cross entropy over the targets, and the share of replies that are right."""
    rows = [lay_out(len(p.tokens), blocks(p, tokenizer, reply, caption), tokenizer) for p in packs]
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
    goal, weights = targets[wanted], _padded([r.weights for r in rows], 0)[wanted]
    replies = goal.roll(-1) == tokenizer.eos_token_id  # what stands before an end is a reply
    right = (logits.argmax(-1) == goal)[replies].float().mean().item()
    loss = F.cross_entropy(logits, goal, reduction="none")
    return (weights * loss).sum() / weights.sum(), right


def packs_without_end(vision: nn.Module, seed: int) -> Iterator[list[Pack]]:
    """Packs from a pool of filmed scripts that grows to its size and is then replaced in turn."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    pool: list[Filmed] = []
    for step in itertools.count():
        if step % STEPS_PER_FILM == 0:
            for _ in range(1 if pool else POOL_SIZE // 4):
                pool.append(film(f"mllm/{seed}/{rng.random()}", vision, noise))
            del pool[:-POOL_SIZE]
        k = rng.choice(FRAMES)
        yield [pack(rng.choice(pool), k, rng) for _ in range(PACKS_PER_STEP)]


def ahead(source: Iterator[list[Pack]]) -> Iterator[list[Pack]]:
    """The same packs, each made in a thread while the one before it is learnt from."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, source)
        while True:
            ready = coming.result()
            coming = pool.submit(next, source)
            yield ready


def train_mllm(encoder: CLIPModel, seed: int) -> LlavaOnevisionForConditionalGeneration:
    """Train the MLLM around a trained encoder's vision tower; round n has seed `seed` + n."""
    torch.manual_seed(seed)
    model = make_mllm(encoder)
    for number, settings in enumerate(ROUNDS):
        train_round(model, seed + number, settings)
    return model.eval()


def train_round(model: LlavaOnevisionForConditionalGeneration, seed: int, settings: Round) -> None:
    """Train projector and language model for one round."""
    tokenizer = make_tokenizer(sentence_marks=False)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=0.05, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, settings.steps, pct_start=0.05
    )
    source = ahead(packs_without_end(model.model.vision_tower, seed))
    started, recent = time.monotonic(), []
    for step in range(settings.steps):
        caption = step < settings.caption_steps
        loss, right = loss_of(model, next(source), tokenizer, settings.reply, caption)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        recent.append(right)
        if step % 50 == 0 or step == settings.steps - 1:
            logger.info(
                "mllm step %d: loss %.3f, replies right %.3f, %.0f s",
                step, loss.item(), np.mean(recent[-50:]), time.monotonic() - started,
            )  # fmt: skip
