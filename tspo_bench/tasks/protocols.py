"""Protocols: prompt, answer extraction and average, which together make a benchmark's figure.

A card declares its protocols; `strict` is the default of every task. Each record holds the hash of
the declaration.
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
from tspo_bench.tasks.strict_extractor import VERSION, read_answer
from tspo_bench.tasks.values import is_missing
from tspo_bench.types import Prompt, Question, SubtitleMode

STRICT = "strict"
# Some annotations mark the video's place; within a question the tag is a word of the question.
_VIDEO_TAG = re.compile(r"\A(\s*<image>)+|(\n\s*<image>\s*)+\Z")
# The prompt that TSPO trains and evaluates with (arXiv 2508.04369, released code).
INSTRUCTION = "Please answer with the option's letter from the given choices directly."


@dataclass(frozen=True)
class Reading:
    """An extracted answer: a letter or None; `guessed` if the letter was drawn at random."""

    letter: str | None
    guessed: bool = False


_HASHED_EXTRACTORS = "tspo_bench.tasks.readers:"
Extractor = Callable[[str, Question], Reading]

_STRICT_EXTRACTOR = f"{__name__}:strict_reading"
_CHOICES = {
    "alignment": ("seconds", "frames", "shown"),
    "average": ("micro", "macro", "groups"),
    "unparsed": ("wrong", "dropped"),
}


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """A named, versioned prompt, answer extraction and average.

    Attributes:
        name: "strict", "official", "lmms-eval" or a custom name.
        version: changes whenever a figure may change.
        source: where it was published; not part of the hash.
        prompt: a template of `{text}` (the question, stripped, without options), `{options}` (one a
            line), `{subtitles}` and `{record[field]}`, a field of the annotation (a list: one item
            a line). `{raw_text}` keeps the blanks around the question, `{trimmed_options}` has none
            at the end.
        option: the template of a line of `{options}`: `{letter}`, `{text}`.
        system: the system message; None for the model's own.
        reply_start: the words that begin the reply, as if the model had written them.
        max_new_tokens: the longest reply; None for the model's setting.
        with_subtitles: the template used in place of `prompt` with subtitles; None: no subtitles.
        no_subtitles: the value of `{subtitles}` for a video without any; None: such a video, and
            frames without subtitles, use `prompt`.
        interleaved: subtitles stand between the frames; `{subtitles}` are those after the last.
        alignment: how subtitles match the selected frames: by "seconds" (LongVideoBench) or
            "frames" (lmms-eval's Video-MME) or as "shown" (lmms-eval's CG-Bench); see
            `tasks.subtitles`.
        subtitle_separator: stands between subtitles: a line break, or a blank between words.
        subtitles: which of them are shown; set by the run, not by a card.
        extractor: "package.module:function", `(reply, question) -> Reading`.
        average: "micro", over questions; "macro", the mean over the values of the group `over`; or
            "groups", the mean score of the questions of each video, scored together as their group
            `over` names: see `tasks.question_groups`.
        over: that group.
        values: its values, of which a missing one counts as 0; () for those that occur.
        unparsed: replies without an answer are "wrong", or "dropped" from the denominator.
        faults: known errors, kept since published figures have them too; not part of the hash.
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
    alignment: Literal["seconds", "frames", "shown"] = "seconds"
    subtitle_separator: str = "\n"
    subtitles: SubtitleMode = "none"
    extractor: str = _STRICT_EXTRACTOR
    average: Literal["micro", "macro", "groups"] = "micro"
    over: str | None = None
    values: Sequence[str] = ()
    unparsed: Literal["wrong", "dropped"] = "wrong"
    faults: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise UserError(
                    f"protocol {self.name!r}: {name} {getattr(self, name)!r}; use "
                    f"{' or '.join(known)}"
                )
        if (self.average != "micro") != (self.over is not None):
            raise UserError(
                f"protocol {self.name!r}: average {self.average!r} over {self.over!r}; use micro "
                "without `over`, or macro or groups with it"
            )
        for template in filter(None, (self.prompt, self.with_subtitles)):
            _check_template(self.name, template)

    @property
    def digest(self) -> str:
        """A hash of all that can change a figure."""
        decides = dataclasses.asdict(self)
        del decides["source"], decides["faults"]
        if self.subtitle_separator == "\n":  # a newer field: older hashes stay
            del decides["subtitle_separator"]
        # Hashes keep the names under which the first runs were recorded.
        extractor = decides.pop("extractor")
        decides["reader"] = extractor.replace(f"{__package__}.extractors:", _HASHED_EXTRACTORS)
        if self.extractor == _STRICT_EXTRACTOR:  # published extractors do not change
            decides["reading"] = VERSION
        content = json.dumps(decides, sort_keys=True, default=list)
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def title(self) -> str:
        """Name, version and subtitles: "strict@2", "strict@2+aligned"."""
        shown = "" if self.subtitles == "none" else f"+{self.subtitles}"
        return f"{self.name}@{self.version}{shown}"

    @property
    def label(self) -> str:
        """Title and hash, as in records: "strict@2#0123456789ab"."""
        return f"{self.title}#{self.digest}"

    def prompt_for(
        self, question: Question, subtitles: str | None = None, before: tuple[str, ...] = ()
    ) -> Prompt:
        """Fill in the template for a question.

        Args:
            question: the question.
            subtitles: the text shown before it; None for a video without subtitles.
            before: [n] the words before each frame, if they are interleaved.

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
        """Extract the answer from a reply.

        Raises:
            UserError: the extractor cannot be imported.
        """
        what = f"protocol {self.name!r}: extractor"
        extractor: Extractor = import_object(what, self.extractor)
        return extractor(reply, question)


_TEMPLATE_FIELDS = ("text", "raw_text", "options", "trimmed_options", "subtitles", "record")


def _check_template(protocol: str, template: str) -> None:
    """Raise UserError for a malformed template or an unknown field outside of `record`."""
    try:
        named = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise UserError(f"protocol {protocol!r}: template {template!r}: {error}") from error
    for name in named:
        if name.partition("[")[0] not in _TEMPLATE_FIELDS:
            known = ", ".join(f"{{{field}}}" for field in _TEMPLATE_FIELDS)
            raise UserError(f"protocol {protocol!r}: no field {{{name}}} in templates; use {known}")


class _Quoted(dict[str, Any]):
    """The fields of an annotation for a template: a list has one item a line."""

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if isinstance(value, list | tuple):
            return "\n".join(str(one) for one in value if not is_missing(one))
        return value


def strict_reading(reply: str, question: Question) -> Reading:
    """Return the option that the reply states, without guessing: see `tasks.strict_extractor`."""
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


# Of answers that others published: what they were asked is theirs to say.
AS_PUBLISHED = EvaluationProtocol(
    name="as-published",
    version=str(VERSION),
    source="the published result; its answers are read strictly",
    prompt="{text}\n{options}",
)


def is_as_published(title: str) -> bool:
    """Whether a protocol's title, with version and hash, is that of imported answers."""
    return title.partition("@")[0] == AS_PUBLISHED.name


