"""Any checkpoint whose class AutoModelForImageTextToText knows, as an MLLM."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import jinja2
import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

from tspo_bench.errors import UserError
from tspo_bench.features.checkpoint import (
    content_digest,
    find_checkpoint,
    load_errors,
    load_model,
    load_processor,
    packaged_checkpoint,
    precision,
)
from tspo_bench.mllms.equal_frames import share_equal_frames
from tspo_bench.mllms.inputs import image_inputs, video_inputs
from tspo_bench.types import Answer, Request

KIND = "model"
MAX_NEW_TOKENS = 32
Medium = Literal["video", "image"]


class TransformersVLM:
    """A vision language model that answers greedily, in batches padded on the left.

    Computes in bfloat16 on CUDA and float32 elsewhere (part of `id`). Frames go in as a video with
    their true times where the checkpoint's chat template takes videos, else as images. Safe to call
    from several threads.

    Args:
        checkpoint: "reference", a folder, or a hub id.
        device: a torch device.
        batch_size: requests a forward pass.
        max_new_tokens: the longest answer, in tokens.
        name: the model's name in tables; None for the folder's or repository's.

    Raises:
        UserError: no such checkpoint, a class that transformers does not know or that answers no
            questions about frames, incomplete weights, or a setting that cannot be used.
    """

    def __init__(
        self,
        checkpoint: str,
        device: str = "cpu",
        batch_size: int = 8,
        max_new_tokens: int = MAX_NEW_TOKENS,
        name: str | None = None,
    ) -> None:
        folder = usable_checkpoint(checkpoint, device, max_new_tokens)
        self._processor = load_processor(KIND, checkpoint, folder)
        self._medium = self._accepted_medium(checkpoint)
        self._model = load_model(
            KIND, checkpoint, transformers.AutoModelForImageTextToText, folder, device
        )
        share_equal_frames(self._model)
        self._prepare_generation(max_new_tokens)
        self._batch_size = batch_size
        self._lock = threading.Lock()
        dtype = str(self._model.dtype).removeprefix("torch.")
        digest = content_digest(folder)[:24]
        self.name = name or Path(checkpoint).name
        self.id = f"{self._model.config.model_type}-{digest}-{dtype}-{max_new_tokens}"
        self.short_side = _short_side(self._processor, self._medium)

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer each request, in order: the new tokens' text, stripped.

        Requests of one frame count and size go through the model together, up to the batch size:
        processors stack a batch's frames into one array, and some count padding as frames.
        """
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for position, request in enumerate(requests):
            groups[request.frames.pixels.shape[:3] if len(request.frames) else ()].append(position)
        answers: dict[int, Answer] = {}
        for positions in groups.values():
            for start in range(0, len(positions), self._batch_size):
                batch = positions[start : start + self._batch_size]
                texts = self._generate([requests[position] for position in batch])
                answers.update(zip(batch, map(Answer, texts), strict=True))
        return [answers[position] for position in range(len(requests))]

    @torch.inference_mode()
    def _generate(self, requests: list[Request]) -> list[str]:
        with self._lock:
            inputs = self._inputs(requests).to(self._model.device)
            for key in inputs:
                if key.startswith("pixel_values"):  # not Qwen's times, which stay in float32
                    inputs[key] = inputs[key].to(self._model.dtype)
            output = self._model.generate(**inputs)
        prompt = inputs["input_ids"]
        length = prompt.shape[1]
        if torch.equal(output[:, :length], prompt):  # some classes return the new tokens alone
            output = output[:, length:]
        texts = self._processor.tokenizer.batch_decode(output, skip_special_tokens=True)
        return [text.strip() for text in texts]

    def _inputs(self, requests: list[Request]) -> Any:
        """The batch as the model takes it; all its requests have one frame count and size."""
        num_frames = len(requests[0].frames)
        visual: list[dict[str, str]] = []
        arguments: dict[str, Any] = {}
        if num_frames and self._medium == "video":
            shortest = getattr(self._processor.video_processor, "temporal_patch_size", 1)
            visual, arguments = [{"type": "video"}], video_inputs(requests, shortest)
        elif num_frames:
            visual, arguments = [{"type": "image"}] * num_frames, image_inputs(requests)
        prompts = [self._render([*visual, _text(request.prompt)]) for request in requests]
        bos = self._processor.tokenizer.bos_token
        text_arguments = {
            "padding": True,
            "padding_side": "left",
            # A template that writes the first token itself must not get it twice.
            "add_special_tokens": not (bos and prompts[0].startswith(bos)),
        }
        return self._processor(
            text=prompts, text_kwargs=text_arguments, return_tensors="pt", **arguments
        )

    def _render(self, content: list[dict[str, str]]) -> str:
        conversation = [{"role": "user", "content": content}]
        text: str = self._processor.apply_chat_template(conversation, add_generation_prompt=True)
        return text

    def _accepted_medium(self, checkpoint: str) -> Medium:
        """What the chat template writes down: a video, else images."""
        with load_errors(KIND, checkpoint):  # no chat template at all
            without = self._render([_text("?")])
        media: tuple[Medium, ...] = ("video", "image")
        for medium in media:
            if getattr(self._processor, f"{medium}_processor", None) is None:
                continue
            try:
                rendered = self._render([{"type": medium}, _text("?")])
            except jinja2.TemplateError:  # templates may refuse what they do not know
                continue
            if rendered != without:
                return medium
        raise UserError(
            f"model {checkpoint!r}: the chat template of its {type(self._processor).__name__} "
            "takes neither videos nor images; give a checkpoint with its full processor"
        )

    def _prepare_generation(self, max_new_tokens: int) -> None:
        """Plain greedy decoding, whatever the checkpoint's own settings.

        A repetition penalty in particular counts the padding, and so would make an answer depend on
        the batch that it was given in.
        """
        tokenizer = self._processor.tokenizer
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        own = self._model.generation_config
        eos = own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id
        self._model.generation_config = transformers.GenerationConfig(
            do_sample=False,
            num_beams=1,
            max_new_tokens=max_new_tokens,
            bos_token_id=own.bos_token_id,
            eos_token_id=eos,
            pad_token_id=tokenizer.pad_token_id,
            suppress_tokens=own.suppress_tokens,
        )


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def usable_checkpoint(checkpoint: str, device: str, max_new_tokens: int = MAX_NEW_TOKENS) -> Path:
    """The folder of a checkpoint, checked with the settings as far as that goes without weights.

    Raises:
        UserError: no such checkpoint, a class of another kind, or a setting that cannot be used.
    """
    length = max_new_tokens
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise UserError(
            f"model {checkpoint!r}: max_new_tokens={length!r}; use a whole number, 1 or more"
        )
    path = str(packaged_checkpoint("mllm")) if checkpoint == "reference" else checkpoint
    folder = find_checkpoint(KIND, path)
    _check_class(checkpoint, folder)
    precision(device)
    return folder


