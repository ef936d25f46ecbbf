"""A request in the words of a checkpoint's own chat template."""

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
    """A request's text, its frames' places in it; `gap` comes before the reply's first word."""

    text: str
    gap: str


class Conversation:
    """Writes requests down.

    Args:
        checkpoint: its name, for messages.
        processor: the checkpoint's own.
        enable_thinking: the switch of that name of chat templates that have one; None for their
            default.

    Attributes:
        begun: the mark with which the template begins a reply's reasoning; "" if it does not.

    Raises:
        UserError: there is no chat template, it takes neither videos nor images, or it has no
            switch `enable_thinking` where one is set.
    """

    def __init__(
        self, checkpoint: str, processor: Any, enable_thinking: bool | None = None
    ) -> None:
        self._checkpoint = checkpoint
        self._processor = processor
        self._switches = {} if enable_thinking is None else {"enable_thinking": enable_thinking}
        with load_errors(KIND, checkpoint):  # no chat template at all
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
        """How a request's frames go in: as a video, unless words stand between them."""
        if not len(request.frames):
            return None
        return "image" if request.prompt.before else self.medium

    def check_asking(self, mode: AnswerMode, reply_start: str) -> None:
        """Reject a way to ask that needs the reply to begin where the template begins reasoning.

        Raises:
            UserError: it is that way.
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
        """The whole text up to where the reply goes on.

        Of the user's words none is taken for a special token (`PlainText`).

        Raises:
            UserError: the template drops the system message, takes no images, or begins reasoning
                where something else must stand.
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
        # LLaVA's templates put all images first; written as words they stay where they are.
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
        """The space, if any, that the template writes before an assistant's words."""
        replied = [*messages, {"role": "assistant", "content": [_text(_WORD)]}]
        try:
            whole = self._render(replied, reply=True)
        except jinja2.TemplateError:
            return ""
        between, found, _ = whole.removeprefix(text).partition(_WORD)
        return between if whole.startswith(text) and found and between.isspace() else ""

    def _medium(self) -> Medium:
        """What the chat template writes down: a video, else images."""
        media: tuple[Medium, ...] = ("video", "image")
        for medium in media:
            if self._placeholder(medium):
                return medium
        raise UserError(
            f"model {self._checkpoint!r}: the chat template of its "
            f"{type(self._processor).__name__} takes neither videos nor images; give a checkpoint "
            "with its full processor"
        )

    def _placeholder(self, medium: Medium) -> str | None:
        """What the template writes in a video's or an image's place; None if it takes none."""
        if getattr(self._processor, f"{medium}_processor", None) is None:
            return None
        try:
            with_it = self._render([_user([{"type": medium}, _text(_WORD)])])
        except jinja2.TemplateError:  # templates may refuse what they do not know
            return None
        without = self._render([_user([_text(_WORD)])])
        head, plain = with_it.partition(_WORD)[0], without.partition(_WORD)[0]
        same = _common(head, plain)
        return head[same:].removesuffix(plain[same:]) or None

    def _keeps_order(self) -> bool:
        """Whether the template leaves an image where it stands between words."""
        first, second = _text("1st"), _text("2nd")
        rendered = [
            self._render([_user(content)])
            for content in ([first, {"type": "image"}, second], [first, second])
        ]
        between = [text.partition("1st")[2].partition("2nd")[0] for text in rendered]
        return between[0] != between[1]


def with_text(request: Request, text: str) -> Request:
    """The request with another text in its prompt."""
    return dataclasses.replace(request, prompt=dataclasses.replace(request.prompt, text=text))


def with_times(request: Request) -> str:
    """A request's prompt after a sentence that tells its frames' seconds.

    The form is LLaVA-Video's time instruction, which calls the frames "uniformly sampled": chosen
    ones are not.
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
    """How many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _user(content: list[Part]) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _text(text: str) -> Part:
    return {"type": "text", "text": text}
