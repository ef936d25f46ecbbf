"""LLaVA-Video's preparation of text and frames, as in its released code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import transformers

from tspo_bench.errors import UserError
from tspo_bench.features.checkpoint import load_errors
from tspo_bench.mllms.checkpoint_checks import KIND
from tspo_bench.types import Pixels

# Stands for one visual token; the released models have a spare row for it in their embedding.
VISUAL = "<|llava_visual|>"
DEFAULT_TEMPLATE = "qwen_1_5"
# The system message and what follows a turn's end, of the conversation templates that released
# code uses (LLaVA-NeXT, llava/conversation.py): `qwen_1_5` in its authors' demo and in lmms-eval,
# `chatml_direct` in the evaluation of TSPO (arXiv 2508.04369).
TEMPLATES = {
    DEFAULT_TEMPLATE: ("You are a helpful assistant.", "\n"),
    "chatml_direct": ("Answer the questions.", ""),
}
MARKS = ("<|im_start|>", "<|im_end|>")


class LlavaVideoProcessor:
    """Tokenizer and SigLIP's image processor, used as in the released code.

    A video is a tensor [n, 3, size, size]; frames with words between them are videos of one frame.

    Args:
        name: the checkpoint's, for messages.
        folder: that of the tokenizer's files.
        config: its `LlavaOnevisionConfig`.
        template: the conversation template, one of TEMPLATES.

    Raises:
        UserError: the folder has no Qwen2 tokenizer, or the embedding no spare row.
    """

    def __init__(
        self, name: str, folder: Path, config: Any, template: str = DEFAULT_TEMPLATE
    ) -> None:
        self._system, self._after_turn = TEMPLATES[template]
        self.tokenizer = _tokenizer(name, folder)
        self.tokenizer.add_tokens([VISUAL], special_tokens=True)
        self.visual_id = int(self.tokenizer.convert_tokens_to_ids(VISUAL))
        if self.visual_id >= config.text_config.vocab_size:
            raise UserError(
                f"model {name!r}: its embedding has {config.text_config.vocab_size} rows, all of "
                "them its tokenizer's; one to spare is needed for the places of visual tokens"
            )
        size, patch = config.vision_config.image_size, config.vision_config.patch_size
        half = (0.5, 0.5, 0.5)
        # Pillow's resizing, as in the released code; torchvision's differs in a bit here and there.
        self.video_processor = self.image_processor = transformers.SiglipImageProcessorPil(
            size={"height": size, "width": size}, image_mean=half, image_std=half
        )
        self._pooled_side = math.ceil(size // patch / 2)

    def visual_tokens(self, num_frames: int) -> int:
        """Return the tokens of a video: for each frame a square grid, a newline after each row."""
        return num_frames * self._pooled_side * (self._pooled_side + 1)

    def apply_chat_template(
        self, messages: Sequence[dict[str, Any]], add_generation_prompt: bool
    ) -> str:
        """Return the prompt by the template; each video or image is one mark and a newline."""
        if messages[0]["role"] != "system":
            messages = [{"role": "system", "content": [{"text": self._system}]}, *messages]
        turns = [f"{turn['role']}\n{_content(turn['content'])}" for turn in messages]
        text = "".join(f"<|im_start|>{turn}<|im_end|>{self._after_turn}" for turn in turns)
        return text + "<|im_start|>assistant\n" * add_generation_prompt

    def __call__(
        self,
        text: list[str],
        text_kwargs: dict[str, Any],
        return_tensors: str,
        videos: Sequence[Sequence[Pixels]] = (),
        images: Sequence[Sequence[Pixels]] = (),
        **_: Any,
    ) -> Any:
        """Return a batch's tensors: `input_ids`, `attention_mask`, and `pixel_values_videos`.

        Args:
            text: one prompt a request.
            text_kwargs: the tokenizer's options.
            return_tensors: "pt".
            videos: one video [n, h, w, 3] a request, all of one length; or
            images: a list of frames [h, w, 3] a request.
        """
        given = [request[0] for request in videos]
        given += [frame[None] for request in images for frame in request]
        if given:
            frames = [frame for video in given for frame in video]
            marks = VISUAL * self.visual_tokens(len(given[0]))
            text = [prompt.replace(VISUAL, marks) for prompt in text]
        inputs = self.tokenizer(text, return_tensors=return_tensors, **text_kwargs)
        batch = {key: inputs[key] for key in ("input_ids", "attention_mask")}
        if given:
            pixels = self.image_processor(
                frames, return_tensors=return_tensors, input_data_format="channels_last"
            )["pixel_values"]
            batch["pixel_values_videos"] = pixels.unflatten(0, (len(given), len(given[0])))
        return transformers.BatchFeature(batch)


def _content(parts: Sequence[dict[str, str]]) -> str:
    return "".join(part.get("text", f"{VISUAL}\n") for part in parts)


def _tokenizer(name: str, folder: Path) -> Any:
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    if not (folder / "tokenizer.json").is_file() and not (
        vocabulary.is_file() and merges.is_file()
    ):
        raise UserError(
            f"model {name!r}: no tokenizer in {folder}; copy tokenizer.json, or vocab.json and "
            "merges.txt, beside the weights"
        )
    with load_errors(KIND, name):
        tokenizer = transformers.Qwen2Tokenizer.from_pretrained(folder)
    cut = [mark for mark in MARKS if len(tokenizer(mark)["input_ids"]) != 1]
    if cut:
        raise UserError(
            f"model {name!r}: {cut[0]} is not a token of the tokenizer in {folder}; give the "
            "released tokenizer's files, tokenizer_config.json and added_tokens.json among them"
        )
    return tokenizer
