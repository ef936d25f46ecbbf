"""MLLMs of the released architectures with random weights, made in memory.

What they answer is noise; what an answer costs is what it costs with the released weights. The
tokenizer has one token a byte, so words take more tokens than in the released models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.convert_slow_tokenizer import bytes_to_unicode

from tspo_bench.features.checkpoint import precision
from tspo_bench.mllms.llava_keys import LAYOUT, SO400M, read_config
from tspo_bench.mllms.llava_processor import MARKS
from tspo_bench.mllms.llava_video import LlavaVideo, LlavaVideoNetwork
from tspo_bench.mllms.transformers_vlm import TransformersVLM

SPECIAL = ("<|endoftext|>", *MARKS)
VISION_SPECIAL = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
QWEN2_7B = {
    "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
    "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064,
    "max_position_embeddings": 131072,
}  # fmt: skip
TINY_TEXT = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 272,
    "max_position_embeddings": 8192,
}  # fmt: skip
TINY_SIGLIP = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
    "num_attention_heads": 2, "image_size": 42, "patch_size": 14,
}  # fmt: skip
QWEN_VISION = {
    "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16,
    "patch_size": 14, "out_hidden_size": 3584, "window_size": 112,
    "fullatt_block_indexes": [7, 15, 23, 31], "tokens_per_second": 2,
}  # fmt: skip
TINY_QWEN_VISION = {
    **QWEN_VISION, "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2,
    "out_hidden_size": 64, "window_size": 56, "fullatt_block_indexes": [1],
}  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class RandomLlavaVideo(LlavaVideo):
    """LLaVA-Video of a folder that holds settings and a tokenizer alone."""

    @classmethod
    def check(cls, checkpoint: str, *_: Any, **__: Any) -> Path:
        """There are no weights to look for."""
        return Path(checkpoint)

    def _load(self, checkpoint: str, folder: Path, device: str, device_map: str | None) -> Any:
        config = read_config(checkpoint, folder)
        config.image_token_id = config.video_token_id = self._processor.visual_id
        return _random(LlavaVideoNetwork, config, device)


class RandomQwenVL(TransformersVLM):
    """Qwen2.5-VL of a folder that holds settings and a processor alone."""

    @classmethod
    def check(cls, checkpoint: str, *_: Any, **__: Any) -> Path:
        """There are no weights to look for."""
        return Path(checkpoint)

    def _load(self, checkpoint: str, folder: Path, device: str, device_map: str | None) -> Any:
        config = transformers.AutoConfig.from_pretrained(folder)
        return _random(transformers.Qwen2_5_VLForConditionalGeneration, config, device)


def _random(network: Any, config: Any, device: str) -> Any:
    torch.manual_seed(0)
    with torch.device(device):
        return network._from_config(config, dtype=precision(device)).eval()


def llava_video(folder: Path, device: str, *, tiny: bool) -> LlavaVideo:
    """LLaVA-Video-7B's architecture: SigLIP so400m at 384 pixels, Qwen2-7B, 210 tokens a frame."""
    _write_tokenizer(folder, SPECIAL)
    tower = {"model_type": "siglip_vision_model", **(TINY_SIGLIP if tiny else SO400M)}
    (folder / "tower").mkdir()
    (folder / "tower" / "config.json").write_text(json.dumps({"vision_config": tower}))
    text = TINY_TEXT if tiny else QWEN2_7B
    settings = {"model_type": "llava_qwen", **text, **LAYOUT, "mm_vision_tower": "tower"}
    (folder / "config.json").write_text(json.dumps(settings))
    return RandomLlavaVideo(str(folder), device)


def qwen2_5_vl(folder: Path, device: str, *, tiny: bool) -> TransformersVLM:
    """Qwen2.5-VL-7B's architecture: native resolution, a token for 28 x 28 pixels of two frames."""
    _write_tokenizer(folder, (*SPECIAL, *VISION_SPECIAL))
    tokenizer = transformers.Qwen2Tokenizer.from_pretrained(folder)
    start, end, image, video = tokenizer.convert_tokens_to_ids(list(VISION_SPECIAL))
    quarter = 2 if tiny else 16  # a quarter of half a head's width, for the time axis
    config = transformers.Qwen2_5_VLConfig(
        vision_config=TINY_QWEN_VISION if tiny else QWEN_VISION,
        text_config={
            **(TINY_TEXT if tiny else QWEN2_7B),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e6,
                "mrope_section": [quarter, 3 * quarter // 2, 3 * quarter // 2],
            },
        },
        vision_start_token_id=start,
        vision_end_token_id=end,
        image_token_id=image,
        video_token_id=video,
    )
    config.save_pretrained(folder)
    processor = transformers.Qwen2_5_VLProcessor(
        transformers.Qwen2VLImageProcessor(),
        tokenizer,
        transformers.Qwen2VLVideoProcessor(),
        chat_template=TEMPLATE,
    )
    processor.save_pretrained(folder)
    return RandomQwenVL(str(folder), device)


def _write_tokenizer(folder: Path, special: tuple[str, ...]) -> None:
    """Qwen2's files, of a vocabulary of the 256 bytes and some marks behind them."""
    vocabulary = {character: byte for byte, character in bytes_to_unicode().items()}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    added = {
        str(256 + number): {"content": mark, "special": True, "normalized": False}
        for number, mark in enumerate(special)
    }
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": added,
        "additional_special_tokens": list(special),
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 131072,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    ids = {mark: 256 + number for number, mark in enumerate(special)}
    (folder / "added_tokens.json").write_text(json.dumps(ids))
