"""Reasoning ("thoughts") in the words of a model: where it begins, ends, and what is left without.

Models mark it in many ways; these are those of the chat templates and papers that were known in
2026: DeepSeek-R1, Qwen3, GLM and most others (`<think>`), Magistral (`[THINK]`), Seed
(`<seed:think>`), Kimi (`◁think▷`), OpenThinker (`<|begin_of_thought|>`), Command A
(`<|START_THINKING|>`), Gemma 4 (`<|channel>thought`), gpt-oss (channels), LLaVA-CoT (stages).
"""

from __future__ import annotations

import re

_NAME = (
    r"(?!no[_-])(?:[a-z]+[:_-])?(?:think(?:ing)?|thoughts?|reason(?:ing)?|rationale|analysis|"
    r"reflection|scratch[_-]?pad|cot)(?:[_-](?:process|steps?|block|\d+))?"
)
_SQUARE = r"(?:think(?:ing)?|thoughts?|reasoning)"
# Of LLaVA-CoT's four stages three are no answer; in other letters these words are.
_STAGE = r"(?-i:SUMMARY|CAPTION)"
_BEGIN = (
    rf"<(?P<b1>{_NAME}|{_STAGE})(?:\s[^<>]*)?(?<!/)>|\[(?P<b2>{_SQUARE})\]|◁(?P<b3>{_NAME})▷|"
    rf"<\|(?:begin_of_|begin_|start_of_|start_)?(?P<b4>{_NAME})\|>|<\|channel>(?P<b5>thought)\b"
)
_END = (
    rf"<\s?/\s?(?P<e1>{_NAME}|{_STAGE})\s?>|\[/(?P<e2>{_SQUARE})\]|◁/(?P<e3>{_NAME})▷|"
    rf"<\|(?:/|end_of_|end_)(?P<e4>{_NAME})\|>|<(?P<e5>channel)\|>"
)
_MARK = re.compile(f"(?P<end>{_END})|{_BEGIN}", re.IGNORECASE)
_BEGUN = re.compile(rf"(?:{_BEGIN}|<\|channel\|>(?:analysis|commentary)<\|message\|>)\s*\Z", re.I)
_CORE = re.compile("think|thought|reason|rationale|analysis|reflection|scratch|cot")

# gpt-oss writes <|channel|>analysis<|message|>..., and at last <|channel|>final<|message|>...; a
# tokenizer that drops special tokens leaves "analysis...assistantfinal...".
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_CHANNEL = re.compile(r"<\|channel\|>|\A\s*(?:analysis|commentary)\s*<\|message\|>")
_CHANNEL_TOKENS = ("<|channel|>", "<|message|>", "<|channel>")
_BARE_FINAL = re.compile(r"assistant\s?final(?:<\|message\|>)?")
_BARE_CHANNEL = re.compile(r"\A\s*analysis(?=[A-Z\"'(\d])")


def without_reasoning(reply: str) -> str | None:
    """Return a reply without its reasoning; None if it ends inside the reasoning.

    An end without a beginning, which then stood in the prompt, has reasoning alone before it.
    """
    channels = _final_channel(reply)
    return None if channels is None else _outside_marks(channels)


def begun_reasoning(prompt: str) -> str:
    """The mark with which a prompt ends that has the model begin by reasoning; "" without one."""
    found = _BEGUN.search(prompt)
    return found[0].strip() if found else ""


def is_reasoning_mark(token: str) -> bool:
    """Whether a token of a model's vocabulary is a mark that `without_reasoning` needs."""
    return token in _CHANNEL_TOKENS or _MARK.fullmatch(token) is not None


def _final_channel(reply: str) -> str | None:
    """The last final channel of a reply that has channels; any other as it is."""
    for channel, final in ((_CHANNEL, _FINAL), (_BARE_CHANNEL, _BARE_FINAL)):
        if channel.search(reply):
            ends = [found.end() for found in final.finditer(reply)]
            return reply[ends[-1] :] if ends else None
    return reply


def _outside_marks(reply: str) -> str | None:
    kept, place, inside = "", 0, ""
    for mark in _MARK.finditer(reply):
        family = _family(mark)
        if mark["end"] is None and not inside:
            kept, inside = kept + reply[place : mark.start()] + " ", family
        elif mark["end"] is not None and not inside:
            kept, place = "", mark.end()
        elif mark["end"] is not None and family == inside:
            place, inside = mark.end(), ""
    return None if inside else kept + reply[place:]


def _family(mark: re.Match[str]) -> str:
    """What the end of a thought has in common with its beginning: </thinking> may end <think>."""
    name = next(name for key, name in mark.groupdict().items() if key != "end" and name).lower()
    core = _CORE.search(name)
    return "thought" if name == "channel" else core[0] if core else name
