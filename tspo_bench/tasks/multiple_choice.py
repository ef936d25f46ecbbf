"""How a multiple-choice task asks and reads: what every task here shares."""

from __future__ import annotations

import re

from tspo_bench.tasks.reading import read_answer
from tspo_bench.types import Question

# The prompt that TSPO trains and evaluates with (arXiv 2508.04369, released code).
INSTRUCTION = "Please answer with the option's letter from the given choices directly."

_OPTIONS_BEGIN = re.compile(r"\n\s*(?:Options\b|\(A\)|A[.):])")


class MultipleChoice:
    """The protocol "strict": one prompt for all tasks, and a reader that never guesses.

    A protocol is prompt, reader and aggregation together; another one (a benchmark's official one,
    say) overrides these methods and names itself in `protocol`.
    """

    protocol: str = "strict"
    instruction: str = INSTRUCTION

    def prompt(self, question: Question) -> str:
        """The question, its options one a line ("A. text"), and the instruction."""
        options = [
            f"{letter}. {text}"
            for letter, text in zip(question.letters, question.options, strict=True)
        ]
        return "\n".join([_without_image_tag(question.text), *options, self.instruction])

    def query_text(self, question: Question) -> str:
        """The question alone, as TSPO's samplers see it: cut where instructions or options begin.

        The published cut is at the first line "A..." or "(A)", in evaluation at "Options".
        """
        return _OPTIONS_BEGIN.split(_without_image_tag(question.text), maxsplit=1)[0].strip()

    def read_answer(self, reply: str, question: Question) -> str | None:
        """The letter of the option that the reply states, or None."""
        return read_answer(reply, question.options)


def _without_image_tag(text: str) -> str:
    return text.replace("<image>", "").strip()
