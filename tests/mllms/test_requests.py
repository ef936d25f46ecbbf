"""What a request may hold beside frames and a prompt."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.mllms.checkpoints import classes
from tests.mllms.conftest import make_request, with_prompt
from tspo_bench.errors import UserError
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.types import AnswerMode, Request

Get = Callable[[str], Path]
# As LLaVA-OneVision's and LLaVA's own: all images, then all words.
IMAGES_FIRST = (
    "{% for m in messages %}{{ m['role'] }} "
    "{% for p in m['content'] if p['type'] == 'image' %}<image>{% endfor %}"
    "{% for p in m['content'] if p['type'] == 'video' %}<video>{% endfor %}"
    "{% for p in m['content'] if p['type'] == 'text' %} {{ p['text'] }}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}Frame{% endif %}"
)
DROPS_SYSTEM = (
    "{% for m in messages if m['role'] == 'user' %}{% for p in m['content'] %}"
    "{% if p['type'] == 'text' %}{{ p['text'] }}{% else %}<video>{% endif %}"
    "{% endfor %}{% endfor %} Frame"
)
NO_IMAGES = (
    "{% for m in messages %}{% for p in m['content'] %}"
    "{% if p['type'] == 'text' %}{{ p['text'] }}{% elif p['type'] == 'video' %}<video>"
    "{% else %}{{ raise_exception('no images') }}{% endif %}{% endfor %}{% endfor %} Frame"
)


def asked(mode: AnswerMode = "generate", **prompt: Any) -> Request:
    request = dataclasses.replace(make_request([3, 50, 117, 580]), mode=mode)
    return with_prompt(request, **prompt)


MANY = [
    asked(system="long question "),
    asked(reply_start=" from"),
    asked(before=(" first", "", " second", " thing")),
    asked(before=(" A", " B ? which", " C", ""), system="the "),
    asked(before=("1 : ", "2 : ", "3 : ", "4 : "), reply_start=" thing", max_new_tokens=3),
    asked(max_new_tokens=2),
    asked(max_new_tokens=12, text="long long long question A ?"),
    asked(mode="options", system="long "),
    asked(mode="options", reply_start=" option"),
    asked(mode="options", before=(" first", "", " second", " thing")),
    with_prompt(make_request([]), system="long long ", reply_start=" shows"),
    with_prompt(make_request([10, 599]), before=(" A", " B"), system="?"),
    asked(),
]


@pytest.mark.parametrize("name", classes("qwen2_5_vl"))
def test_a_batch_of_them_gives_the_answers_of_single_calls(checkpoint: Get, name: str) -> None:
    model = TransformersVLM(str(checkpoint(name)), max_new_tokens=6, batch_size=4)
    singles = [model.answer([request])[0] for request in MANY]
    batched = model.answer(MANY)
    assert [(a.text, a.visual_input) for a in batched] == [
        (a.text, a.visual_input) for a in singles
    ]
    assert len({a.text for a in singles}) >= 6, "answers that do not differ prove nothing"
    for one, other in zip(singles, batched, strict=True):
        assert (one.option_logprobs is None) == (other.option_logprobs is None)
        if one.option_logprobs:
            assert other.option_logprobs == pytest.approx(one.option_logprobs, abs=1e-4)


def text_of(model: TransformersVLM, request: Request) -> str:
    return model._conversation.write(request).text


def test_a_system_message_comes_first(checkpoint: Get) -> None:
    model = TransformersVLM(str(checkpoint("llava_onevision")))
    text = text_of(model, asked(system="long question", text="the thing ?"))
    assert text.index("long question") < text.index("<video>") < text.index("the thing ?")


def test_a_template_without_system_messages_says_so(checkpoint: Get, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint("llava_onevision"), tmp_path / "copy"))
    (copy / "chat_template.jinja").write_text(DROPS_SYSTEM)
    model = TransformersVLM(str(copy))
    assert model.answer([asked()])
    with pytest.raises(UserError, match="drops the system message"):
        model.answer([asked(system="long")])


def test_a_begun_reply_goes_on(checkpoint: Get) -> None:
    """The library's own answer to the prompt with the words put behind it."""
    folder = checkpoint("llava_onevision")
    model = TransformersVLM(str(folder), max_new_tokens=6)
    request = asked(reply_start=" from the")
    processor = transformers.AutoProcessor.from_pretrained(folder)
    network = transformers.AutoModelForImageTextToText.from_pretrained(folder)
    inputs = processor(
        text="<bos><video>which thing ? Frame from the",
        videos=[request.frames.pixels],
        do_sample_frames=False,
        add_special_tokens=False,
        return_tensors="pt",
    )
    output = network.generate(**inputs, do_sample=False, max_new_tokens=6)
    new = output[0, inputs["input_ids"].shape[1] :]
    text = processor.decode(new, skip_special_tokens=True).strip()
    assert model.answer([request])[0].text == text != model.answer([asked()])[0].text


