"""lmms-eval's requests, of both its interfaces, as a prompt and media."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tspo_bench.errors import UserError
from tspo_bench.types import Prompt

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tiff", ".webp"}
IMAGE_TAG = "<image>"
_LENGTHS = ("max_new_tokens", "max_gen_toks")


@dataclass(frozen=True)
class Shown:
    """A request's prompt with a video's file, images, or nothing."""

    prompt: Prompt
    video: Path | None = None
    images: tuple[Image.Image, ...] = ()


def read_messages(messages: Iterable[Mapping[str, Any]], generation: Mapping[str, Any]) -> Shown:
    """Convert a request of the chat interface, from `doc_to_messages`.

    Words before an image stay there; a video's frames precede all words. A last message of the
    assistant is the start of the reply.

    Args:
        messages: each with `role` and a list `content` of `{"type": ..., "text" or "url": ...}`.
        generation: the task's generation_kwargs, of which only the reply's length is used.

    Raises:
        UserError: several turns, several videos, a part of a video, or sound.
    """
    system, begun = "", ""
    parts: list[Any] = []
    turns = list(messages)
    for number, message in enumerate(turns):
        content = message["content"]
        content = [{"type": "text", "text": content}] if isinstance(content, str) else content
        words = "".join(part["text"] for part in content if part["type"] == "text")
        if message["role"] == "system":
            system += words
        elif message["role"] == "assistant" and number == len(turns) - 1:
            begun = words
        elif message["role"] == "user" and not parts:
            parts = [part["text"] if part["type"] == "text" else _medium(part) for part in content]
        else:
            raise UserError("a conversation of several turns cannot be put to an MLLM here")
    return _shown(parts, generation, system or None, begun)


def read_context(context: str, visuals: Any, generation: Mapping[str, Any]) -> Shown:
    """Convert a request of the simple interface: its context, and media from `doc_to_visual`.

    Images replace the tags `<image>` of the context if their numbers agree; else they precede it.

    Raises:
        UserError: as `read_messages`.
    """
    media = [_medium({"url": visual}) for visual in _flat(visuals)]
    pieces = context.split(IMAGE_TAG)
    if media and len(pieces) == len(media) + 1 and not any(isinstance(m, Path) for m in media):
        parts: list[Any] = [pieces[0]]
        for image, words in zip(media, pieces[1:], strict=True):
            parts += [image, words]
    else:
        parts = [*media, context]
    return _shown(parts, generation)


def cut(reply: str, until: str | Sequence[str] | None) -> str:
    """Cut a reply at the first of the strings that stop generation."""
    ends = [until] if isinstance(until, str) else until or ()
    places = [place for end in ends if end and (place := reply.find(end)) >= 0]
    return reply[: min(places)] if places else reply


def _flat(visuals: Any) -> list[Any]:
    if visuals is None:
        return []
    if not isinstance(visuals, list | tuple):
        return [visuals]
    return [one for visual in visuals for one in _flat(visual)]


def _medium(part: Mapping[str, Any]) -> Path | Image.Image:
    """Return a video's path or an image.

    Raises:
        UserError: it is neither.
    """
    kind, medium = part.get("type"), part["url"]
    if part.get("start_time") is not None or part.get("end_time") is not None:
        raise UserError(f"a part of a video ({part}) cannot be shown: samplers see all of a file")
    if isinstance(medium, Image.Image):
        return medium
    if kind == "audio" or not isinstance(medium, str | Path):
        raise UserError(
            f"{kind or 'a medium'} of type {type(medium).__name__} cannot be shown; use a task "
            "whose doc_to_visual gives a video's path, or images"
        )
    path = Path(re.sub(r"^file://", "", str(medium)))
    if kind == "image" or path.suffix.lower() in IMAGE_SUFFIXES:
        return Image.open(path)
    return path


def _shown(
    parts: Sequence[Any], generation: Mapping[str, Any], system: str | None = None, begun: str = ""
) -> Shown:
    videos = [part for part in parts if isinstance(part, Path)]
    images = tuple(part for part in parts if isinstance(part, Image.Image))
    if len(videos) > 1 or (videos and images):
        raise UserError(
            f"{len(videos)} videos and {len(images)} images in one request; one video, or images"
        )
    before, words = [], ""
    for part in parts:
        if isinstance(part, str):
            words += part
        elif isinstance(part, Image.Image):
            before.append(words)
            words = ""
    length = next((generation[key] for key in _LENGTHS if generation.get(key)), None)
    prompt = Prompt(
        text=words,
        system=system,
        reply_start=begun,
        before=tuple(before) if any(before) else (),
        max_new_tokens=None if length is None else int(length),
    )
    return Shown(prompt, videos[0] if videos else None, images)
