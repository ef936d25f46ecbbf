"""What makes a benchmark's number: how a model is asked, read and averaged.

A card declares its protocols; `strict` is every task's default. All that decides a figure stands in
the declaration, whose hash stands in every record.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tspo_bench.errors import UserError
from tspo_bench.registry import import_object
from tspo_bench.tasks.reading import VERSION, read_answer
from tspo_bench.tasks.values import is_missing
from tspo_bench.types import Prompt, Question, SubtitleMode

STRICT = "strict"
# What some annotations have where the video goes; within a question it is the question's own word.
_VIDEO_TAG = re.compile(r"\A(\s*<image>)+|(\n\s*<image>\s*)+\Z")
# The prompt that TSPO trains and evaluates with (arXiv 2508.04369, released code).
INSTRUCTION = "Please answer with the option's letter from the given choices directly."


@dataclass(frozen=True)
class Reading:
    """What a protocol reads in a reply: a letter, or None; `guessed` if it drew one instead."""

    letter: str | None
    guessed: bool = False


Reader = Callable[[str, Question], Reading]

_STRICT_READER = f"{__name__}:strict_reading"
_WORDS = {
    "alignment": ("seconds", "frames"),
    "average": ("micro", "macro"),
    "unparsed": ("wrong", "dropped"),
}


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """A named, versioned way to ask, read and average.

    Attributes:
        name: "strict", "official", "lmms-eval", or one's own.
        version: changes whenever a figure may.
        source: whose it is and where it was read; decides nothing.
        prompt: a template of `{text}` (the question without its options and the blanks around it),
            `{options}` (one a line), `{subtitles}`, and `{record[field]}`, an annotation's field as
            it stands (a list: one item a line). For protocols that keep blanks where we do not, or
            the other way about: `{raw_text}` and `{trimmed_options}`.
        option: the template of a line of `{options}`: `{letter}`, `{text}`.
        system: the system message; None for the model's own.
        reply_start: words put into the model's mouth.
        max_new_tokens: the longest reply; None for the model's own.
        with_subtitles: the template in place of `prompt` where subtitles are shown; None: this
            protocol has no subtitles.
        no_subtitles: what `{subtitles}` is for a video that has none; None: such a video, and
            frames that go without any, are asked about by `prompt`.
        interleaved: subtitles stand between the frames; `{subtitles}` are those after the last.
        alignment: which subtitles go with the chosen frames: by "seconds", LongVideoBench's rule,
            or by "frames", that of lmms-eval's Video-MME (`tasks.subtitles`).
        subtitles: which of them are shown; a run's setting, no card's.
        reader: "package.module:function" that reads a reply: `(reply, question) -> Reading`.
        average: "micro", over questions, or "macro", the mean over the values of the group `over`.
        over: that group.
        values: its values, where a missing one counts as 0; () for those that occur.
        unparsed: "wrong", or "dropped" from the denominator.
        faults: what is known to be wrong with it: kept, since others' figures have it too.
    """

    name: str
    version: str
    prompt: str
    source: str = ""
    option: str = "{letter}. {text}"
    system: str | None = None
    reply_start: str = ""
    max_new_tokens: int | None = None
    with_subtitles: str | None = None
    no_subtitles: str | None = None
    interleaved: bool = False
    alignment: Literal["seconds", "frames"] = "seconds"
    subtitles: SubtitleMode = "none"
    reader: str = _STRICT_READER
    average: Literal["micro", "macro"] = "micro"
    over: str | None = None
    values: Sequence[str] = ()
    unparsed: Literal["wrong", "dropped"] = "wrong"
    faults: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, known in _WORDS.items():
            if getattr(self, name) not in known:
                raise UserError(
                    f"protocol {self.name!r}: {name} {getattr(self, name)!r}; use "
                    f"{' or '.join(known)}"
                )
        if (self.average == "macro") != (self.over is not None):
            raise UserError(
                f"protocol {self.name!r}: average {self.average!r} over {self.over!r}; use micro "
                "without `over`, or macro with it"
            )
        for template in filter(None, (self.prompt, self.with_subtitles)):
            _check_template(self.name, template)

    @property
    def digest(self) -> str:
        """A hash of all that decides a figure."""
        decides = dataclasses.asdict(self)
        del decides["source"], decides["faults"]
        if self.reader == _STRICT_READER:  # ours changes; the others are others' and stay
            decides["reading"] = VERSION
        content = json.dumps(decides, sort_keys=True, default=list)
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def title(self) -> str:
        """Name and version, and the subtitles shown, if any: "strict@1", "strict@1+aligned"."""
        shown = "" if self.subtitles == "none" else f"+{self.subtitles}"
        return f"{self.name}@{self.version}{shown}"

    @property
    def label(self) -> str:
        """Title and hash, as records have them: "strict@1#0123456789ab"."""
        return f"{self.title}#{self.digest}"

    def prompt_for(
        self, question: Question, subtitles: str | None = None, before: tuple[str, ...] = ()
    ) -> Prompt:
        """A question by the template, with system message and the reply's beginning.

        Args:
            question: is asked.
            subtitles: the text that is shown before it; None where the video has no subtitles.
            before: [n] the words before each frame, where they are interleaved.

        Raises:
            UserError: the template quotes a field that the question's annotation lacks.
        """
        options = "\n".join(
            self.option.format(letter=letter, text=text)
            for letter, text in zip(question.letters, question.options, strict=True)
        )
        shown = self.no_subtitles if subtitles is None else subtitles
        nothing = self.no_subtitles is None and not (shown or before)
        template = self.prompt if self.subtitles == "none" or nothing else self.with_subtitles
        fields = {
            "text": _VIDEO_TAG.sub("", question.text).strip(),
            "raw_text": question.text,
            "options": options,
            "trimmed_options": options.rstrip(),
            "subtitles": shown,
            "record": _Quoted(question.record),
        }
        try:
            text = (template or self.prompt).format(**fields)
        except KeyError as error:
            raise UserError(
                f"protocol {self.name!r} quotes the field {error}, which question "
                f"{question.id!r} lacks; use another protocol"
            ) from error
        return Prompt(text, self.system, self.reply_start, before, self.max_new_tokens)

    def read(self, reply: str, question: Question) -> Reading:
        """What this protocol reads in a reply.

        Raises:
            UserError: its reader cannot be imported.
        """
        reader: Reader = import_object(f"protocol {self.name!r}: reader", self.reader)
        return reader(reply, question)


_TEMPLATE_FIELDS = ("text", "raw_text", "options", "trimmed_options", "subtitles", "record")


def _check_template(protocol: str, template: str) -> None:
    """Raise UserError unless the template can be filled in, but for fields of annotations."""
    try:
        named = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise UserError(f"protocol {protocol!r}: template {template!r}: {error}") from error
    for name in named:
        if name.partition("[")[0] not in _TEMPLATE_FIELDS:
            known = ", ".join(f"{{{field}}}" for field in _TEMPLATE_FIELDS)
            raise UserError(f"protocol {protocol!r}: no field {{{name}}} in templates; use {known}")


class _Quoted(dict[str, Any]):
    """An annotation's fields for a template: a list one item a line."""

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if isinstance(value, list | tuple):
            return "\n".join(str(one) for one in value if not is_missing(one))
        return value


