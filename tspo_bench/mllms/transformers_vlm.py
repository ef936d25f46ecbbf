"""Any checkpoint whose class AutoModelForImageTextToText knows, as an MLLM."""

from __future__ import annotations

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import transformers

from tspo_bench.features.checkpoint import content_digest, load_model, load_processor
from tspo_bench.features.flops import AnswerFlops
from tspo_bench.mllms.base import MLLM
from tspo_bench.mllms.checkpoint_checks import (
    KIND,
    MAX_NEW_TOKENS,
    TIMED_BY_POSITION,
    takes_pairs,
    token_side,
    usable_checkpoint,
)
from tspo_bench.mllms.conversation import Conversation, with_text, with_times
from tspo_bench.mllms.frame_size import bounded, bounded_size, fixed_short_side
from tspo_bench.mllms.frame_tokens import encode_frames_once
from tspo_bench.mllms.generation import letter_logprobs, plain_generation, replies, thinking_usage
from tspo_bench.mllms.inputs import image_inputs, in_groups, video_inputs
from tspo_bench.mllms.positions import true_time_positions
from tspo_bench.mllms.visual_input import count_visual_tokens, grid_tokens, visual_input
from tspo_bench.types import Answer, AnswerMode, Frames, Prompt, Request, VisualInput

COUNTED = 3  # frames; one alone may be cut into tiles, where several are not


