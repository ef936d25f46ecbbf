"""Random checkpoints of CLIP, whole: weights, tokenizer, processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

MARKS = ["<pad>", "<unk>", "<bos>", "<eos>"]
_SMALL = {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def save_clip(folder: Path, vit_b_32: bool, words: tuple[str, ...] = ()) -> Path:
    """A CLIP of ViT-B/32's shape or a small one for images of the same size; returns the folder.

    The tokenizer knows `words`, split at spaces.
    """
    pieces = [*MARKS[:2], *sorted(words), *MARKS[2:]]  # CLIP reads at the highest id, the end
    torch.manual_seed(0)
    text = {
        "vocab_size": len(pieces),
        "bos_token_id": pieces.index("<bos>"),
        "eos_token_id": pieces.index("<eos>"),
        "pad_token_id": 0,
        **({} if vit_b_32 else _SMALL),
    }
    config = transformers.CLIPConfig(
        text_config=text,
        vision_config={"patch_size": 32, "image_size": 224, **({} if vit_b_32 else _SMALL)},
        projection_dim=512,
    )
    model = transformers.CLIPModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() >= 2:  # drawn wide: features differ from frame to frame
                parameter.normal_(0, parameter[0].numel() ** -0.5)
    model.save_pretrained(folder)
    images = transformers.CLIPImageProcessor()
    transformers.CLIPProcessor(images, _tokenizer(pieces)).save_pretrained(folder)
    return folder


def _tokenizer(pieces: list[str]) -> Any:
    backend = Tokenizer(
        models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="<unk>")
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>",
        special_tokens=[(mark, pieces.index(mark)) for mark in ("<bos>", "<eos>")],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=77,
    )
