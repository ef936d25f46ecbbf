"""FLOPs of forward passes: 2 x weights x tokens for matrix products, and attention on top.

A multiplication and an addition are 2 FLOPs, as in torch's FlopCounterMode. Norms, activations and
softmax are left out; causal attention counts in full, as kernels without a causal mask do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from tspo_bench.types import VisualInput

_CLS_TOKENS = {"clip": 1, "siglip": 0, "siglip2": 0}


def frame_flops(config: Any) -> int | None:
    """FLOPs of encoding one frame with CLIP, SigLIP or SigLIP 2; None for another class.

    Args:
        config: the checkpoint's, with `vision_config`.
    """
    if config.model_type not in _CLS_TOKENS:
        return None
    vision = config.vision_config
    width, inner = vision.hidden_size, vision.intermediate_size
    patches = getattr(vision, "num_patches", None) or (vision.image_size // vision.patch_size) ** 2
    tokens = patches + _CLS_TOKENS[config.model_type]
    layer = 2 * tokens * (4 * width**2 + 2 * width * inner) + 4 * tokens**2 * width
    total = 2 * patches * vision.num_channels * vision.patch_size**2 * width
    total += vision.num_hidden_layers * layer
    if config.model_type == "clip":
        return int(total + 2 * width * config.projection_dim)
    # SigLIP's head: one learnt query attends to all patches, then an MLP.
    query = 2 * (2 * width**2 + 2 * width * inner)
    return int(total + query + 2 * tokens * 2 * width**2 + 4 * tokens * width)


class AnswerFlops:
    """FLOPs of an MLLM's answers: the vision tower on the frames, and the language model.

    Args:
        model: a transformers model of image, video and text.
    """

    def __init__(self, model: Any) -> None:
        text = model.config.get_text_config()
        self._is_known = not getattr(text, "num_experts", None)  # only some experts work
        self._vision = getattr(model.config, "vision_config", None)
        self._weights = {"tower": 0, "merger": 0, "text": 0, "head": 0}
        for name, size in _products(model):
            self._weights[_part(name)] += size
        kinds = getattr(text, "layer_types", None)  # linear attention is in the weights alone
        layers = text.num_hidden_layers
        layers -= sum("linear" in kind for kind in kinds or ())
        head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        self._per_pair = 4 * layers * head * text.num_attention_heads

    def __call__(self, visual: VisualInput | None, prompt: int, new: int) -> int | None:
        """FLOPs of one answer; None where they cannot be known.

        Args:
            visual: the frames at the tower; None if unknown.
            prompt: tokens of the prompt, visual ones included.
            new: tokens of the reply, each a step after the prompt's pass.
        """
        if visual is None or visual.visual_tokens is None or not self._is_known:
            return None
        steps = max(new, 1)
        # The last token of a reply is not put in again.
        processed = prompt + steps - 1
        pairs = prompt**2 + sum(range(prompt + 1, prompt + steps))
        text = 2 * self._weights["text"] * processed + self._per_pair * pairs
        head = 2 * self._weights["head"] * steps
        return text + head + self._of_frames(visual)

    def _of_frames(self, visual: VisualInput) -> int:
        if not visual.frames or self._vision is None:
            return 0
        vision = self._vision
        side = vision.patch_size if isinstance(vision.patch_size, int) else vision.patch_size[0]
        patches = (visual.height // side) * (visual.width // side)
        pictures = -(-visual.frames // getattr(vision, "temporal_patch_size", 1))
        layers = getattr(vision, "depth", None) or vision.num_hidden_layers
        attention = 4 * layers * vision.hidden_size * pictures * patches**2
        products = self._weights["tower"] * pictures * patches
        return attention + 2 * (products + self._weights["merger"] * (visual.visual_tokens or 0))


def _products(model: nn.Module) -> Iterator[tuple[str, int]]:
    """The weights that tokens are multiplied with: of linear layers and patch embeddings."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Conv3d):
            yield name, module.weight.numel()


def _part(name: str) -> str:
    if "lm_head" in name:
        return "head"
    if "language_model" in name:
        return "text"
    return "merger" if "merger" in name else "tower"
