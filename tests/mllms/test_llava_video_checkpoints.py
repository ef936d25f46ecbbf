"""LLaVA-Video checkpoints: files of several makes are read, others are rejected by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.cli.conftest import Cli, cli  # noqa: F401
from tests.mllms.conftest import MIXED
from tests.mllms.llava_original import (
    CONFIG,
    Original,
    write_checkpoint,
    write_weights,
)
from tspo_bench.errors import UserError
from tspo_bench.mllms import check_mllm, load_mllm
from tspo_bench.mllms.llava_keys import SO400M
from tspo_bench.mllms.llava_processor import LlavaVideoProcessor
from tspo_bench.mllms.llava_video import LlavaVideo


def test_one_file_or_several(llava_folder: Path, llava_original: Original, tmp_path: Path) -> None:
    single = load_mllm(str(write_checkpoint(tmp_path / "single", llava_original)))
    assert single.answer(MIXED[:2]) == load_mllm(str(llava_folder)).answer(MIXED[:2])


def test_weights_in_bfloat16_are_computed_in_the_devices_precision(
    llava_original: Original, tmp_path: Path
) -> None:
    path = write_checkpoint(tmp_path / "half", llava_original)
    half = {key: value.bfloat16() for key, value in llava_original.weights().items()}
    write_weights(path, half)
    loaded = LlavaVideo(str(path))._model
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    layer = loaded.model.language_model.layers[1].self_attn.q_proj.weight
    assert torch.equal(layer, half["model.layers.1.self_attn.q_proj.weight"].float())


def test_the_format_is_recognised(llava_folder: Path, llava_copy: Path) -> None:
    assert check_mllm(f"{llava_folder}[max_new_tokens=4]") == "tiny[max_new_tokens=4]"
    assert isinstance(load_mllm(str(llava_folder)), LlavaVideo)
    edit(llava_copy, model_type=None)
    assert isinstance(load_mllm(str(llava_copy)), LlavaVideo)  # by its architectures


@pytest.mark.parametrize("preset", ["llava-video-7b", "llava-video-72b"])
def test_the_presets_name_the_released_repositories(preset: str) -> None:
    size = preset.removeprefix("llava-video-").upper()
    repository = f"lmms-lab/LLaVA-Video-{size}-Qwen2"
    with pytest.raises(UserError, match=f"{repository}.*it cannot be downloaded"):
        check_mllm(preset)


def edit(path: Path, **fields: Any) -> None:
    config = json.loads((path / "config.json").read_text()) | fields
    (path / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mm_newline_position", "one_token"),
        ("mm_newline_position", None),
        ("mm_spatial_pool_mode", "average"),
        ("mm_projector_type", "mlp3x_gelu"),
        ("mm_patch_merge_type", "flat"),
        ("mm_vision_select_layer", -1),
    ],
)
def test_another_layout_is_rejected(llava_copy: Path, field: str, value: Any) -> None:
    edit(llava_copy, **{field: value})
    with pytest.raises(UserError, match=rf"{field} is {value!r} .* not {CONFIG[field]!r}"):
        check_mllm(str(llava_copy))


def test_a_tower_of_unknown_shape_is_rejected(llava_copy: Path) -> None:
    edit(llava_copy, mm_vision_tower="openai/clip-vit-large-patch14-336")
    with pytest.raises(UserError, match=r"mm_vision_tower is 'openai/clip.*neither siglip-so400m"):
        check_mllm(str(llava_copy))


def test_missing_and_unknown_weights_are_named(llava_copy: Path, llava_original: Original) -> None:
    gone = "model.layers.1.mlp.up_proj.weight"
    file = next(f for f in llava_copy.glob("*.safetensors") if gone in load_file(f))
    weights = load_file(file)
    del weights[gone]
    save_file(weights, file, {"format": "pt"})
    for find in (load_mllm, check_mllm):
        with pytest.raises(UserError, match=rf"1 weights are not in .*: {gone}$"):
            find(str(llava_copy))
    more = {gone: llava_original.weights()[gone], "model.vision_resampler.query": torch.zeros(2)}
    save_file({**weights, **more}, file, {"format": "pt"})
    with pytest.raises(UserError, match=r"unknown to LLaVA-Video, in .*: model.vision_resampler"):
        check_mllm(str(llava_copy))


def test_a_checkpoint_without_its_tower_is_rejected(
    llava_copy: Path, llava_original: Original
) -> None:
    for file in llava_copy.glob("*.safetensors*"):
        file.unlink()
    rest = {k: v for k, v in llava_original.weights().items() if ".vision_tower." not in k}
    write_weights(llava_copy, rest)
    with pytest.raises(UserError, match=r"vision tower's weights .* are not in"):
        check_mllm(str(llava_copy))


def test_computed_buffers_in_old_files_are_left_out(
    llava_copy: Path, llava_original: Original
) -> None:
    for file in llava_copy.glob("*.safetensors*"):
        file.unlink()
    old = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    write_weights(llava_copy, {**llava_original.weights(), **old})
    assert load_mllm(str(llava_copy)).answer(MIXED[:1])[0].text


def test_weights_of_another_shape_are_rejected(llava_copy: Path) -> None:
    edit(llava_copy, intermediate_size=40)
    with pytest.raises(UserError, match="cannot be loaded"):
        load_mllm(str(llava_copy))


def test_a_damaged_file_is_rejected(llava_copy: Path) -> None:
    file = sorted(llava_copy.glob("*.safetensors"))[1]
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot be loaded"):
        check_mllm(str(llava_copy))


def test_a_folder_without_tokenizer_is_rejected(llava_copy: Path) -> None:
    (llava_copy / "merges.txt").unlink()
    with pytest.raises(UserError, match=r"no tokenizer in .*merges.txt"):
        load_mllm(str(llava_copy))


def test_a_tokenizer_without_its_marks_is_rejected(llava_copy: Path) -> None:
    for name in ("tokenizer_config.json", "added_tokens.json"):
        (llava_copy / name).unlink()
    with pytest.raises(UserError, match=r"<\|im_start\|> is not a token"):
        load_mllm(str(llava_copy))


def test_an_embedding_without_a_spare_row_is_rejected(llava_copy: Path) -> None:
    config = transformers.LlavaOnevisionConfig(
        vision_config={**SO400M, "model_type": "siglip_vision_model"},
        text_config={"model_type": "qwen2", "vocab_size": 259},
    )
    with pytest.raises(UserError, match="259 rows, all of them its tokenizer's"):
        LlavaVideoProcessor("full", llava_copy, config)
