"""Log-probabilities of the option letters as a reply's first token."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tests.mllms.checkpoints import PIECES, WORDS, classes
from tests.mllms.conftest import MIXED, with_prompt
from tspo_bench.errors import UserError
from tspo_bench.mllms.conversation import Written
from tspo_bench.mllms.generation import letter_tokens
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.types import Request

Get = Callable[[str], Path]
OPTIONS = [dataclasses.replace(request, mode="options") for request in MIXED]
CLASSES = classes("llava_onevision", "qwen3_vl")


def naive(folder: Path, name: str, request: Request) -> dict[str, float]:
    """The documented recipe of transformers, one conversation, its logits at the last place."""
    processor = transformers.AutoProcessor.from_pretrained(folder)
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder).eval()
    medium = "image" if name == "llava" else "video"
    places = (len(request.frames) if medium == "image" else 1) if len(request.frames) else 0
    content = [{"type": medium}] * places + [{"type": "text", "text": request.prompt.text}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True
    )
    media = {}
    if places and medium == "image":
        media = {"images": [list(request.frames.pixels)]}
    elif places:
        metadata = {
            "total_num_frames": 600,
            "fps": 10.0,
            "duration": 60.0,
            "frames_indices": request.frames.indices.tolist(),
        }
        media = {
            "videos": [request.frames.pixels],
            "video_metadata": [metadata],
            "do_sample_frames": False,
        }
    inputs = processor(text=[text], add_special_tokens=False, return_tensors="pt", **media)
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1]
    probabilities = logits.double().softmax(0)
    return {letter: math.log(probabilities[PIECES.index(letter)]) for letter in request.letters}


@pytest.mark.parametrize("name", CLASSES)
def test_they_equal_a_plain_forward_pass(checkpoint: Get, name: str) -> None:
    folder = checkpoint(name)
    own = {"positions": "mean"} if name == "qwen2_5_vl" else {}
    asked = [request for request in OPTIONS if len(request.frames) != 1][:5]
    for request, answer in zip(
        asked, TransformersVLM(str(folder), **own).answer(asked), strict=True
    ):
        expected = naive(folder, name, request)
        assert answer.option_logprobs == pytest.approx(expected, abs=1e-4)
        assert answer.text == max(expected, key=expected.__getitem__)


@pytest.mark.parametrize("name", CLASSES)
def test_a_batch_gives_those_of_single_calls(checkpoint: Get, name: str) -> None:
    model = TransformersVLM(str(checkpoint(name)))
    singles = [model.answer([request])[0] for request in OPTIONS]
    for single, batched in zip(singles, model.answer(OPTIONS), strict=True):
        assert batched.option_logprobs == pytest.approx(single.option_logprobs, abs=1e-4)
        assert (batched.text, batched.visual_input) == (single.text, single.visual_input)


SAYS_LETTERS = [param for param in CLASSES if "llava" not in param.values]


@pytest.mark.parametrize("name", SAYS_LETTERS)
def test_a_reply_that_begins_with_a_letter_begins_with_the_likeliest(
    checkpoint: Get, name: str
) -> None:
    """Of so many begun replies the tiny model goes on with a letter in some."""
    model = TransformersVLM(str(checkpoint(name)), max_new_tokens=1)
    begun = itertools.product((MIXED[0], MIXED[3], MIXED[7]), WORDS)
    asked = [with_prompt(request, reply_start=f" {word}") for request, word in begun]
    said = [answer.text for answer in model.answer(asked)]
    options = model.answer([dataclasses.replace(request, mode="options") for request in asked])
    pairs = [(s, o.text) for s, o in zip(said, options, strict=True) if s and s in "ABCD"]
    assert pairs, "no reply began with a letter: nothing was tested"
    assert all(letter == likeliest for letter, likeliest in pairs)


def test_letters_follow_the_request(checkpoint: Get) -> None:
    """Two and four options in one batch, over one vocabulary."""
    model = TransformersVLM(str(checkpoint("llava_onevision")))
    two = dataclasses.replace(OPTIONS[0], letters="AB")
    few, all_four = model.answer([two, OPTIONS[0]])
    assert set(few.option_logprobs) == {"A", "B"}
    for letter in "AB":
        assert few.option_logprobs[letter] == pytest.approx(all_four.option_logprobs[letter])
    assert sum(map(math.exp, all_four.option_logprobs.values())) < 1


def byte_pairs(*merges: str) -> transformers.PreTrainedTokenizerFast:
    """A byte-level tokenizer (space is Ġ, a line break Ċ) with these pairs merged."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [tuple(merge.split()) for merge in merges]
    pieces = ["<unk>", *alphabet, *("".join(pair) for pair in pairs)]
    backend = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, pairs))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


@pytest.mark.parametrize(
    ("text", "gap", "form"),
    [
        ("assistant\n", "", "A"),  # Qwen's templates end with a line break
        ("Assistant:", " ", "ĠA"),  # SmolVLM's go on with a space
        ("Assistant: ", "", "A"),
        ("Best Option: (", "", "A"),  # "(A" is a token, but "(" is there already
    ],
)
def test_the_form_is_that_of_the_place(text: str, gap: str, form: str) -> None:
    tokenizer = byte_pairs("Ġ A", "Ġ B", "( A", "( B")
    tokens = letter_tokens(tokenizer, Written(text, gap), "AB")
    assert tokenizer.convert_ids_to_tokens(tokens) == [form, form.replace("A", "B")]


def test_a_letter_of_several_tokens_is_rejected() -> None:
    with pytest.raises(UserError, match="letter 'A' is not a single token"):
        letter_tokens(byte_pairs(), Written("Assistant:", " "), "AB")


def test_an_unknown_letter_is_rejected(checkpoint: Get) -> None:
    model = TransformersVLM(str(checkpoint("llava_onevision")))
    with pytest.raises(UserError, match=r"letter 'E' is not a single token.*--answer generate"):
        model.answer([dataclasses.replace(OPTIONS[0], letters="ABCDE")])


def test_templates_write_a_space_before_a_reply_or_none(checkpoint: Get) -> None:
    """SmolVLM's own template for videos ("Assistant: A"), and the reference model's."""
    smolvlm = TransformersVLM(str(checkpoint("smolvlm")))
    assert smolvlm._conversation.write(MIXED[0]).gap == " "
    reference = TransformersVLM("reference")
    assert reference._conversation.write(MIXED[0]).gap == " "
    answer = reference.answer([OPTIONS[0]])[0]
    assert answer.text in set("ABCD")
