"""LLaVA-Video from its own format, against its computation written out by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

from tests.cli.conftest import Cli, cli  # noqa: F401
from tests.mllms.conftest import MIXED, make_request, with_prompt
from tests.mllms.llava_original import (
    Original,
    token_ids,
    write_checkpoint,
)
from tests.support import make_video
from tspo_bench.errors import UserError
from tspo_bench.mllms import check_mllm, load_mllm
from tspo_bench.mllms.conversation import with_times
from tspo_bench.mllms.llava_keys import SO400M
from tspo_bench.mllms.llava_processor import LlavaVideoProcessor
from tspo_bench.mllms.llava_video import LlavaVideo, with_original_times
from tspo_bench.types import Request, VisualInput

PROMPT = (
    "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n"
    "<|im_start|>assistant\n"
)
SYSTEM = "You are a helpful assistant."


@pytest.fixture(scope="module")
def model(llava_folder: Path) -> LlavaVideo:
    return LlavaVideo(str(llava_folder), max_new_tokens=12, batch_size=3)


def written(request: Request) -> str:
    mark = "<image>\n" if len(request.frames) else ""
    return PROMPT.format(system=SYSTEM, user=mark + request.prompt.text)


def visual(original: Original, request: Request) -> list[Tensor]:
    return [original.visual_tokens(request.frames)] if len(request.frames) else []


def log_probabilities(original: Original, prompt: str, tokens: list[Tensor]) -> dict[str, float]:
    last = original.logits(prompt, tokens)[-1].log_softmax(-1)
    return {letter: float(last[ord(letter)]) for letter in "ABCD"}


def difference(ours: Any, reference: dict[str, float]) -> float:
    assert ours.keys() == reference.keys()
    return max(abs(ours[letter] - reference[letter]) for letter in reference)


@pytest.mark.parametrize("request_", [r for r in MIXED if len(r.frames)])
def test_visual_tokens_are_the_originals(
    model: LlavaVideo, llava_original: Original, request_: Request
) -> None:
    """What goes into the language model at the visual places, newlines among them."""
    entered: list[Tensor] = []
    hook = model._model.model.language_model.register_forward_pre_hook(
        lambda _, args, kwargs: entered.append(kwargs["inputs_embeds"]), with_kwargs=True
    )
    inputs = model._inputs([request_])
    with torch.inference_mode():
        logits = model._model(**inputs).logits[0]
    hook.remove()
    places = inputs["input_ids"][0] == model._processor.visual_id
    expected = llava_original.visual_tokens(request_.frames)
    assert int(places.sum()) == len(request_.frames) * 3 * 4 == len(expected)
    assert (entered[0][0, places] - expected).abs().max() <= 1e-4
    whole = llava_original.embeddings(written(request_), [expected])[0]
    assert (entered[0][0] - whole).abs().max() <= 1e-4
    reference = llava_original.logits(written(request_), [expected])
    assert logits.shape == reference.shape
    assert (logits - reference).abs().max() <= 1e-4


def test_a_newline_stands_after_each_row_of_each_frame(
    model: LlavaVideo, llava_original: Original
) -> None:
    pixels = model._inputs([make_request([0, 7])])["pixel_values_videos"]
    with torch.inference_mode():
        tokens = model._model.get_video_features(pixels).pooler_output[0]
    newline = (tokens == llava_original.newline).all(-1)
    assert newline.nonzero().flatten().tolist() == [3, 7, 11, 15, 19, 23]


def test_each_reply_is_the_originals(model: LlavaVideo, llava_original: Original) -> None:
    """Frame counts, sizes and prompts of all kinds in one call, two of them without frames."""
    replies = [
        llava_original.reply(written(request), visual(llava_original, request), 12)
        for request in MIXED
    ]
    answers = model.answer(MIXED)
    assert [answer.text for answer in answers] == replies
    assert len(set(replies)) > len(MIXED) // 2
    assert [model.answer([request])[0].text for request in MIXED] == replies


def test_visual_input(model: LlavaVideo) -> None:
    answers = model.answer([make_request([1, 5, 9]), make_request([])])
    assert [answer.visual_input for answer in answers] == [
        VisualInput(3, 44, 44, 36),
        VisualInput(0, 0, 0, 0),
    ]
    assert model.visual_tokens(64, 40, 56) == 64 * 12
    assert model.short_side == 44


def test_the_released_geometry_costs_14_rows_of_15_tokens(llava_folder: Path) -> None:
    config = transformers.LlavaOnevisionConfig(
        vision_config={**SO400M, "model_type": "siglip_vision_model"},
        text_config={"model_type": "qwen2", "vocab_size": 272},
    )
    processor = LlavaVideoProcessor("released", llava_folder, config)
    assert [processor.visual_tokens(n) for n in (1, 64)] == [14 * 15, 64 * 14 * 15]
    video = make_request([0, 1], size=(96, 128)).frames.pixels
    text = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "?"}]}], True
    )
    batch = processor([text], {}, "pt", videos=[[video]])
    assert batch["pixel_values_videos"].shape == (1, 2, 3, 384, 384)
    assert int((batch["input_ids"] == processor.visual_id).sum()) == 2 * 14 * 15


def test_option_log_probabilities(model: LlavaVideo, llava_original: Original) -> None:
    requests = [dataclasses.replace(request, mode="options") for request in MIXED]
    for request, answer in zip(requests, model.answer(requests), strict=True):
        expected = log_probabilities(
            llava_original, written(request), visual(llava_original, request)
        )
        assert difference(answer.option_logprobs, expected) <= 1e-4
        assert answer.text == max(expected, key=expected.__getitem__)


def test_system_message_begun_reply_and_length(model: LlavaVideo, llava_original: Original) -> None:
    request = with_prompt(
        MIXED[0], system="Be brief.", reply_start="Best option: (", max_new_tokens=5
    )
    prompt = PROMPT.format(system="Be brief.", user=f"<image>\n{request.prompt.text}")
    prompt += "Best option: ("
    tokens = visual(llava_original, request)
    assert model.answer([request])[0].text == llava_original.reply(prompt, tokens, 5)
    (answer,) = model.answer([dataclasses.replace(request, mode="options")])
    expected = log_probabilities(llava_original, prompt, tokens)
    assert difference(answer.option_logprobs, expected) <= 1e-4


def test_the_template_of_tspos_evaluation(llava_folder: Path, llava_original: Original) -> None:
    """`chatml_direct`, byte for byte as the released `conversation.py` writes it."""
    model = load_mllm(f"{llava_folder}[template=chatml_direct]")
    direct = (
        "<|im_start|>system\n{system}<|im_end|><|im_start|>user\n{user}<|im_end|>"
        "<|im_start|>assistant\n"
    )
    request = dataclasses.replace(MIXED[0], mode="options")
    user = f"<image>\n{request.prompt.text}"
    tokens = visual(llava_original, request)
    for asked, system in ((request, "Answer the questions."), (request, "Be brief.")):
        given = None if system == "Answer the questions." else system
        (answer,) = model.answer([with_prompt(asked, system=given)])
        prompt = direct.format(system=system, user=user)
        expected = log_probabilities(llava_original, prompt, tokens)
        assert difference(answer.option_logprobs, expected) <= 1e-4
    usual = log_probabilities(llava_original, written(request), tokens)
    assert difference(model.answer([request])[0].option_logprobs, usual) > 1e-3
    assert model.id == f"{load_mllm(str(llava_folder)).id}-template=chatml_direct"
    assert model.name == "tiny[template=chatml_direct]"
    assert load_mllm(f"{llava_folder}[template=qwen_1_5]").id == load_mllm(str(llava_folder)).id
    for find in (load_mllm, check_mllm):
        with pytest.raises(UserError, match=r"template='v1'; use qwen_1_5 or chatml_direct"):
            find(f"{llava_folder}[template=v1]")


def test_words_between_frames(model: LlavaVideo, llava_original: Original) -> None:
    """Each frame is then a video of its own; the tokens are the same ones."""
    before = ("first: ", "", "then: ")
    request = with_prompt(make_request([5, 200, 377]), before=before)
    request = dataclasses.replace(request, mode="options")
    user = f"first: <image>\n<image>\nthen: <image>\n{request.prompt.text}"
    prompt = PROMPT.format(system=SYSTEM, user=user)
    frames = list(llava_original.visual_tokens(request.frames).split(12))
    expected = log_probabilities(llava_original, prompt, frames)
    for answer in model.answer([request, request]):
        assert difference(answer.option_logprobs, expected) <= 1e-4
        assert answer.visual_input == VisualInput(3, 44, 44, 36)


def test_the_original_time_instruction_is_the_released_one() -> None:
    request = make_request([0, 15, 299], frame_rate=30.0, num_frames=300)
    assert with_original_times(request).prompt.text == (
        "The video lasts for 10.00 seconds, and 3 frames are uniformly sampled from it. These "
        "frames are located at 0.00s,0.50s,9.97s.Please answer the following questions related to "
        "this video.\nwhich thing ?"
    )


def test_a_rate_of_29_97_is_not_rounded() -> None:
    """The released code divides by 30, and tells frames of the tenth minute half a second off."""
    request = make_request([0, 17982], frame_rate=30000 / 1001, num_frames=18000)
    for told in (with_original_times(request).prompt.text, with_times(request)):
        assert "0.00s,600.00s" in told
        assert "lasts for 600.60 seconds" in told


def test_the_other_time_instruction_makes_no_claim() -> None:
    seconds = [0.0, 0.25, 7.0]
    request = make_request([0, 1, 2], frame_rate=0.5, num_frames=4, seconds=seconds)
    prompt = with_times(request)
    assert "uniform" not in prompt
    assert "0.00s,0.25s,7.00s" in prompt  # the frames' own, not their numbers / the rate
    assert "8.00 seconds" in prompt
    assert prompt.endswith("\nwhich thing ?")


@pytest.mark.parametrize("wording", ["original", "prompt"])
def test_the_time_instruction_stands_before_the_prompt(
    llava_folder: Path, llava_original: Original, wording: str
) -> None:
    model = load_mllm(f"{llava_folder}[times={wording}]")
    request = dataclasses.replace(MIXED[0], mode="options")
    told = with_prompt(request, text=with_times(request))
    if wording == "original":
        told = with_original_times(request)
    assert told.prompt != request.prompt
    expected = log_probabilities(llava_original, written(told), visual(llava_original, request))
    blind = dataclasses.replace(MIXED[1], mode="options")
    first, second = model.answer([request, blind])
    assert difference(first.option_logprobs, expected) <= 1e-4
    expected = log_probabilities(llava_original, written(blind), [])
    assert difference(second.option_logprobs, expected) <= 1e-4
    assert model.name == f"tiny[times={wording}]"
    assert model.id == f"{load_mllm(str(llava_folder)).id}-times={wording}"


def test_wrong_times(llava_folder: Path) -> None:
    for find in (load_mllm, check_mllm):
        with pytest.raises(UserError, match=r"times='uniform'; use none or prompt or original"):
            find(f"{llava_folder}[times=uniform]")


def test_a_head_tied_to_the_embedding(tmp_path: Path) -> None:
    """As in the 0.5B models: the head is not among the weights."""
    original = Original(tied=True)
    model = load_mllm(str(write_checkpoint(tmp_path / "tied", original)))
    request = dataclasses.replace(MIXED[0], mode="options")
    expected = log_probabilities(original, written(request), visual(original, request))
    assert difference(model.answer([request])[0].option_logprobs, expected) <= 1e-4


def test_words_become_the_tokenizers_own_tokens(llava_copy: Path) -> None:
    """The tokenizer's one file does as well as its parts."""
    text = PROMPT.format(system=SYSTEM, user="Ça va? <video> A.")
    parts = transformers.Qwen2Tokenizer.from_pretrained(llava_copy)
    assert parts(text)["input_ids"] == token_ids(text)
    parts.save_pretrained(llava_copy)
    for name in ("vocab.json", "merges.txt"):
        (llava_copy / name).unlink(missing_ok=True)
    assert (llava_copy / "tokenizer.json").is_file()
    assert LlavaVideo(str(llava_copy))._processor.tokenizer(text)["input_ids"] == token_ids(text)


def test_a_run_from_the_command_line(
    cli: Cli,  # noqa: F811
    llava_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "film.mp4", 60)
    lines = [
        {
            "id": f"q{i}",
            "video": "film.mp4",
            "question": f"Which number is number {i}?",
            "options": ["one", "two", "three"],
            "answer": "ABC"[i],
        }
        for i in range(3)
    ]
    Path("own.jsonl").write_text("\n".join(map(json.dumps, lines)))
    args = ("run", "--task", "own.jsonl", "--sampler", "uniform", "--frames", "4")
    done = cli(*args, "--model", f"{llava_folder}[times=prompt]", "--json")
    assert done.code == 0, done.err
    (table,) = json.loads(done.out)["tables"]
    (cell,) = table["rows"]
    assert (table["model"], cell["n"]) == ("tiny[times=prompt]", 3)
    (path,) = Path(cell["runs"][0]).glob("*/records.jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["status"] in ("ok", "unparsed") for record in records] == [True] * 3
    seen = {"frames": 4, "height": 44, "width": 44, "visual_tokens": 48}
    assert all(record["seen"] == seen for record in records)
    assert np.allclose(records[0]["timestamps"], np.array(records[0]["frames"]) / 10)
