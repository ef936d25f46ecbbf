"""Requests as the chat messages of OpenAI's API, and its replies as answers."""

from __future__ import annotations

import base64
import io
import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from PIL import Image

from tspo_bench.types import Answer, Pixels, Request, Seen

TOP_LOGPROBS = 20  # the most that the API lists
_AROUND_TOKENS = " \n▁"


class NonsenseError(ValueError):
    """A reply in which there is no answer."""


def chat_messages(
    request: Request, *, quality: int = 90, times: bool = True, prefill: bool = True
) -> list[dict[str, Any]]:
    """A request as messages: frames as JPEG data URLs, each after its time, then the prompt.

    Args:
        request: what to ask.
        quality: of the JPEGs, as Pillow counts it.
        times: whether "[12.3 s]" stands before each frame.
        prefill: whether `reply_start` is the assistant's, to be continued; if not, it ends the
            prompt.
    """
    content: list[dict[str, Any]] = []
    before = request.before or ("",) * len(request.frames)
    for words, seconds, pixels in zip(
        before, request.frames.seconds, request.frames.pixels, strict=True
    ):
        stamp = f"[{seconds:.1f} s]" if times else ""
        if words or stamp:
            content.append(_text(words + stamp))
        content.append({"type": "image_url", "image_url": {"url": jpeg_url(pixels, quality)}})
    start = request.reply_start
    content.append(_text(request.prompt if prefill or not start else f"{request.prompt}\n{start}"))
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if request.system is not None:
        messages.insert(0, {"role": "system", "content": request.system})
    if start and prefill:
        messages.append({"role": "assistant", "content": start})
    return messages


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def jpeg_url(pixels: Pixels, quality: int) -> str:
    """One frame [h, w, 3] as a data URL."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def read_reply(content: Any, request: Request) -> Answer:
    """The answer in a chat completion, as it was read from JSON.

    Where log-probabilities are asked for, its text is the likeliest letter.

    Raises:
        NonsenseError: it has no message, an empty one, or no log-probabilities where they are asked
            for.
    """
    try:
        choice = content["choices"][0]
        text = choice["message"]["content"]
    except (TypeError, KeyError, IndexError):
        raise NonsenseError("the reply has no choices[0].message.content") from None
    logprobs = None
    if request.mode == "options":
        logprobs = letter_logprobs(choice, request.letters)
        text = max(logprobs, key=logprobs.__getitem__)
    elif not isinstance(text, str) or not text.strip():
        raise NonsenseError(
            f"the reply's text is {text!r} (finish_reason {choice.get('finish_reason')!r})"
        )
    return Answer(text.strip(), logprobs, _seen(request), _usage(content))


def letter_logprobs(choice: Mapping[str, Any], letters: str) -> dict[str, float]:
    """Log-probabilities of the letters as the reply's first token.

    The tokens of a letter ("A" and " A") count together. A letter that is not among the likeliest
    TOP_LOGPROBS tokens is left out: all that is known is that it is less likely than these.

    Raises:
        NonsenseError: the server tells none, or none of a letter.
    """
    try:
        listed = choice["logprobs"]["content"][0]["top_logprobs"]
        tokens = [(str(each["token"]), float(each["logprob"])) for each in listed]
    except (TypeError, KeyError, IndexError, ValueError):
        raise NonsenseError(
            "the server gives no log-probabilities; use --answer generate"
        ) from None
    found: dict[str, list[float]] = defaultdict(list)
    for token, logprob in tokens:
        if math.isfinite(logprob):
            found[token.strip(_AROUND_TOKENS)].append(logprob)
    if not any(letter in found for letter in letters):
        raise NonsenseError(
            f"none of {letters} is among the reply's {len(tokens)} likeliest first tokens "
            f"({', '.join(repr(token) for token, _ in tokens[:5])}, ...); use --answer generate"
        )
    return {letter: _log_sum(found[letter]) for letter in letters if letter in found}


def _log_sum(logprobs: list[float]) -> float:
    largest = max(logprobs)
    return largest + math.log(sum(math.exp(each - largest) for each in logprobs))


def _seen(request: Request) -> Seen | None:
    """The frames as they were sent; what the server makes of them it does not tell."""
    frames = request.frames
    return Seen(len(frames), *frames.pixels.shape[1:3]) if len(frames) else None


def _usage(content: Mapping[str, Any]) -> dict[str, int]:
    usage = content.get("usage")
    if not isinstance(usage, Mapping):
        return {}
    counts = {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")}
    return {name: count for name, count in counts.items() if type(count) is int}
