"""The word-level tokenizer that the reference encoder and MLLM share."""

from __future__ import annotations

import re

from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tspo_bench.haystack.scenes import COLOURS, TEXTURES
from tspo_bench.haystack.script import COUNTS
from tspo_bench.haystack.world import CATEGORIES, PICTOGRAMS
from tspo_bench.tasks import INSTRUCTION
from tspo_bench.types import OPTION_LETTERS

_LETTERS = OPTION_LETTERS[:10]  # the released weights know no others

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>", "<image>", "<video>")
# What a chat turn looks like; the frames come first, as in LLaVA's own prompts.
ROLES = ("User", "Assistant", ":")
_QUESTION_WORDS = """
Which is shown together with the ? appears right after before near beginning end of video first in
In how many scenes does appear a , .
"""


def vocabulary() -> list[str]:
    """Every word of the world, once, in a fixed order."""
    words = [*SPECIAL, *ROLES, *_QUESTION_WORDS.split(), *re.findall(r"\w+|[^\w\s]", INSTRUCTION)]
    words += [*_LETTERS, *map(str, COUNTS), *COLOURS, *TEXTURES]
    return list(dict.fromkeys([*words, *CATEGORIES, *PICTOGRAMS]))


def make_tokenizer(*, sentence_marks: bool) -> PreTrainedTokenizerFast:
    """Words and punctuation marks, case kept; other words are `<unk>`.

    Args:
        sentence_marks: put `<s>` and `</s>` around a text, as CLIP's text tower needs.
    """
    ids = {word: number for number, word in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if sentence_marks:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", ids["<s>"]), ("</s>", ids["</s>"])]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<image>", "<video>"],
        model_max_length=32 if sentence_marks else 4096,
        clean_up_tokenization_spaces=False,
    )
