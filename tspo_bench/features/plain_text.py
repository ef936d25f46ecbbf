"""Words of questions that read like special tokens, kept as words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# Between the first character of a mark and the rest: nothing on the page, and no token of its own.
_ZERO_WIDTH_SPACE = "\u200b"
# What processors of transformers write for a placeholder while they count placeholders.
_IN_PROCESSORS = ("<placeholder>", "<|placeholder|>")


class PlainText:
    """Texts in which nothing is a special token or a frame's placeholder.

    Tokenizers and processors look for their marks in the whole text: "<image>" in a question would
    be taken for one more image, "<|im_end|>" for the end of the user's turn. A mark in a text gets
    a zero-width space after its first character.

    Args:
        tokenizer: whose special tokens are marks.
        processor: whose placeholders are marks, if there is one.
        more: further marks.
    """

    def __init__(
        self, tokenizer: Any, processor: Any = None, more: Iterable[str | None] = ()
    ) -> None:
        added = tokenizer.added_tokens_decoder.values()
        marks = {token.content for token in added if token.special}
        marks |= {str(token) for token in tokenizer.all_special_tokens}
        named = vars(processor) if processor is not None else {}
        marks |= {str(token) for name, token in named.items() if name.endswith("_token") and token}
        marks |= {mark for mark in (*more, *_IN_PROCESSORS) if mark}
        # The longest first, for some begin like others; words and single signs are left alone.
        marks = {mark for mark in marks if len(mark) > 1 and not mark.isalnum()}
        found = sorted(marks, key=len, reverse=True)
        self._marks = re.compile("|".join(map(re.escape, found))) if found else None

    def __call__(self, text: str) -> str:
        """The text as it reads, without marks."""
        while self._marks is not None and self._marks.search(text):  # one may hold another
            text = self._marks.sub(lambda mark: mark[0][0] + _ZERO_WIDTH_SPACE + mark[0][1:], text)
        return text
