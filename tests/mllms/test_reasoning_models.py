"""Models that reason before they answer, and replies that were cut."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers

from tests.mllms.checkpoints import PIECES
from tests.mllms.conftest import MIXED, make_request, with_prompt
from tspo_bench.errors import UserError
from tspo_bench.mllms import check_asking
from tspo_bench.mllms.generation import replies, thinking_usage
from tspo_bench.mllms.transformers_vlm import TransformersVLM

Get = Callable[[str], Path]
# As Qwen3.5's template has it: reasoning unless it is switched off.
SWITCH = (
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>"
    "{% else %}<think>\n{% endif %}"
)


def with_template(folder: Path, to: Path, end: str) -> Path:
    """A copy of a checkpoint whose generation prompt ends with something more."""
    shutil.copytree(folder, to)
    file = to / "chat_template.jinja"
    text = file.read_text()
    assert " Frame{% endif %}" in text
    file.write_text(text.replace(" Frame{% endif %}", f" Frame{end}{{% endif %}}"))
    return to


@pytest.fixture
def thinker(checkpoint: Get, tmp_path: Path) -> Path:
    return with_template(checkpoint("llava_onevision"), tmp_path / "thinker", "<think>\n")


@pytest.fixture
def switched(checkpoint: Get, tmp_path: Path) -> Path:
    return with_template(checkpoint("llava_onevision"), tmp_path / "switched", SWITCH)


def test_reasoning_that_began_in_the_prompt_is_marked(thinker: Path) -> None:
    plain = [answer.text for answer in TransformersVLM(str(thinker)).answer(MIXED)]
    assert all(text.startswith("<think>") for text in plain)


def test_options_are_rejected_with_the_way_out(thinker: Path, switched: Path) -> None:
    request = dataclasses.replace(make_request([1, 2]), mode="options")
    begun = with_prompt(make_request([1, 2]), reply_start="It is (")
    for folder, way_out in (
        (thinker, "; use "),
        (switched, r"; set \[enable_thinking=false\], or"),
    ):
        said = rf"begins the reply with reasoning \(<think>\).*letter should stand{way_out}"
        with pytest.raises(UserError, match=said):
            TransformersVLM(str(folder)).answer([request])
        with pytest.raises(UserError, match=said):
            check_asking(str(folder), "cpu", "options", "")
        with pytest.raises(UserError, match=r"where the protocol's words 'It is \(' should"):
            TransformersVLM(str(folder)).answer([begun])
        check_asking(str(folder), "cpu", "generate", "")
    check_asking(f"{switched}[enable_thinking=false]", "cpu", "options", "")
    model = TransformersVLM(str(switched), enable_thinking=False)
    assert model.answer([request])[0].option_logprobs
    assert not model.answer([make_request([1, 2])])[0].text.startswith("<think>")
    assert model.id != TransformersVLM(str(switched)).id


def test_a_switch_that_is_not_there(checkpoint: Get) -> None:
    with pytest.raises(UserError, match="has no enable_thinking; leave it out"):
        TransformersVLM(str(checkpoint("llava_onevision")), enable_thinking=False)
    with pytest.raises(UserError, match="enable_thinking='off'; use true or false"):
        TransformersVLM(str(checkpoint("llava_onevision")), enable_thinking="off")  # type: ignore[arg-type]


def test_a_reply_is_cut_unless_its_end_was_reached(checkpoint: Get) -> None:
    """Longer limits give longer texts until the end is reached, alone and in a batch."""
    folder = str(checkpoint("llava_onevision"))
    lengths = (1, 8)
    models = [TransformersVLM(folder, max_new_tokens=n) for n in lengths]
    end = models[0]._model.generation_config.eos_token_id
    cut = set()
    for request in MIXED[:3]:
        for n, model in zip(lengths, models, strict=True):
            [answer] = model.answer([request])
            inputs = model._inputs([request])
            row = model._model.generate(**inputs, max_new_tokens=n)[0]
            new = row[inputs["input_ids"].shape[1] :].tolist()
            assert answer.truncated == (end not in new)
            assert answer.truncated or len(new) <= n
            cut.add(answer.truncated)
    for one, batched in zip(MIXED, models[-1].answer(MIXED), strict=True):
        assert batched.truncated == models[-1].answer([one])[0].truncated
    assert any(cut)


class Scripted:
    """Generates rows that are given: only what `replies` asks of a model."""

    def __init__(self, rows: list[list[int]], end: int | list[int]) -> None:
        self.generation_config = transformers.GenerationConfig(eos_token_id=end)
        self._rows = torch.tensor(rows)

    def generate(self, **_: object) -> torch.Tensor:
        return self._rows


def test_rows_of_a_batch_end_by_themselves(checkpoint: Get) -> None:
    processor = transformers.AutoProcessor.from_pretrained(checkpoint("llava_onevision"))
    a, b, end, pad = (PIECES.index(piece) for piece in ("A", "B", "<eos>", "<pad>"))
    rows = [[a, end, pad], [a, b, a], [a, b, end], [a, b, pad]]
    found = replies(Scripted(rows, end), processor.tokenizer, {}, 3)
    assert found == [("A", False, 2), ("A B A", True, 3), ("A B", False, 3), ("A B", True, 3)]
    found = replies(Scripted(rows, [pad, end]), processor.tokenizer, {}, 3)
    assert [cut for _, cut, _ in found] == [False, True, False, False]


def test_special_tokens_that_mark_reasoning_are_kept(checkpoint: Get, tmp_path: Path) -> None:
    """A tokenizer may call them special; without them thought and answer were one text."""
    folder = shutil.copytree(checkpoint("llava_onevision"), tmp_path / "copy")
    tokenizer = transformers.AutoProcessor.from_pretrained(folder).tokenizer
    tokenizer.add_tokens(["[THINK]", "[/THINK]", "<|im_end|>"], special_tokens=True)
    begin, stop, turn = (
        tokenizer.convert_tokens_to_ids(t) for t in ("[THINK]", "[/THINK]", "<|im_end|>")
    )
    a, b, end = (PIECES.index(piece) for piece in ("A", "B", "<eos>"))
    rows = [[begin, a, stop, b, turn, end]]
    [(text, cut, length)] = replies(Scripted(rows, end), tokenizer, {}, 8)
    assert (text.replace(" ", ""), cut, length) == ("[THINK]A[/THINK]B", False, 6)


def test_thinking_tokens_are_counted_apart(thinker: Path, checkpoint: Get) -> None:
    """A reply that ends within its reasoning is all thinking; a plain one has none."""
    for answer in TransformersVLM(str(thinker), max_new_tokens=6).answer(MIXED):
        assert 0 < answer.usage["thinking_tokens"] <= 6
    plain = TransformersVLM(str(checkpoint("llava_onevision")), max_new_tokens=6).answer(MIXED)
    assert all("thinking_tokens" not in answer.usage for answer in plain)


@pytest.mark.parametrize(
    ("reply", "begun", "tokens"),
    [
        ("<think> red cat </think> A", "", 4),
        ("<think> red cat </think> A", "<think>", 3),
        ("<think> red cat", "<think>", 2),
        ("A", "", None),
    ],
)
def test_thinking_tokens_of_a_reply(reply: str, begun: str, tokens: int | None) -> None:
    def tokenizer(text: str, **_: bool) -> dict[str, list[int]]:
        return {"input_ids": [1] * len(text.split())}

    found = thinking_usage(tokenizer, reply, begun)
    assert found == ({} if tokens is None else {"thinking_tokens": tokens})
