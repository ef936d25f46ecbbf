"""Requests as the chat messages of OpenAI's API, and its replies as answers."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from tspo_bench.mllms.hidden_error import hidden_words
from tspo_bench.mllms.jpeg_urls import jpeg_url
from tspo_bench.reasoning import is_reasoning_mark
from tspo_bench.types import Answer, Frames, Pixels, Prompt, Request, VisualInput

TOP_LOGPROBS = 20  # the most that the API lists
_MOST_TOKENS = 10**12  # records cannot hold larger counts, and no server has them
_CUT = ("length", "max_tokens", "max_output_tokens")  # finish reasons, the first OpenAI's
_REFUSAL_REASONS = ("content_filter", "refusal", "safety")
_SHOWN = 200  # characters of a reply without a message
_FIRST = 5  # of them, in a message
_NO_THINKING = (
    ", or have the model answer without reasoning, as in "
    "extra='{chat_template_kwargs: {enable_thinking: false}}'"
)
_AROUND_TOKENS = " \n▁"
# Servers count placeholders in texts too, and reject "<image>" in a question as one more image.
_MARK = re.compile(
    r"<(?=\|[^<>|\n]{1,40}\|>|/?(?:image|img|video|vid|audio|vision)[\w-]{0,20}>)|\[(?=IMG)", re.I
)
_ZERO_WIDTH_SPACE = "\u200b"


class NonsenseError(ValueError):
    """A reply without an answer."""


def chat_messages(
    request: Request,
    *,
    to_url: Callable[[Pixels], str] = jpeg_url,
    times: bool = True,
    prefill: bool = True,
) -> list[dict[str, Any]]:
    """Return a request as messages: frames as JPEG data URLs after their times, then the prompt.

    Args:
        request: the request.
        to_url: makes a frame's data URL.
        times: whether "[12.3 s]" stands before each frame.
        prefill: whether `reply_start` is an assistant message to continue; otherwise it ends the
            prompt.
    """
    content: list[dict[str, Any]] = []
    before = request.prompt.before or ("",) * len(request.frames)
    for words, seconds, pixels in zip(
        before, request.frames.seconds, request.frames.pixels, strict=True
    ):
        stamp = f"[{seconds:.1f} s]" if times else ""
        if words or stamp:
            content.append(_text(words + stamp))
        content.append({"type": "image_url", "image_url": {"url": to_url(pixels)}})
    start = request.prompt.reply_start
    text = request.prompt.text
    content.append(_text(text if prefill or not start else f"{text}\n{start}"))
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if request.prompt.system is not None:
        messages.insert(0, {"role": "system", "content": request.prompt.system})
    if start and prefill:
        messages.append({"role": "assistant", "content": start})
    return messages


def _text(text: str) -> dict[str, str]:
    """Return a text part without special tokens and placeholders, as `PlainText` does it."""
    return {"type": "text", "text": _MARK.sub(lambda mark: mark[0] + _ZERO_WIDTH_SPACE, text)}


def frames_message(question: str, frames: Frames) -> list[dict[str, Any]]:
    """Return one user message: each frame as a JPEG data URL after its time, then the question."""
    return chat_messages(Request(frames, Prompt(question), 1.0, ""))


def read_reply(content: Any, request: Request) -> Answer:
    """Return the answer of a chat completion in parsed JSON.

    In mode "options" its text is the likeliest letter. A reply that was cut within its reasoning,
    and a refusal, have the empty text.

    Raises:
        NonsenseError: the completion is an error, has no message or an empty one, or lacks the
            log-probabilities of mode "options".
    """
    error = hidden_words(content)
    if error is not None:
        raise NonsenseError(f"the reply is an error: {error}")
    try:
        choice = content["choices"][0]
        message = choice["message"]
        text = _text_of(message.get("content"))
    except (AttributeError, TypeError, KeyError, IndexError):
        shown = json.dumps(content)[:_SHOWN]
        raise NonsenseError(f"the reply has no choices[0].message.content: {shown}") from None
    reason = str(choice.get("finish_reason")).lower()
    refusal = _refusal_of(message)
    if refusal is None and not text and reason in _REFUSAL_REASONS:
        refusal = f"finish_reason {reason}"
    if request.mode == "options":
        if refusal is not None:
            raise NonsenseError(f"the reply is a refusal: {refusal}")
        logprobs = letter_logprobs(choice, request.letters)
        likeliest = max(logprobs, key=logprobs.__getitem__)
        return Answer(likeliest, logprobs, _sent(request), _usage(content))
    truncated = reason in _CUT
    if not text and refusal is None and not truncated:
        raise NonsenseError(_why_empty(message, choice.get("finish_reason")))
    return Answer(text, None, _sent(request), _usage(content), truncated, refusal)


def _text_of(content: Any) -> str:
    """Return a message's text, stripped; parts are joined, without reasoning.

    Raises:
        TypeError: it is neither text nor parts nor null.
    """
    if content is None:
        return ""
    if isinstance(content, Mapping):
        content = [content]
    parts = [content] if isinstance(content, str) else [_text_of_part(part) for part in content]
    # JSON may hold half of a UTF-16 pair, which cannot be written to a file.
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


def _text_of_part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return ""
    text = part.get("text") if part.get("type") in ("text", "output_text", None) else None
    return text if isinstance(text, str) else ""


def _refusal_of(message: Mapping[str, Any]) -> str | None:
    """Return the words of a refusal; None for any other message."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    for each in (message, *parts):
        refusal = each.get("refusal") if isinstance(each, Mapping) else None
        if isinstance(refusal, str) and refusal.strip():
            return _text_of(refusal)
    return None


