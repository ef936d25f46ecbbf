"""Requests as text, by a checkpoint's chat template."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import jinja2

from tspo_bench.errors import UserError
from tspo_bench.features.checkpoint import load_errors
from tspo_bench.features.plain_text import PlainText
from tspo_bench.mllms.checkpoint_checks import KIND
from tspo_bench.reasoning import begun_reasoning
from tspo_bench.types import AnswerMode, Request

Medium = Literal["video", "image"]
Part = dict[str, str]
_WORD = "Reply"


@dataclass(frozen=True)
class Written:
    """A request's text with placeholders for frames; `gap` precedes the reply's first word."""

    text: str
    gap: str


class Conversation:
    """Writes requests as text.

    Args:
        checkpoint: its name, for messages.
        processor: the checkpoint's.
        enable_thinking: the switch of that name in the chat template; None for its default.

    Attributes:
        begun: the mark with which the template begins a reply's reasoning; "" if it does not.

    Raises:
        UserError: the chat template is missing, takes neither videos nor images, or has no switch
            `enable_thinking` although it is set.
    """

    def __init__(
        self, checkpoint: str, processor: Any, enable_thinking: bool | None = None
    ) -> None:
        self._checkpoint = checkpoint
        self._processor = processor
        self._switches = {} if enable_thinking is None else {"enable_thinking": enable_thinking}
        with load_errors(KIND, checkpoint):  # there may be no chat template
            text = self._render([_user([_text(_WORD)])])
        if enable_thinking is not None and not self._has_switch():
            raise UserError(
                f"model {checkpoint!r}: its chat template has no enable_thinking; leave it out"
            )
        self.begun = begun_reasoning(text)
        self.medium = self._medium()
        self._image = self._placeholder("image")
        placeholders = self._image, self._placeholder("video")
        self._plain = PlainText(processor.tokenizer, processor, placeholders)

    def medium_of(self, request: Request) -> Medium | None:
        """Return how a request's frames are passed: as a video, unless words stand between them."""
        if not len(request.frames):
            return None
        return "image" if request.prompt.before else self.medium

    def check_asking(self, mode: AnswerMode, reply_start: str) -> None:
        """Check that the template does not begin reasoning in place of the answer.

        Raises:
            UserError: it does, and the mode or `reply_start` needs the answer there.
        """
        if not self.begun or (mode == "generate" and not reply_start):
            return
        needed, ways_out = f"the protocol's words {reply_start!r}", ["use another protocol"]
        if mode == "options":
            needed, ways_out = "the option's letter", ["use --answer generate"]
        if self._has_switch() and not Conversation(self._checkpoint, self._processor, False).begun:
            ways_out.insert(0, "set [enable_thinking=false]")
        raise UserError(
            f"model {self._checkpoint!r}: its chat template begins the reply with reasoning "
            f"({self.begun}), where {needed} should stand; {', or '.join(ways_out)}"
        )

    def write(self, request: Request) -> Written:
        """Return the text up to the model's reply, with no special tokens from the user's words.

        Raises:
            UserError: the template drops the system message, takes no images, or begins reasoning
                in place of the answer.
        """
        self.check_asking(request.mode, request.prompt.reply_start)
        messages = [_user(self._content(request))]
        if request.prompt.system is not None:
            messages = [{"role": "system", "content": [_text(request.prompt.system)]}, *messages]
        text = self._render(messages)
        if request.prompt.system is not None and request.prompt.system.strip() not in text:
            raise UserError(
                f"model {self._checkpoint!r}: its chat template drops the system message; use "
                "another protocol, or a model with system messages"
            )
        gap = self._gap(messages, text)
        if request.prompt.reply_start:
            return Written(text + gap + request.prompt.reply_start, "")
        return Written(text, gap)

    def _content(self, request: Request) -> list[Part]:
        medium = self.medium_of(request)
        if medium is None:
            return [_text(self._plain(request.prompt.text))]
        if medium == "video":
            return [{"type": "video"}, _text(self._plain(request.prompt.text))]
        if self._image is None:
            raise UserError(
                f"model {self._checkpoint!r} takes no images, so no words between frames; use a "
                "protocol whose words follow the frames"
            )
        parts: list[Part] = []
        for words in request.prompt.before or ("",) * len(request.frames):
            parts += [*([_text(self._plain(words))] if words else []), {"type": "image"}]
        parts.append(_text(self._plain(request.prompt.text)))
        if not request.prompt.before or self._keeps_order():
            return parts
        # LLaVA's templates put all images first; placeholders within the text stay in place.
        return [_text("".join(part.get("text", self._image) for part in parts))]

    def _render(self, messages: list[dict[str, Any]], reply: bool = False) -> str:
        text: str = self._processor.apply_chat_template(
            messages, add_generation_prompt=not reply, **self._switches
        )
        return text

    def _has_switch(self) -> bool:
        """Whether the template knows `enable_thinking`."""
        template = getattr(self._processor, "chat_template", None) or getattr(
            getattr(self._processor, "tokenizer", None), "chat_template", None
        )
        return "enable_thinking" in str(template)

    def _gap(self, messages: list[dict[str, Any]], text: str) -> str:
        """Return the space, if any, that the template writes before an assistant's words."""
        replied = [*messages, {"role": "assistant", "content": [_text(_WORD)]}]
        try:
            whole = self._render(replied, reply=True)
        except jinja2.TemplateError:
            return ""
        between, found, _ = whole.removeprefix(text).partition(_WORD)
        return between if whole.startswith(text) and found and between.isspace() else ""

    def _medium(self) -> Medium:
        """Return "video" if the chat template takes videos, else "image"."""
        if self._placeholder("video"):
            return "video"
        if self._placeholder("image"):
            return "image"
        raise UserError(
            f"model {self._checkpoint!r}: the chat template of its "
            f"{type(self._processor).__name__} takes neither videos nor images; give a checkpoint "
            "with its full processor"
        )

    def _placeholder(self, medium: Medium) -> str | None:
        """Return what the template writes for a video or an image; None if it takes none."""
        if getattr(self._processor, f"{medium}_processor", None) is None:
            return None
        try:
            with_it = self._render([_user([{"type": medium}, _text(_WORD)])])
        except jinja2.TemplateError:  # templates may raise on unknown parts
            return None
        without = self._render([_user([_text(_WORD)])])
        head, plain = with_it.partition(_WORD)[0], without.partition(_WORD)[0]
        same = _common(head, plain)
        return head[same:].removesuffix(plain[same:]) or None

    def _keeps_order(self) -> bool:
        """Whether the template keeps the place of an image between words."""
        first, second = _text("1st"), _text("2nd")
        rendered = [
            self._render([_user(content)])
            for content in ([first, {"type": "image"}, second], [first, second])
        ]
        between = [text.partition("1st")[2].partition("2nd")[0] for text in rendered]
        return between[0] != between[1]


def with_text(request: Request, text: str) -> Request:
    """Return the request with another text in its prompt."""
    return dataclasses.replace(request, prompt=dataclasses.replace(request.prompt, text=text))


def with_times(request: Request) -> str:
    """Return a request's prompt after a sentence with its frames' seconds.

    It is LLaVA-Video's time instruction without the claim that frames are "uniformly sampled".
    """
    frames, text = request.frames, request.prompt.text
    if not len(frames):
        return text
    length = ""
    if request.num_frames is not None:
        length = f"The video lasts for {request.num_frames / request.frame_rate:.2f} seconds. "
    seconds = ",".join(f"{second:.2f}s" for second in frames.seconds)
    return f"{length}The frames shown, in order of time, are located at {seconds}.\n{text}"


def _common(one: str, other: str) -> int:
    """Return the length of the common prefix."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _user(content: list[Part]) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _text(text: str) -> Part:
    return {"type": "text", "text": text}
