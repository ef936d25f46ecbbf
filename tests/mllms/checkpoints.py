"""Tiny random checkpoints of the classes people run, whole: weights, tokenizer, processor.

The weights are drawn wide (unlike a fresh model's), so that answers differ with frames and text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as tf
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = (
    *("which", "option", "shows", "the", "thing", "A", "B", "C", "D", "first", "second"),
    *("long", "question", "Frame", "seconds", "from", "?"),
)
SPECIAL = {
    "bos_token": "<bos>",
    "eos_token": "<eos>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "image_token": "<image>",
    "video_token": "<video>",
    "vision_start_token": "<vision>",
    "vision_end_token": "</vision>",
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<context>",
    "fake_image_token": "<fake_token_around_image>",
    "global_image_token": "<global-img>",
    "end_of_utterance_token": "<end_of_utterance>",
}
# Digits and signs are tokens of their own, so that times in prompts reach the model.
PIECES = [*WORDS, *"0123456789.:<>", *SPECIAL.values()]
TEXT = {
    "vocab_size": len(PIECES),
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "bos_token_id": PIECES.index("<bos>"),
    "eos_token_id": PIECES.index("<eos>"),
    "pad_token_id": PIECES.index("<pad>"),
}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
TEMPLATE = (
    "<bos>{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'video' %}VIDEO{% elif part['type'] == 'image' %}IMAGE{% endif %}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %} Frame{% endif %}"
)


def template(video: str, image: str) -> str:
    return TEMPLATE.replace("VIDEO", video).replace("IMAGE", image)


def tokenizer(**special: str) -> Any:
    """A word-level tokenizer; `special` renames tokens that a processor expects by name."""
    backend = Tokenizer(
        models.WordLevel({piece: i for i, piece in enumerate(PIECES)}, unk_token="<unk>")
    )
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        **{key: SPECIAL[key] for key in ("bos_token", "eos_token", "pad_token", "unk_token")},
        extra_special_tokens={
            k: v for k, v in SPECIAL.items() if k[:3] not in ("bos", "eos", "pad", "unk")
        },
        model_max_length=4096,
    )


def token(name: str) -> int:
    return PIECES.index(SPECIAL[name])


def save(model: Any, processor: Any, folder: Path) -> Path:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() >= 2:
                fan_in = parameter[0].numel()
                parameter.normal_(0, 1.5 / fan_in**0.5, generator=generator)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def llava_onevision(folder: Path) -> Path:
    config = tf.LlavaOnevisionConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "image_size": 32,
            "patch_size": 8,
            "vision_use_head": False,
            **VISION,
        },
        text_config={"model_type": "qwen2", **TEXT},
        image_token_index=token("image_token"),
        video_token_index=token("video_token"),
        image_grid_pinpoints=[[32, 32]],
    )
    size = {"height": 32, "width": 32}
    processor = tf.LlavaOnevisionProcessor(
        tf.LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=[[32, 32]]),
        tokenizer(),
        tf.LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=template("<video>", "<image>"),
    )
    return save(tf.LlavaOnevisionForConditionalGeneration(config), processor, folder)


def qwen_config(vision: dict[str, Any], rope: dict[str, Any]) -> dict[str, Any]:
    """The settings that Qwen2.5-VL and Qwen3-VL share."""
    own = {"depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "patch_size": 4}
    parameters = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 1e4, **rope}
    names = ("image_token", "video_token", "vision_start_token", "vision_end_token")
    return {
        "vision_config": {**own, "out_hidden_size": 32, **vision},
        "text_config": {**TEXT, "rope_parameters": parameters},
        **{f"{name}_id": token(name) for name in names},
    }


def qwen2_5_vl(folder: Path) -> Path:
    vision = {"window_size": 16, "fullatt_block_indexes": [1]}
    config = tf.Qwen2_5_VLConfig(**qwen_config(vision, {}))
    size = {"patch_size": 4, "size": {"shortest_edge": 16 * 16, "longest_edge": 48 * 48}}
    processor = tf.Qwen2_5_VLProcessor(
        tf.Qwen2VLImageProcessor(**size),
        tokenizer(),
        tf.Qwen2VLVideoProcessor(**size),
        chat_template=template("<vision><video></vision>", "<vision><image></vision>"),
    )
    return save(tf.Qwen2_5_VLForConditionalGeneration(config), processor, folder)


def qwen3_vl(folder: Path) -> Path:
    vision = {"num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    config = tf.Qwen3VLConfig(**qwen_config(vision, {"mrope_interleaved": True}))
    size = {"patch_size": 4, "size": {"shortest_edge": 16 * 16, "longest_edge": 8 * 48 * 48}}
    processor = tf.Qwen3VLProcessor(
        tf.Qwen2VLImageProcessor(**size),
        tokenizer(),
        tf.Qwen3VLVideoProcessor(**size),
        chat_template=template("<vision><video></vision>", "<vision><image></vision>"),
    )
    return save(tf.Qwen3VLForConditionalGeneration(config), processor, folder)


def qwen3_5(folder: Path) -> Path:
    """Three layers in four are linear attention; the processor is Qwen3-VL's."""
    settings = qwen_config({"num_position_embeddings": 64}, {"mrope_interleaved": True})
    settings["text_config"] |= {
        "num_hidden_layers": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
    }
    settings["text_config"]["rope_parameters"]["partial_rotary_factor"] = 1.0
    size = {"patch_size": 4, "size": {"shortest_edge": 16 * 16, "longest_edge": 8 * 48 * 48}}
    processor = tf.Qwen3VLProcessor(
        tf.Qwen2VLImageProcessor(**size),
        tokenizer(),
        tf.Qwen3VLVideoProcessor(**size),
        chat_template=template("<vision><video></vision>", "<vision><image></vision>"),
    )
    model = tf.Qwen3_5ForConditionalGeneration(tf.Qwen3_5Config(**settings))
    return save(model, processor, folder)