def _check_class(checkpoint: str, folder: Path) -> None:
    way_out = (
        "give a checkpoint in transformers' own format (often named ...-hf), or wrap it in a class "
        "of your own: --model my_pkg.mod:MyModel"
    )
    try:
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"model {checkpoint!r}: transformers {transformers.__version__} does not know the "
            f"model type that {folder / 'config.json'} gives; {way_out}"
        ) from error
    if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        classes = ", ".join(config.architectures or [type(config).__name__])
        raise UserError(
            f"model {checkpoint!r} is a {classes}, which AutoModelForImageTextToText does not "
            f"know; {way_out}"
        )


def _short_side(processor: Any, medium: Medium) -> int | None:
    """The shorter side to which the processor scales every frame; None for native resolution."""
    part = getattr(processor, f"{medium}_processor")
    tiled = ("image_grid_pinpoints", "do_image_splitting", "crop_to_patches")
    if medium == "image" and any(getattr(part, attribute, None) for attribute in tiled):
        return None
    size = getattr(part, "size", None) or {}
    if size.get("height"):
        return int(min(size["height"], size["width"]))
    # With a longest edge beside it, Qwen's shortest edge is a number of pixels, not a length.
    if size.get("shortest_edge") and not size.get("longest_edge"):
        return int(size["shortest_edge"])
    return None
