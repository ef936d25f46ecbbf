"""A tiny checkpoint in LLaVA-Video's own format, and its computation written out by hand.

The format is that of the LLaVA-NeXT repository: one Qwen2 with the tower, the projector and the
newline embedding beside its layers. Everything is random; the tokenizer has one token a byte.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as tf
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from transformers.convert_slow_tokenizer import bytes_to_unicode

from tspo_bench.types import Frames

SIZE, PATCH, SIDE, POOLED = 44, 8, 5, 3  # 44 is no multiple of 8, as 384 is none of 14
SPECIAL = {"<|endoftext|>": 256, "<|im_start|>": 257, "<|im_end|>": 258}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": SIZE,
    "patch_size": PATCH,
}
TEXT = {
    "vocab_size": 272,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "rope_theta": 1000000.0,
    "rms_norm_eps": 1e-6,
    "bos_token_id": 256,
    "eos_token_id": 258,
    "tie_word_embeddings": False,
}
CONFIG = {
    "architectures": ["LlavaQwenForCausalLM"],
    "model_type": "llava_qwen",
    **TEXT,
    "hidden_act": "silu",
    "attention_dropout": 0.0,
    "max_window_layers": 28,
    "sliding_window": 131072,
    "use_sliding_window": False,
    "rope_scaling": None,
    "image_aspect_ratio": "anyres_max_9",
    "mm_hidden_size": 16,
    "mm_newline_position": "grid",
    "mm_patch_merge_type": "spatial_unpad",
    "mm_projector_type": "mlp2x_gelu",
    "mm_spatial_pool_mode": "bilinear",
    "mm_spatial_pool_stride": 2,
    "mm_use_im_patch_token": False,
    "mm_use_im_start_end": False,
    "mm_vision_select_feature": "patch",
    "mm_vision_select_layer": -2,
    "mm_vision_tower": "tower",
    "tokenizer_model_max_length": 32768,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.40.0.dev0",
}


class Original:
    """The model as the released code computes it: batch size 1, no padding."""

    def __init__(self, tied: bool = False) -> None:
        generator = torch.Generator().manual_seed(0)
        self.tied = tied
        self.tower = tf.SiglipVisionModel(tf.SiglipVisionConfig(**VISION)).eval()
        fields = {key: TEXT[key] for key in TEXT if key != "rope_theta"}
        self.language = tf.Qwen2ForCausalLM(
            tf.Qwen2Config(
                **{**fields, "tie_word_embeddings": tied},
                rope_parameters={"rope_type": "default", "rope_theta": TEXT["rope_theta"]},
            )
        ).eval()
        self.first, self.second = torch.nn.Linear(16, 32), torch.nn.Linear(32, 32)
        self.newline = torch.nn.Parameter(torch.randn(32, generator=generator))
        with torch.no_grad():
            for module in (self.tower, self.language, self.first, self.second):
                for weight in module.parameters():
                    scale = 1.5 / weight[0].numel() ** 0.5 if weight.dim() > 1 else 0.3
                    centre = 1.0 if weight.dim() == 1 and weight.mean() == 1 else 0.0
                    weight.normal_(centre, scale, generator=generator)

    def weights(self) -> dict[str, Tensor]:
        """Weights by their released names; the tower without its head and last layer."""
        named = dict(self.language.state_dict())
        if self.tied:
            del named["lm_head.weight"]
        for key, value in self.tower.state_dict().items():
            if not re.match(r"(vision_model\.)?(head|encoder\.layers\.2)\.", key):
                short = key.removeprefix("vision_model.")
                named[f"model.vision_tower.vision_tower.vision_model.{short}"] = value
        for number, layer in ((0, self.first), (2, self.second)):
            for key, value in layer.state_dict().items():
                named[f"model.mm_projector.{number}.{key}"] = value
        named["model.image_newline"] = self.newline.data
        return {key: value.contiguous().clone() for key, value in named.items()}

    @torch.no_grad()
    def visual_tokens(self, frames: Frames) -> Tensor:
        """[n * 3 * 4, 32]: for each frame, three rows of three tokens and a newline."""
        resized = [
            np.asarray(Image.fromarray(frame).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
            for frame in frames.pixels
        ]
        pixels = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2) / 255
        states = self.tower((pixels - 0.5) / 0.5, output_hidden_states=True).hidden_states
        assert len(states) == VISION["num_hidden_layers"] + 1
        features = self.second(F.gelu(self.first(states[-2])))
        grid = features.reshape(len(frames), SIDE, SIDE, -1)
        weights = _bilinear(SIDE, POOLED)
        pooled = torch.einsum("ri,cj,nijd->nrcd", weights, weights, grid)
        tokens = []
        for frame in pooled:
            for row in frame:
                tokens += [*row, self.newline]
        return torch.stack(tokens)

    @torch.no_grad()
    def embeddings(self, prompt: str, visual: list[Tensor]) -> Tensor:
        """[1, length, 32]: a prompt whose `<image>` marks are replaced by visual tokens."""
        chunks = prompt.split("<image>")
        assert len(chunks) == len(visual) + 1
        parts = [self.language.model.embed_tokens(torch.tensor(token_ids(chunks[0])))]
        for tokens, chunk in zip(visual, chunks[1:], strict=True):
            parts += [tokens, self.language.model.embed_tokens(torch.tensor(token_ids(chunk)))]
        return torch.cat(parts)[None]

    @torch.no_grad()
    def logits(self, prompt: str, visual: list[Tensor]) -> Tensor:
        """[length, vocabulary]."""
        return self.language(inputs_embeds=self.embeddings(prompt, visual)).logits[0]

    @torch.no_grad()
    def reply(self, prompt: str, visual: list[Tensor], length: int) -> str:
        """The greedy reply, one token after the other."""
        embeddings = self.embeddings(prompt, visual)
        ids: list[int] = []
        for _ in range(length):
            token = int(self.language(inputs_embeds=embeddings).logits[0, -1].argmax())
            if token == SPECIAL["<|im_end|>"]:
                break
            ids.append(token)
            new = self.language.model.embed_tokens(torch.tensor([[token]]))
            embeddings = torch.cat((embeddings, new), 1)
        return bytes(i for i in ids if i < 256).decode("utf-8", "replace").strip()


def _bilinear(given: int, wanted: int) -> Tensor:
    """Weights [wanted, given] of linear resampling with pixel centres at (i + 1/2)."""
    weights = torch.zeros(wanted, given)
    for i in range(wanted):
        place = min(max((i + 0.5) * given / wanted - 0.5, 0.0), given - 1.0)
        low = min(int(place), given - 2)
        weights[i, low + 1] = place - low
        weights[i, low] = 1 - (place - low)
    return weights


def token_ids(text: str) -> list[int]:
    parts = re.split("|".join(map(re.escape, SPECIAL)).join("()"), text)
    return [i for part in parts for i in ([SPECIAL[part]] if part in SPECIAL else part.encode())]


def write_checkpoint(
    folder: Path, original: Original, shards: int = 1, config: dict[str, Any] | None = None
) -> Path:
    """What a released repository holds: config.json, safetensors shards, the tokenizer's files."""
    (folder / "tower").mkdir(parents=True)
    settings = {**CONFIG, "tie_word_embeddings": original.tied, **(config or {})}
    (folder / "config.json").write_text(json.dumps(settings))
    tower = {"model_type": "siglip", "vision_config": {"model_type": "siglip_vision_model"}}
    tower["vision_config"].update(VISION)
    (folder / "tower" / "config.json").write_text(json.dumps(tower))
    write_weights(folder, original.weights(), shards)
    write_tokenizer(folder)
    return folder


def write_weights(folder: Path, weights: dict[str, Tensor], shards: int = 1) -> None:
    if shards == 1:
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        return
    where = {}
    for shard in range(shards):
        part = dict(list(weights.items())[shard::shards])
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        save_file(part, folder / file, {"format": "pt"})
        where |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": 0}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def write_tokenizer(folder: Path) -> None:
    """Qwen2's files, of a vocabulary of the 256 bytes: token i is byte i."""
    vocabulary = {character: byte for byte, character in bytes_to_unicode().items()}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    added = {
        str(number): {
            "content": token,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for token, number in SPECIAL.items()
    }
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": added,
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "model_max_length": 32768,
        "padding_side": "right",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "added_tokens.json").write_text(json.dumps(SPECIAL))
