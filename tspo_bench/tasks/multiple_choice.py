"""Prompts, queries and answer extraction, which all multiple-choice tasks share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tspo_bench.tasks.base import Task
from tspo_bench.tasks.protocols import DEFAULT, EvaluationProtocol, Reading
from tspo_bench.tasks.subtitles import (
    Subtitle,
    aligned,
    aligned_by_frame,
    interleaved,
    on_screen,
    within,
)
from tspo_bench.types import Prompt, Question

_OPTIONS_BEGIN = re.compile(r"\n\s*(?:Options\b|\(A\)|A[.):])")
_LABEL = re.compile(r"\AQuestion\s*:\s*(?=\S)", re.IGNORECASE)


class MultipleChoice(Task):
    """A task whose prompt and answer extraction are those of its protocol, `rules`."""

    rules: EvaluationProtocol = DEFAULT

    def prompt(
        self, question: Question, seconds: Sequence[float] = (), frame_rate: float = 1.0
    ) -> Prompt:
        """Return the prompt.

        Args:
            question: the question.
            seconds: [n] the times of the selected frames, rising.
            frame_rate: the video's.

        Raises:
            UserError: the question's subtitles cannot be read.
        """
        if self.rules.subtitles == "none":
            return self.rules.prompt_for(question)
        found = self.subtitles_of(question)
        if found is None:
            return replace(self.rules.prompt_for(question), notes={"subtitles": "missing"})
        if self.rules.subtitles == "full":
            shown = within(found, question.duration_seconds)
        elif self.rules.alignment == "frames":
            shown = aligned_by_frame(found, seconds, frame_rate)
        elif self.rules.alignment == "shown":
            shown = on_screen(found, seconds)
        else:
            shown = aligned(found, seconds)
        if not self.rules.interleaved:
            return self.rules.prompt_for(
                question, self.rules.subtitle_separator.join(one.text for one in shown)
            )
        before, rest = interleaved(found, seconds, shown)
        return self.rules.prompt_for(question, rest, before)

    def subtitles_of(self, question: Question) -> Sequence[Subtitle] | None:
        """Return the subtitles of a question's video; None without any."""
        return None

    def query_text(self, question: Question) -> str:
        """Return the question as TSPO's samplers see it: cut where instructions or options begin.

        The released code cuts at the first line "A..." or "(A)", in evaluation at "Options", where
        it also removes the label "Question: " (one of MLVU's annotations has it).
        """
        text = _OPTIONS_BEGIN.split(without_image_tag(question.text), maxsplit=1)[0].strip()
        return _LABEL.sub("", text)

    def read_answer(self, reply: str, question: Question) -> Reading:
        """Extract the answer by the protocol."""
        return self.rules.read(reply, question)


def without_image_tag(text: str) -> str:
    """Remove the tag with which some annotations mark the video."""
    return text.replace("<image>", "").strip()
