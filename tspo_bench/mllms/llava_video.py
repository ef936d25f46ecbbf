"""LLaVA-Video from its released weights (Zhang et al. 2024, arXiv 2410.02713)."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.llava_onevision.modeling_llava_onevision import LlavaOnevisionModel

from tspo_bench.features.checkpoint import find_checkpoint, load_errors, placement, precision
from tspo_bench.mllms.checkpoint_checks import (
    KIND,
    MAX_NEW_TOKENS,
    check_choice,
    check_device_map,
    check_length,
)
from tspo_bench.mllms.conversation import with_text
from tspo_bench.mllms.llava_keys import PREFIXES, UNUSED, check_weights, read_config
from tspo_bench.mllms.llava_processor import DEFAULT_TEMPLATE, TEMPLATES, LlavaVideoProcessor
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.types import Request

TIMES = ("none", "prompt", "original")


class GridModel(LlavaOnevisionModel):
    """LLaVA-OneVision's model with LLaVA-Video's token layout: a newline after each row."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.vision_tower.post_layernorm = nn.Identity()  # features are taken before it

    def get_video_features(self, pixel_values_videos: Tensor, **_: Any) -> Any:
        """The visual tokens of videos [videos, n, 3, h, w]: [videos, n * side * (side + 1), d].

        Each frame's grid is resampled bilinearly to half its side, rounded up: 27 x 27 to 14 x 14.
        """
        features = self.vision_tower(pixel_values_videos.flatten(0, 1)).last_hidden_state
        pooled = self.apply_pooling(self.multi_modal_projector(features))
        side = math.isqrt(pooled.shape[1])
        rows = pooled.unflatten(1, (side, side))
        newlines = self.image_newline.expand(*rows.shape[:2], 1, -1)
        tokens = torch.cat((rows, newlines), 2)
        by_video = tokens.reshape(len(pixel_values_videos), -1, tokens.shape[-1])
        return BaseModelOutputWithPooling(pooler_output=by_video)


class LlavaVideoNetwork(transformers.LlavaOnevisionForConditionalGeneration):
    """LLaVA-OneVision's classes around a `GridModel`."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = GridModel(config)  # weights are not allocated before they are loaded
        self._keys_to_ignore_on_load_unexpected = [re.escape(part) for part in UNUSED]
        self.post_init()


class LlavaVideo(TransformersVLM):
    """The released LLaVA-Video models; also for fine-tuned ones in the same format.

    Frames are resized to a square (384) and cost 14 x 15 = 210 tokens each.

    Args:
        checkpoint: a folder, or a hub id.
        device: a torch device.
        batch_size: requests a forward pass.
        max_new_tokens: the longest answer, in tokens, unless the request sets it.
        name: the model's name in tables; None for the folder's or repository's.
        times: "original", the released sentence with the frames' seconds before the prompt, which
            calls all frames "uniformly sampled"; "prompt", one without that claim; "none", as in
            lmms-eval's runs.
        template: the conversation template, "qwen_1_5" or TSPO's "chatml_direct"; see
            `llava_processor.TEMPLATES`.
        device_map: as in `TransformersVLM`.

    Raises:
        UserError: no such checkpoint, missing or unknown weights, another token layout, no
            tokenizer, or an unusable setting.
    """

    def __init__(
        self,
        checkpoint: str,
        device: str = "cpu",
        batch_size: int = 8,
        max_new_tokens: int = MAX_NEW_TOKENS,
        name: str | None = None,
        times: str = "none",
        template: str = DEFAULT_TEMPLATE,
        device_map: str | None = None,
    ) -> None:
        _check_template(checkpoint, template)
        self._template = template
        self._processor_options = {"template": template}
        super().__init__(
            checkpoint, device, batch_size, max_new_tokens, name, times=times, device_map=device_map
        )

    @classmethod
    def check(cls, checkpoint: str, device: str = "cpu", **settings: Any) -> Path:
        """Return the checkpoint's folder, after all checks that need no weights.

        Raises:
            UserError: as the class.
        """
        check_length(checkpoint, settings.get("max_new_tokens", MAX_NEW_TOKENS))
        check_choice(checkpoint, "times", settings.get("times", "none"), TIMES)
        _check_template(checkpoint, settings.get("template", DEFAULT_TEMPLATE))
        check_device_map(checkpoint, device, settings.get("device_map"))
        folder = find_checkpoint(KIND, checkpoint)
        config = read_config(checkpoint, folder)
        with torch.device("meta"):
            needed = LlavaVideoNetwork(config).state_dict()
        check_weights(checkpoint, folder, needed, config.tie_word_embeddings)
        return folder

    def _with_times(self, request: Request) -> Request:
        if self._times == "original":
            return with_original_times(request)
        return super()._with_times(request)

    @classmethod
    def _load_processor(
        cls, checkpoint: str, folder: Path, template: str = DEFAULT_TEMPLATE, **_: Any
    ) -> LlavaVideoProcessor:
        config = read_config(checkpoint, folder)
        return LlavaVideoProcessor(checkpoint, folder, config, template)

    def _differences(self) -> list[str]:
        named = [] if self._template == DEFAULT_TEMPLATE else [f"template={self._template}"]
        return super()._differences() + named

    def _load(self, checkpoint: str, folder: Path, device: str, device_map: str | None) -> Any:
        """Shard by shard, straight to the device (or all GPUs) and its precision."""
        config = read_config(checkpoint, folder)
        config.image_token_id = config.video_token_id = self._processor.visual_id
        with load_errors(KIND, checkpoint):
            return LlavaVideoNetwork.from_pretrained(
                folder,
                config=config,
                key_mapping={f"^{re.escape(theirs)}": ours for theirs, ours in PREFIXES.items()},
                dtype=precision(device),
                device_map=placement(device, device_map),
                use_safetensors=True,
            ).eval()


def _check_template(checkpoint: str, template: str) -> None:
    check_choice(checkpoint, "template", template, TEMPLATES)


def with_original_times(request: Request) -> Request:
    """Put the released time instruction, with the frames' true seconds, before the prompt."""
    frames = request.frames
    if not len(frames):
        return request
    total = request.num_frames or int(frames.indices[-1]) + 1
    seconds = ",".join(f"{second:.2f}s" for second in frames.seconds)
    sentence = (
        f"The video lasts for {total / request.frame_rate:.2f} seconds, and {len(frames)} frames "
        f"are uniformly sampled from it. These frames are located at {seconds}."
        "Please answer the following questions related to this video."
    )
    return with_text(request, f"{sentence}\n{request.prompt.text}")