def strict_reading(reply: str, question: Question) -> Reading:
    """The option that the reply states; never a guess. See `tasks.reading`."""
    return Reading(read_answer(reply, question.options))


_ASKED = f"{{text}}\n{{options}}\n{INSTRUCTION}"
_SUBTITLES = "This video's subtitles are listed below:\n{subtitles}\n"
DEFAULT = EvaluationProtocol(
    name=STRICT,
    version=str(VERSION),
    source="tspo-bench; the prompt is TSPO's (arXiv 2508.04369, released code)",
    prompt=_ASKED,
    with_subtitles=_SUBTITLES + _ASKED,
)


def chosen_protocol(
    task: str,
    declared: Mapping[str, Mapping[str, Any]],
    asked: str | None,
    subtitles: SubtitleMode = "none",
) -> EvaluationProtocol:
    """The protocol that was asked for, out of those that a task declares and `strict`.

    Args:
        task: its name, for messages.
        declared: the fields of each of its protocols; one with `absent` in place of fields says why
            there is none of that name. Fields of "strict" change the default one.
        asked: a name, also with a version ("lmms-eval@0.7.3"); None for "strict".
        subtitles: which of them are shown.

    Raises:
        UserError: there is no such protocol or version, its fields cannot be used, or it has no
            subtitles.
    """
    name, _, version = (STRICT if asked is None else asked).partition("@")
    usable = {key: fields for key, fields in declared.items() if "absent" not in fields}
    known = ", ".join(dict.fromkeys([STRICT, *usable]))
    if name in declared and name not in usable:
        why = declared[name]["absent"]
        raise UserError(f"task {task!r} has no protocol {name!r}: {why}; it has: {known}")
    if name != STRICT and name not in usable:
        raise UserError(f"task {task!r} has no protocol {name!r}; it has: {known}")
    try:
        protocol = EvaluationProtocol(**_fields(name, usable), subtitles=subtitles)
    except TypeError as error:
        raise UserError(f"task {task!r}: protocol {name!r}: {error}") from error
    if version and version != protocol.version:
        raise UserError(
            f"task {task!r}: protocol {name!r} is at version {protocol.version}, not {version}"
        )
    if subtitles != "none" and protocol.with_subtitles is None:
        others = [key for key in (STRICT, *usable) if _fields(key, usable).get("with_subtitles")]
        raise UserError(
            f"task {task!r}: protocol {name!r} has no subtitles; leave --subtitles out, or use "
            f"another protocol: {', '.join(dict.fromkeys(others))}"
        )
    return protocol


def _fields(name: str, declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The fields of a protocol; those that a card changes in "strict" stand over the default's."""
    own = declared.get(name, {})
    if name != STRICT:
        return {"name": name, **own}
    fields = {field.name: getattr(DEFAULT, field.name) for field in dataclasses.fields(DEFAULT)}
    del fields["subtitles"]
    if "prompt" in own:
        fields["with_subtitles"] = _SUBTITLES + own["prompt"]
    return {**fields, **own}
