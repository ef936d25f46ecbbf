"""Words that read like special tokens or placeholders stay words: one visual block, whole texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.mllms.checkpoints import SPECIAL, classes
from tests.mllms.conftest import make_request, with_prompt
from tspo_bench.features import load_encoder
from tspo_bench.features.plain_text import PlainText
from tspo_bench.mllms.llava_video import LlavaVideo
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.types import Request

MARKS = [
    *SPECIAL.values(),
    *("<image>", "<video>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|im_end|>"),
    *("<|im_start|>", "<IMG_CONTEXT>", "<placeholder>", "<|placeholder|>", "<|llava_visual|>"),
]
PLAIN = "which option shows the thing ?"
ODD = f"which option shows {' '.join(MARKS)} <image><video> <<image>> the thing ?\nA. <video>"


def marked(request: Request) -> Request:
    before = tuple("<image> <video>\n" for _ in request.prompt.before)
    return with_prompt(request, text=ODD, before=before)


@pytest.mark.parametrize("name", classes("llava_onevision", "internvl"))
@pytest.mark.parametrize("indices", [[0, 10, 20, 30], [5], []], ids=["video", "frame", "blind"])
def test_marks_in_a_question_are_words(
    checkpoint: Callable[[str], Path], name: str, indices: list[int]
) -> None:
    model = TransformersVLM(str(checkpoint(name)), max_new_tokens=4)
    plain = make_request(indices, PLAIN)
    pairs = [plain]
    if indices:
        pairs.append(with_prompt(plain, before=("first",) * len(indices)))
    for request in pairs:
        odd = marked(request)
        answers = model.answer([request, odd])
        assert answers[0].visual_input == answers[1].visual_input
        written = model._conversation.write(odd).text
        assert ODD in written.replace("\u200b", "")
        _same_marks(model, request, odd)


def _same_marks(model: TransformersVLM, request: Request, odd: Request) -> None:
    """The prompts have the same special tokens at all: one visual block, one turn."""
    special = set(model._processor.tokenizer.all_special_ids)
    special |= {
        number
        for number, token in model._processor.tokenizer.added_tokens_decoder.items()
        if token.special
    }
    special.discard(model._processor.tokenizer.unk_token_id)  # of words that a tiny one lacks
    rows = [model._inputs([one])["input_ids"][0].tolist() for one in (request, odd)]
    assert len(rows[1]) > len(rows[0])
    ours, theirs = ([token for token in row if token in special] for row in rows)
    assert ours == theirs


@pytest.mark.parametrize("indices", [[0, 10, 20], []])
def test_llava_video(llava_folder: Path, indices: list[int]) -> None:
    model = LlavaVideo(str(llava_folder), max_new_tokens=4)
    request = make_request(indices, PLAIN)
    odd = marked(request)
    answers = model.answer([request, odd])
    assert answers[0].visual_input == answers[1].visual_input
    _same_marks(model, request, odd)
    text = model._processor.tokenizer.decode(model._inputs([odd])["input_ids"][0])
    assert ODD in text.replace("\u200b", "")


def test_other_words_are_left_alone(checkpoint: Callable[[str], Path]) -> None:
    model = TransformersVLM(str(checkpoint("llava_onevision")), max_new_tokens=4)
    for text in ("", "a < b > c", "<b>bold</b> [image] \u200b", "image video pad"):
        assert model._conversation._plain(text) == text


class Tokens:
    """As much of a tokenizer as names special tokens, one of them a common word."""

    added_tokens_decoder: dict[int, Any] = {}  # noqa: RUF012
    all_special_tokens = ("<s>", "<<s>>", "mask", "^", "")


def test_marks_that_hold_others_and_words() -> None:
    plain = PlainText(Tokens())
    assert plain("<<s>> <s> mask^") == "<\u200b<\u200bs>> <\u200bs> mask^"


def test_an_end_mark_does_not_end_an_encoders_text(real_encoder: Any) -> None:
    """CLIP's feature is that of its first end token."""
    texts = ["a scene", "a scene <|endoftext|> with a dog", "a scene </s> with a dog"]
    first, *others = real_encoder.encode_text(texts)
    assert all(abs(first - other).max() > 1e-3 for other in others)


@pytest.fixture(scope="module")
def real_encoder() -> Any:
    return load_encoder("reference")