class TransformersVLM(MLLM):
    """A vision language model that answers greedily, in batches padded on the left.

    Computes in bfloat16 on CUDA and float32 elsewhere (part of `id`). Frames are a video with true
    times if the chat template takes videos, otherwise, and if words stand between them, images.
    Safe to call from several threads.

    A class with another layout overrides `check`, `_load_processor`, `_load` or `_with_times`.

    Args:
        checkpoint: "reference", a folder, or a hub id.
        device: a torch device.
        batch_size: requests a forward pass.
        max_new_tokens: the longest answer, in tokens, unless the request sets it.
        name: the model's name in tables; None for the folder's or repository's.
        positions: the times of a video's tokens, for Qwen2.5-VL: their frames' "seconds"; "mean",
            evenly spread over the video's length, as in transformers; "constant", one second a pair
            of frames, as in its processor without a frame rate.
        pairs: for classes that fuse pairs of frames: "fuse", two selected frames a pair; "repeat",
            each frame doubled, at twice the tokens.
        times: "prompt", a sentence with the frames' seconds before the prompt; "none", only the
            class's own times.
        max_pixels: of one frame (height x width), for classes of native resolution: larger frames
            are scaled down, on top of the processor's own bounds; None for no limit.
        min_pixels: likewise: smaller frames are scaled up.
        enable_thinking: the chat template's switch (Qwen3.5, GLM); None for its default.
        device_map: "auto", "balanced" or "sequential": weights spread over all GPUs (Accelerate).

    Raises:
        UserError: no such checkpoint, an unsupported class, incomplete weights, or an unusable
            setting.
    """

    _processor_options: Mapping[str, Any] = MappingProxyType({})  # of `_load_processor`

    def __init__(
        self,
        checkpoint: str,
        device: str = "cpu",
        batch_size: int = 8,
        max_new_tokens: int = MAX_NEW_TOKENS,
        name: str | None = None,
        positions: str = "seconds",
        pairs: str = "fuse",
        times: str = "none",
        max_pixels: int | None = None,
        enable_thinking: bool | None = None,
        min_pixels: int | None = None,
        device_map: str | None = None,
    ) -> None:
        folder = self.check(
            checkpoint,
            device,
            max_new_tokens=max_new_tokens,
            positions=positions,
            pairs=pairs,
            times=times,
            max_pixels=max_pixels,
            enable_thinking=enable_thinking,
            min_pixels=min_pixels,
            device_map=device_map,
        )
        self._processor = self._load_processor(checkpoint, folder, **self._processor_options)
        self._conversation = Conversation(checkpoint, self._processor, enable_thinking)
        self._model = self._load(checkpoint, folder, device, device_map)
        encode_frames_once(self._model)
        self._model.generation_config = plain_generation(
            self._model.generation_config, self._processor.tokenizer, max_new_tokens
        )
        self._flops = AnswerFlops(self._model)
        self._batch_size = batch_size
        self._positions, self._pairs, self._times = positions, pairs, times
        self._bounds = (min_pixels, max_pixels)
        self._enable_thinking = enable_thinking
        self._token_side = token_side(self._model.config) or 1
        self._lock = threading.Lock()
        self._costs: dict[tuple[int, int, int, bool], int] = {}
        self.name = name or Path(checkpoint).name
        dtype = str(self._model.dtype).removeprefix("torch.")
        what = (self._model.config.model_type, content_digest(folder)[:24], dtype)
        self.id = "-".join([*what, str(max_new_tokens), *self._differences()])
        self.short_side = fixed_short_side(self._processor, self._conversation.medium)

    @classmethod
    def check(cls, checkpoint: str, device: str = "cpu", **settings: Any) -> Path:
        """Return the checkpoint's folder, after all checks that need no weights.

        Raises:
            UserError: no such checkpoint, a class of another kind, or an unusable setting.
        """
        return usable_checkpoint(checkpoint, device, **settings)

    @classmethod
    def check_asking(
        cls,
        mode: AnswerMode,
        reply_start: str,
        *,
        checkpoint: str,
        enable_thinking: bool | None = None,
        **options: Any,
    ) -> None:
        """Check that the chat template has a place for the letter or the start of the reply.

        Raises:
            UserError: as the class, or the template begins the reply with reasoning.
        """
        folder = cls.check(checkpoint, **options)
        processor = cls._load_processor(checkpoint, folder, **options)
        Conversation(checkpoint, processor, enable_thinking).check_asking(mode, reply_start)

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer each request, in order: the new tokens' text, stripped, or the likeliest option.

        A batch holds requests of one kind, frame count and size, since processors stack their
        frames into one array, and some count padding as frames.

        Raises:
            UserError: the chat template does not support a request, or (mode "options") an option's
                letter is not a single token.
        """
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for position, request in enumerate(requests):
            groups[_together(request)].append(position)
        answers: dict[int, Answer] = {}
        for positions in groups.values():
            for start in range(0, len(positions), self._batch_size):
                batch = positions[start : start + self._batch_size]
                given = self._answer_batch([requests[position] for position in batch])
                answers.update(zip(batch, given, strict=True))
        return [answers[position] for position in range(len(requests))]

    def visual_tokens(
        self, num_frames: int, height: int, width: int, interleaved: bool = False
    ) -> int:
        """Return the visual tokens of a request with so many frames, without a forward pass.

        If a frame's size depends on the number of frames (Qwen), the processor works on frames
        without content; else each further frame costs the same as the last of a few empty ones.

        Args:
            num_frames: frames of the request, before any is repeated.
            height: of these frames, in pixels.
            width: likewise.
            interleaved: whether words stand between the frames.
        """
        if num_frames <= COUNTED:
            return self._counted(num_frames, height, width, interleaved)
        video = None if interleaved else getattr(self._processor, "video_processor", None)
        if video is not None and "video_grid_thw" in video.model_input_names:
            height, width = bounded_size(height, width, *self._bounds, self._token_side)
            copies = video.temporal_patch_size if self._pairs == "repeat" else 1
            return grid_tokens(video, num_frames * copies, height, width)
        fewer, most = (self._counted(n, height, width, interleaved) for n in (COUNTED - 1, COUNTED))
        return most + (num_frames - COUNTED) * (most - fewer)

    def _counted(self, num_frames: int, height: int, width: int, interleaved: bool) -> int:
        """Return the visual tokens of empty frames, as the processor lays them out; cached."""
        asked = (num_frames, height, width, interleaved)
        if asked not in self._costs:
            numbers = np.arange(num_frames)
            pixels = np.zeros((num_frames, height, width, 3), np.uint8)
            frames = Frames(numbers, numbers.astype(np.float64), pixels)
            before = ("",) * num_frames if interleaved else ()
            with self._lock:
                inputs = self._inputs([Request(frames, Prompt("", before=before), 1.0, "")])
            (self._costs[asked],) = count_visual_tokens(inputs, self._model.config)
        return self._costs[asked]

    @torch.inference_mode()
    def _answer_batch(self, requests: list[Request]) -> list[Answer]:
        """Answer requests of one batch."""
        requests = [self._with_times(request) for request in requests]
        mode, longest = requests[0].mode, requests[0].prompt.max_new_tokens
        with self._lock:
            inputs = self._inputs(requests).to(self._model.device)
            for key in inputs:
                if key.startswith("pixel_values"):  # Qwen's times stay in float32
                    inputs[key] = inputs[key].to(self._model.dtype)
            medium = self._conversation.medium_of(requests[0])
            seen = visual_input(requests, inputs, self._model.config, medium)
            if mode == "options":
                return self._likeliest_options(requests, inputs, seen)
            tokenizer = self._processor.tokenizer
            said = replies(self._model, tokenizer, inputs, longest)
        begun = self._conversation.begun  # a reply that ends within it is not an answer
        return [
            self._costed(
                Answer(
                    begun + text,
                    visual_input=what,
                    usage=thinking_usage(tokenizer, begun + text, begun),
                    truncated=truncated,
                ),
                length,
                new,
            )
            for (text, truncated, new), what, length in zip(
                said, seen, _prompt_lengths(inputs), strict=True
            )
        ]

    def _likeliest_options(
        self, requests: list[Request], inputs: Any, seen: list[VisualInput | None]
    ) -> list[Answer]:
        asked = [(self._conversation.write(request), request.letters) for request in requests]
        listed = letter_logprobs(self._model, self._processor.tokenizer, inputs, asked)
        return [
            self._costed(Answer(max(values, key=values.__getitem__), values, what), length, 1)
            for values, what, length in zip(listed, seen, _prompt_lengths(inputs), strict=True)
        ]

    def _costed(self, answer: Answer, prompt: int, new: int) -> Answer:
        """The answer with its tokens and FLOPs."""
        usage = {"prompt_tokens": prompt, "completion_tokens": new, **answer.usage}
        flops = self._flops(answer.visual_input, prompt, new)
        return dataclasses.replace(answer, usage=usage, flops=flops)

    def _with_times(self, request: Request) -> Request:
        """Add the frames' seconds to a request's prompt, if the settings say so."""
        if self._times == "none":
            return request
        return with_text(request, with_times(request))

    def _inputs(self, requests: list[Request]) -> Any:
        """Return the model's inputs for a batch (see `answer`)."""
        requests = [bounded(r, *self._bounds, self._token_side) for r in requests]
        medium = self._conversation.medium_of(requests[0])
        arguments: dict[str, Any] = {}
        if medium == "video":
            size = getattr(self._processor.video_processor, "temporal_patch_size", 1)
            requests = [in_groups(r, size, self._pairs == "repeat") for r in requests]
            arguments = video_inputs(requests)
        elif medium == "image":
            arguments = image_inputs(requests, self._processor.image_processor)
        prompts = [self._conversation.write(request).text for request in requests]
        bos = self._processor.tokenizer.bos_token
        text_arguments = {
            "padding": True,
            "padding_side": "left",
            # A template that writes the first token itself must not get it twice.
            "add_special_tokens": not (bos and prompts[0].startswith(bos)),
        }
        inputs = self._processor(
            text=prompts, text_kwargs=text_arguments, return_tensors="pt", **arguments
        )
        if medium == "video" and self._is_timed and self._positions != "mean":
            seconds = [request.frames.seconds for request in requests]
            if self._positions == "constant":
                seconds = [np.arange(len(s), dtype=np.float64) // size for s in seconds]
            inputs["position_ids"] = true_time_positions(self._model, inputs, seconds)
        return inputs

    @classmethod
    def _load_processor(cls, checkpoint: str, folder: Path, **_: Any) -> Any:
        return load_processor(KIND, checkpoint, folder)

    def _load(self, checkpoint: str, folder: Path, device: str, device_map: str | None) -> Any:
        """Load the model in evaluation mode, on the device (or all GPUs) and in its precision."""
        auto_class = transformers.AutoModelForImageTextToText
        return load_model(KIND, checkpoint, auto_class, folder, device, device_map)

    @property
    def _is_timed(self) -> bool:
        return bool(self._model.config.model_type == TIMED_BY_POSITION)

    def _differences(self) -> list[str]:
        """Return the settings, beside the defaults, that change what the model sees."""
        settings = {
            "positions": self._positions if self._is_timed else None,
            "pairs": self._pairs if takes_pairs(self._model.config) else None,
            "times": None if self._times == "none" else self._times,
            "min_pixels": self._bounds[0],
            "max_pixels": self._bounds[1],
            "enable_thinking": self._enable_thinking,
        }
        return [f"{name}={value}" for name, value in settings.items() if value is not None]


def _prompt_lengths(inputs: Any) -> list[int]:
    """The tokens of each prompt, visual ones included and padding not."""
    lengths: list[int] = inputs["attention_mask"].sum(1).tolist()
    return lengths


def _together(request: Request) -> Hashable:
    """Return a key that is equal for requests of one batch."""
    size = request.frames.pixels.shape[:3] if len(request.frames) else ()
    return size, bool(request.prompt.before), request.mode, request.prompt.max_new_tokens