def test_words_stand_before_their_frames(checkpoint: Get) -> None:
    model = TransformersVLM(str(checkpoint("qwen2_5_vl")))
    request = asked(before=("first ", "", "second ", "thing "), text="which ?")
    image = "<vision><image></vision>"
    written = text_of(model, request).removeprefix("<bos>").removesuffix(" Frame")
    assert written == f"first {image}{image}second {image}thing {image}which ?"
    inputs = model._inputs([request])
    assert inputs["image_grid_thw"].tolist() == [[1, 10, 14]] * 4
    assert "pixel_values_videos" not in inputs


def test_words_keep_their_places_in_a_template_that_puts_images_first(
    checkpoint: Get, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(checkpoint("llava_onevision"), tmp_path / "copy"))
    (copy / "chat_template.jinja").write_text(IMAGES_FIRST)
    model = TransformersVLM(str(copy))
    request = asked(before=("first ", "", " second ", " thing "), text=" which ?")
    assert "first <image><image> second <image> thing <image> which ?" in text_of(model, request)
    plain = model._inputs([request])["input_ids"][0]
    image = plain == model._model.config.image_token_id
    assert image.sum() == 4 * 17  # each frame's tokens and a newline
    changes = int(torch.diff(image.int()).abs().sum()) // 2
    assert changes == 3, "two frames side by side, two apart"


def test_words_between_frames_change_the_answer_with_their_place(checkpoint: Get) -> None:
    model = TransformersVLM(str(checkpoint("qwen3_vl")))
    places = [("long ", "", "", ""), ("", "", "", "long "), ("", "long ", "", "")]
    answers = model.answer([asked(before=words, mode="options") for words in places])
    first, last, second = (answer.option_logprobs for answer in answers)
    for one, other in ((first, last), (first, second), (last, second)):
        assert one != pytest.approx(other, abs=1e-3)


def test_a_class_without_images_says_so(checkpoint: Get, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint("llava_onevision"), tmp_path / "copy"))
    (copy / "chat_template.jinja").write_text(NO_IMAGES)
    with pytest.raises(UserError, match=r"takes no images.*words follow the frames"):
        TransformersVLM(str(copy)).answer([asked(before=("", "", "", "A"))])


def test_each_request_has_its_own_longest_reply(checkpoint: Get) -> None:
    """The reply of a model whose own longest one it is."""
    folder = str(checkpoint("qwen2_5_vl"))
    lengths = (1, 3, None, 9)
    model = TransformersVLM(folder, max_new_tokens=5)
    texts = [a.text for a in model.answer([asked(max_new_tokens=length) for length in lengths])]
    for length, text in zip(lengths, texts, strict=True):
        own = TransformersVLM(folder, max_new_tokens=length or 5)
        assert text == own.answer([asked()])[0].text
    assert len(set(texts)) >= 3
