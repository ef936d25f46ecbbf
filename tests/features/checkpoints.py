"""Tiny random CLIP and SigLIP checkpoints, whole: weights, tokenizer, processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as tf
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = [*(f"w{i}" for i in range(40)), "cat", "dog"]
PIECES = ["<pad>", "<unk>", *WORDS, "<bos>", "<eos>"]  # CLIP reads at its highest id, the end
TEXT = {
    "vocab_size": len(PIECES),
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 12,
    "bos_token_id": PIECES.index("<bos>"),
    "eos_token_id": PIECES.index("<eos>"),
    "pad_token_id": 0,
}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "patch_size": 8,
    "image_size": 32,
}


def _tokenizer() -> Any:
    backend = Tokenizer(
        models.WordLevel({piece: i for i, piece in enumerate(PIECES)}, unk_token="<unk>")
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>",
        special_tokens=[(name, PIECES.index(name)) for name in ("<bos>", "<eos>")],
    )
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
    )


def _save(model: Any, processor: Any, folder: Path, seed: int) -> Path:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() >= 2:
                parameter.normal_(0, parameter[0].numel() ** -0.5, generator=generator)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def clip(folder: Path, seed: int = 0, width: int = 20) -> Path:
    config = tf.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=width)
    images = tf.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    processor = tf.CLIPProcessor(images, _tokenizer())
    return _save(tf.CLIPModel(config), processor, folder, seed)


def siglip(folder: Path, seed: int = 0) -> Path:
    config = tf.SiglipConfig(text_config={**TEXT, "projection_size": 16}, vision_config=VISION)
    images = tf.SiglipImageProcessor(size={"height": 32, "width": 32})
    processor = tf.SiglipProcessor(images, _tokenizer())
    return _save(tf.SiglipModel(config), processor, folder, seed)


def siglip2(folder: Path, seed: int = 0) -> Path:
    """SigLIP 2 with native aspect ratios (NaFlex)."""
    vision = {key: value for key, value in VISION.items() if key != "image_size"}
    config = tf.Siglip2Config(
        text_config={**TEXT, "projection_size": 16}, vision_config={**vision, "num_patches": 16}
    )
    images = tf.Siglip2ImageProcessor(patch_size=8, max_num_patches=16)
    letters = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\u2581", *"wcatdog0123456789"]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(letters))}
    processor = tf.Siglip2Processor(images, tf.Siglip2Tokenizer(vocabulary))
    return _save(tf.Siglip2Model(config), processor, folder, seed)


BUILDERS: dict[str, Callable[..., Path]] = {"clip": clip, "siglip": siglip, "siglip2": siglip2}
