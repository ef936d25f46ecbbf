"""Checkpoints that cannot be used end a command with one line and exit code 2."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers
from safetensors.torch import load_file, save_file

from tests.mllms.checkpoints import WORDS
from tspo_bench.errors import UserError
from tspo_bench.mllms import check_mllm, load_mllm, registry
from tspo_bench.mllms.presets import PRESETS
from tspo_bench.registry import parse_spec

Get = Callable[[str], Path]
HUB_IDS = {
    "qwen2.5-vl-7b": "Qwen/Qwen2.5-VL-7B-Instruct",
    "qwen3-vl-8b": "Qwen/Qwen3-VL-8B-Instruct",
    "qwen3-vl-4b": "Qwen/Qwen3-VL-4B-Instruct",
    "qwen3.5-4b": "Qwen/Qwen3.5-4B",
    "qwen3.5-9b": "Qwen/Qwen3.5-9B",
    "internvl3.5-8b": "OpenGVLab/InternVL3_5-8B-HF",
    "internvl3-8b": "OpenGVLab/InternVL3-8B-hf",
    "llava-onevision-7b": "llava-hf/llava-onevision-qwen2-7b-ov-hf",
    "smolvlm2": "HuggingFaceTB/SmolVLM2-2.2B-Instruct",
}


@pytest.mark.parametrize("name", sorted(HUB_IDS))
def test_a_preset_is_a_hub_id_and_says_how_to_get_it(name: str) -> None:
    """No hub can be reached here."""
    card = registry.cards()[name]
    assert card.options["checkpoint"] == HUB_IDS[name] == PRESETS[name].hub_id
    assert card.description
    with pytest.raises(UserError) as caught:
        check_mllm(f"{name}[max_new_tokens=4]")
    said = str(caught.value)
    assert f"hf download {HUB_IDS[name]}" in said
    assert "path of a local copy" in said
    assert "\n" not in said


def test_a_presets_options_are_part_of_its_name() -> None:
    card = registry.card(parse_spec("qwen2.5-vl-7b[pairs=repeat]"))
    assert card.options["name"] == "qwen2.5-vl-7b[pairs=repeat]"
    assert registry.card(parse_spec("smolvlm2")).options["name"] == "smolvlm2"
    reasons = registry.card(parse_spec("qwen3.5-4b"))
    assert (reasons.options["name"], reasons.options["max_new_tokens"]) == ("qwen3.5-4b", 4096)
    short = registry.card(parse_spec("qwen3.5-4b[max_new_tokens=64]"))
    assert short.options["max_new_tokens"] == 64


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("processor_config.json", "{", None),
        ("processor_config.json", "[1, 2]", None),
        ("processor_config.json", '{"processor_class": "NoSuchProcessor"}', None),
        ("processor_config.json", None, None),
        ("tokenizer.json", '{"model": 3}', None),
        ("tokenizer.json", None, None),
        ("chat_template.jinja", "{% for x in", None),
        ("chat_template.jinja", "{{ messages | no_such_filter }}", None),
        ("chat_template.jinja", None, "chat template"),
        (
            "chat_template.jinja",
            "{{ messages[0]['content'][-1]['text'] }}",
            "takes neither videos nor images",
        ),
        ("model.safetensors", "damaged", "cannot be loaded"),
        ("config.json", '{"model_type": "no_such_type"}', "does not know the model type"),
    ],
)
def test_a_damaged_file_is_named(
    checkpoint: Get, tmp_path: Path, file: str, content: str | None, said: str | None
) -> None:
    copy = Path(shutil.copytree(checkpoint("llava_onevision"), tmp_path / "copy"))
    assert (copy / file).is_file()
    (copy / file).unlink()
    if content is not None:
        (copy / file).write_text(content)
    with pytest.raises(UserError, match=said) as caught:
        load_mllm(str(copy))
    assert str(copy) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_weights_are_named(checkpoint: Get, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint("llava_onevision"), tmp_path / "copy"))
    tensors = load_file(copy / "model.safetensors")
    del tensors[next(name for name in tensors if "q_proj.weight" in name)]
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"1 weights of LlavaOnevision.*q_proj"):
        load_mllm(str(copy))


def test_a_class_of_another_kind(tmp_path: Path) -> None:
    config = transformers.GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=len(WORDS))
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"GPT2LMHeadModel.*my_pkg.mod:MyModel") as caught:
        load_mllm(str(tmp_path))
    assert str(tmp_path) in str(caught.value)


@pytest.mark.slow
def test_a_missing_torchvision_is_named(checkpoint: Get, tmp_path: Path) -> None:
    """By the command itself, in an interpreter that cannot import it."""
    program = (
        "import sys; sys.modules['torchvision'] = None; from tspo_bench.cli import main; main()"
    )
    options = ["--task", "haystack", "--sampler", "blind", "--frames", "1", "--limit", "1"]
    done = subprocess.run(
        [
            *(sys.executable, "-c", program, "run", *options),
            *("--model", str(checkpoint("llava_onevision")), "--out", str(tmp_path / "run")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    said = " ".join(done.stderr.split())
    assert "requires the Torchvision library" in said
    assert "uv pip install" in said
    assert "Traceback" not in done.stderr