def chosen_protocol(
    task: str,
    declared: Mapping[str, Mapping[str, Any]],
    asked: str | None,
    subtitles: SubtitleMode = "none",
) -> EvaluationProtocol:
    """Return one of the protocols that a task declares, or "strict".

    Args:
        task: its name, for messages.
        declared: the fields of each protocol; `absent` in their place is the reason why the task
            has none of that name. Fields of "strict" change the default.
        asked: a name, possibly with a version ("lmms-eval@0.7.3"); None for "strict".
        subtitles: which of them are shown.

    Raises:
        UserError: unknown protocol or version, fields that cannot be used, or no subtitles.
    """
    name, _, version = (STRICT if asked is None else asked).partition("@")
    if name == AS_PUBLISHED.name:
        return AS_PUBLISHED
    usable = {key: fields for key, fields in declared.items() if "absent" not in fields}
    names = list(dict.fromkeys([STRICT, *usable]))
    if name not in names:
        why = f": {declared[name]['absent']}" if name in declared else ""
        known = ", ".join(names)
        raise UserError(f"task {task!r} has no protocol {name!r}{why}; it has: {known}")
    try:
        protocol = EvaluationProtocol(**_fields(name, usable), subtitles=subtitles)
    except TypeError as error:
        raise UserError(f"task {task!r}: protocol {name!r}: {error}") from error
    if version and version != protocol.version:
        raise UserError(
            f"task {task!r}: protocol {name!r} is at version {protocol.version}, not {version}"
        )
    if subtitles != "none" and protocol.with_subtitles is None:
        others = [key for key in names if _fields(key, usable).get("with_subtitles")]
        raise UserError(
            f"task {task!r}: protocol {name!r} has no subtitles; leave --subtitles out, or use "
            f"another protocol: {', '.join(others)}"
        )
    return protocol


def _fields(name: str, declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields of a protocol; for "strict" those of the card replace the default's."""
    own = declared.get(name, {})
    if name != STRICT:
        return {"name": name, **own}
    fields = dataclasses.asdict(DEFAULT)
    del fields["subtitles"]
    if "prompt" in own:
        fields["with_subtitles"] = _SUBTITLES + own["prompt"]
    return {**fields, **own}