def smolvlm(folder: Path) -> Path:
    config = tf.SmolVLMConfig(
        vision_config={"image_size": 32, "patch_size": 8, **VISION},
        text_config={"model_type": "llama", **TEXT},
        image_token_id=token("image_token"),
        scale_factor=2,
    )
    size = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}
    processor = tf.SmolVLMProcessor(
        tf.SmolVLMImageProcessor(**size, do_image_splitting=False),
        tokenizer(),
        tf.SmolVLMVideoProcessor(**size, num_frames=4, fps=1),
        image_seq_len=4,
        chat_template=template("<video>", "<image>"),
    )
    return save(tf.SmolVLMForConditionalGeneration(config), processor, folder)


def internvl(folder: Path) -> Path:
    config = tf.InternVLConfig(
        vision_config={"image_size": 32, "patch_size": 8, **VISION},
        text_config={"model_type": "qwen2", **TEXT},
        image_token_id=token("context_image_token"),
        image_seq_length=4,
    )
    size = {"height": 32, "width": 32}
    processor = tf.InternVLProcessor(
        tf.GotOcr2ImageProcessor(size=size, crop_to_patches=False),
        tokenizer(),
        tf.InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=template("<video>", "<context>"),
    )
    return save(tf.InternVLForConditionalGeneration(config), processor, folder)


def llava(folder: Path) -> Path:
    """A class whose processor takes images only."""
    config = tf.LlavaConfig(
        vision_config={
            "model_type": "clip_vision_model",
            "image_size": 32,
            "patch_size": 8,
            **VISION,
        },
        text_config={"model_type": "llama", **TEXT},
        image_token_index=token("image_token"),
        image_seq_length=16,
    )
    size = {"height": 32, "width": 32}
    processor = tf.LlavaProcessor(
        tf.CLIPImageProcessor(size=size, crop_size=size),
        tokenizer(),
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template("", "<image>"),
    )
    return save(tf.LlavaForConditionalGeneration(config), processor, folder)


BUILDERS: dict[str, Callable[[Path], Path]] = {
    builder.__name__: builder
    for builder in (llava_onevision, qwen2_5_vl, qwen3_vl, qwen3_5, smolvlm, internvl, llava)
}


def classes(*quick: str) -> list[Any]:
    """Every class as a test's parameter; the test is slow for all but some."""
    return [pytest.param(n, marks=() if n in quick else pytest.mark.slow) for n in sorted(BUILDERS)]