def _why_empty(message: Mapping[str, Any], reason: Any) -> str:
    said = f"the reply's text is {message.get('content')!r} (finish_reason {reason!r})"
    if message.get("tool_calls") or message.get("function_call"):
        return f"{said}: it calls a tool; serve the model without tools"
    if any(message.get(field) for field in ("reasoning_content", "reasoning")):
        return (
            f"{said}: all of it is reasoning; serve the model without a reasoning parser, or with "
            "that of its kind"
        )
    return said


def letter_logprobs(choice: Mapping[str, Any], letters: str) -> dict[str, float]:
    """Return the log-probabilities of the letters as the reply's first token.

    The tokens of a letter ("A" and " A") count together. A letter that is not among the likeliest
    TOP_LOGPROBS tokens is left out.

    Raises:
        NonsenseError: the server gives no log-probabilities, or none of a letter.
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
        thinks = any(is_reasoning_mark(token.strip()) for token, _ in tokens[:_FIRST])
        first = ", ".join(repr(token) for token, _ in tokens[:_FIRST])
        raise NonsenseError(
            f"none of {letters} is among the reply's {len(tokens)} likeliest first tokens "
            f"({first}, ...); use --answer generate{_NO_THINKING if thinks else ''}"
        )
    return {letter: _log_sum(found[letter]) for letter in letters if letter in found}


def _log_sum(logprobs: list[float]) -> float:
    largest = max(logprobs)
    return largest + math.log(sum(math.exp(each - largest) for each in logprobs))


def _sent(request: Request) -> VisualInput | None:
    """Return the frames as they were sent; the server's own processing is unknown."""
    frames = request.frames
    return VisualInput(len(frames), *frames.pixels.shape[1:3]) if len(frames) else None


def _usage(content: Mapping[str, Any]) -> dict[str, int]:
    usage = content.get("usage")
    if not isinstance(usage, Mapping):
        return {}
    counts = {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")}
    details = usage.get("completion_tokens_details")
    if isinstance(details, Mapping):  # they are among the completion's tokens
        counts["thinking_tokens"] = details.get("reasoning_tokens")
    return {
        name: count
        for name, count in counts.items()
        if type(count) is int and 0 <= count <= _MOST_TOKENS
    }
