"""Replies and option log-probabilities from a model's `generate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import transformers
from torch import Tensor

from tspo_bench.errors import UserError
from tspo_bench.mllms.conversation import Written
from tspo_bench.reasoning import is_reasoning_mark, without_reasoning


def plain_generation(own: Any, tokenizer: Any, max_new_tokens: int) -> Any:
    """Return settings for greedy decoding that ignore the checkpoint's own ones (`own`).

    A repetition penalty, for one, counts padding, so an answer would depend on its batch.
    """
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    eos = own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id
    return transformers.GenerationConfig(
        do_sample=False,
        num_beams=1,
        max_new_tokens=max_new_tokens,
        bos_token_id=own.bos_token_id,
        eos_token_id=eos,
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=own.suppress_tokens,
    )


def replies(
    model: Any, tokenizer: Any, inputs: Any, max_new_tokens: int | None
) -> list[tuple[str, bool, int]]:
    """Return the new tokens' text of each row, stripped, whether it was cut, and their number.

    The token that ends a reply counts, padding after it does not.

    Args:
        model: the network.
        tokenizer: the checkpoint's.
        inputs: of a batch.
        max_new_tokens: the longest reply; None for the model's setting.
    """
    longest = {} if max_new_tokens is None else {"max_new_tokens": max_new_tokens}
    output = model.generate(**inputs, **longest)
    prompt = inputs.get("input_ids")  # a class may go in as embeddings alone
    if prompt is not None and torch.equal(output[:, : prompt.shape[1]], prompt):
        output = output[:, prompt.shape[1] :]  # some classes return the new tokens alone
    ends = model.generation_config.eos_token_id
    ends = set(ends) if isinstance(ends, list) else {ends}
    rows = output.tolist()
    texts = _decoded(tokenizer, rows)
    return [
        (text, ends.isdisjoint(row), _length(row, ends))
        for text, row in zip(texts, rows, strict=True)
    ]


def _length(row: list[int], ends: set[int]) -> int:
    """The tokens up to the first one that ends the reply."""
    return next((n for n, token in enumerate(row, 1) if token in ends), len(row))


def thinking_usage(tokenizer: Any, reply: str, begun: str = "") -> dict[str, int]:
    """Return {"thinking_tokens": n} of a reply with reasoning; {} without.

    These are the reply's tokens, marks included, less those of its answer, as the tokenizer writes
    both.

    Args:
        tokenizer: the checkpoint's.
        reply: the text, with the mark `begun` that stood in the prompt.
        begun: that mark, which is not counted.
    """
    answer = without_reasoning(reply)
    if answer is not None and answer.strip() == reply.strip():
        return {}
    written = len(_encode(tokenizer, reply.removeprefix(begun)))
    return {"thinking_tokens": written - len(_encode(tokenizer, (answer or "").strip()))}


def _decoded(tokenizer: Any, rows: list[list[int]]) -> list[str]:
    """Decode rows without special tokens, except for those that mark reasoning."""
    added = getattr(tokenizer, "added_tokens_decoder", {})  # Mistral's own tokenizers have none
    special = {number: str(token) for number, token in added.items() if token.special}
    dropped = {number for number, token in special.items() if not is_reasoning_mark(token)}
    if len(dropped) == len(special):
        return [text.strip() for text in tokenizer.batch_decode(rows, skip_special_tokens=True)]
    kept = [[number for number in row if number not in dropped] for row in rows]
    return [text.strip() for text in tokenizer.batch_decode(kept)]


def first_token_logprobs(model: Any, inputs: Any) -> Tensor:
    """Return log-probabilities [n, vocabulary] of the reply's first token, in float32.

    `generate` makes the forward pass, so that positions and padding are those of a reply. No token
    is suppressed.
    """
    output = model.generate(
        **inputs, max_new_tokens=1, output_logits=True, return_dict_in_generate=True
    )
    logprobs: Tensor = output.logits[0].float().log_softmax(-1)
    return logprobs


def letter_logprobs(
    model: Any, tokenizer: Any, inputs: Any, asked: Sequence[tuple[Written, str]]
) -> list[dict[str, float]]:
    """Return the log-probabilities of each request's letters as the reply's first token.

    Args:
        model: the network.
        tokenizer: the checkpoint's.
        inputs: of a batch.
        asked: each request's text and letters.

    Raises:
        UserError: as `letter_tokens`.
    """
    tokens = [letter_tokens(tokenizer, written, letters) for written, letters in asked]
    rows = first_token_logprobs(model, inputs).cpu()
    return [
        dict(zip(letters, row[own].tolist(), strict=True))
        for (_, letters), own, row in zip(asked, tokens, rows, strict=True)
    ]


def letter_tokens(tokenizer: Any, written: Written, letters: Sequence[str]) -> list[int]:
    """Return the token of each option letter as the first one of the reply.

    "A" and " A" are often two tokens. The right one is the letter's token after the text and the
    space, if any, that the chat template writes there. If the tokenizer would merge the letter with
    the text's end, it is the letter's token by itself: the text is tokenized before the reply.

    Raises:
        UserError: a letter is not a single token, or two letters are the same (unknown) one.
    """
    before = _encode(tokenizer, written.text)
    tokens: list[int] = []
    for letter in letters:
        whole = _encode(tokenizer, written.text + written.gap + letter)
        continues = whole[: len(before)] == before and len(whole) > len(before)
        token = whole[len(before) :] if continues else _encode(tokenizer, letter)
        if len(token) != 1 or token[0] in (tokenizer.unk_token_id, *tokens):
            raise UserError(
                f"option letter {letter!r} is not a single token for this model's "
                f"{type(tokenizer).__name__}; use --answer generate"
            )
        tokens += token
    return tokens


def _encode(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
