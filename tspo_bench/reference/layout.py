"""Lays packs out in rows: the frames once, the questions about them side by side."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from tspo_bench.haystack.script import Item
from tspo_bench.reference.encoder import GRID
from tspo_bench.reference.examples import Pack
from tspo_bench.tasks import INSTRUCTION
from tspo_bench.types import OPTION_LETTERS

POOLED = (-(-GRID // 2)) ** 2  # tokens of a frame after LLaVA-OneVision's pooling
NOTHING = -100  # as a target: nothing is to be predicted here


def word_id(tokenizer: PreTrainedTokenizerFast, word: str) -> int:
    """The id of one word of the vocabulary."""
    number = tokenizer.convert_tokens_to_ids(word)
    assert isinstance(number, int)
    return number


def prompt(text: str, options: tuple[str, ...]) -> str:
    """A question as tasks put it (`MultipleChoice.prompt`)."""
    lines = [f"{letter}. {option}" for letter, option in zip(OPTION_LETTERS, options, strict=False)]
    return "\n".join([text, *lines, INSTRUCTION])


@dataclass(frozen=True)
class Block:
    """A question that follows the frames, and what is to be predicted at each of its words.

    `targets` are the next words, of the reply: the right option's name, which a strict reader takes
    for its option. (Its letter would be one more look-up, of 179 names, which was not learnt.)
    `found` is what is to be known some layers earlier: the answer where the question ends and where
    the reply begins, and at each option its name, so that the last layers can choose among those.
    """

    ids: list[int]
    targets: list[int]
    found: list[int]


def question_block(item: Item, tokenizer: PreTrainedTokenizerFast) -> Block:
    """A question, the right option's name and the end of the text."""
    asked = f"{prompt(item.text, item.options)} Assistant :"
    ids = tokenizer(asked, add_special_tokens=False)["input_ids"]
    answer = word_id(tokenizer, item.options[item.answer])
    found = [NOTHING] * (len(ids) + 1)
    mark = ids.index(word_id(tokenizer, "?"))
    for option in item.options:
        name = word_id(tokenizer, option)
        found[ids.index(name, mark)] = name
    found[mark] = found[-2] = answer
    targets = [NOTHING] * (len(ids) - 1) + [answer, tokenizer.eos_token_id]
    return Block([*ids, answer], targets, found)


@dataclass(frozen=True)
class Rows:
    """Packs in a batch, [b, s] each but `mask` [b, 1, s, s], which is added to the attention."""

    ids: Tensor  # frames are <video>
    targets: Tensor
    found: Tensor
    positions: Tensor
    mask: Tensor


def lay_out(packs: list[Pack], tokenizer: PreTrainedTokenizerFast) -> Rows:
    """Frames, then the questions: each continues the frames as if it stood alone.

    frames FFFF | question 1 aaaa | question 2 bbbb
    positions 0123 | 4567 | 4567
    """
    rows = [_row(pack, tokenizer) for pack in packs]
    ids, targets, found, positions, block = (
        _padded([row[part] for row in rows], value)
        for part, value in enumerate((0, NOTHING, NOTHING, 0, -1))
    )
    return Rows(ids, targets, found, positions, _mask(block))


def _row(pack: Pack, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], ...]:
    """Ids, targets, found, positions and the number of the block: 0 for the frames."""
    start = tokenizer("User :", add_special_tokens=False)["input_ids"]
    video = word_id(tokenizer, "<video>")
    newline = len(pack.tokens) > 0  # ends the frames, where there are any
    ids = [*start, *[video] * (len(pack.tokens) * POOLED + newline)]
    shared = len(ids)
    targets, found = [NOTHING] * shared, [NOTHING] * shared
    positions, block = list(range(shared)), [0] * shared
    for number, item in enumerate(pack.items, start=1):
        text = question_block(item, tokenizer)
        ids += text.ids
        targets += text.targets
        found += text.found
        positions += range(shared, shared + len(text.ids))
        block += [number] * len(text.ids)
    return ids, targets, found, positions, block


def _padded(rows: list[list[int]], value: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [value] * (longest - len(row)) for row in rows])


def _mask(block: Tensor) -> Tensor:
    """0 where one sees another, earlier places of one's own block or of the frames; else -1e9."""
    length = block.shape[1]
    same = block[:, :, None] == block[:, None, :]
    sees = (same | (block == 0)[:, None, :]) & torch.ones(length, length).tril().bool()
    return torch.zeros(sees.shape).masked_fill(~sees, -1e9)[:, None]
