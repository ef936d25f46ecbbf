"""The strict answer extractor: the option letter that a reply states, never a guess.

A reply counts only if it *states* one letter ("The answer is B", "(C)", "d.") or repeats one
option word for word. A letter that merely occurs ("A man opens the door", "Vitamin C"), two
different letters, and a reply that ends within its reasoning give None.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from tspo_bench.reasoning import without_reasoning
from tspo_bench.tasks.denials import (
    ALTERNATIVE,
    BARE,
    CLAUSE_START,
    CORRECTED,
    CROSSED,
    DENIAL,
    DENIED_AFTER,
    LABEL_CLAUSE,
    LABEL_DENIED,
    NEGATION,
    NOUNS,
    QUOTING,
    TAKEN_BACK,
    TEXT_DENIED,
)
from tspo_bench.tasks.neighbours import MARKUP, plain_text, with_neighbours
from tspo_bench.tasks.phrases import ENGLISH, LANGUAGES, LEADING, Language
from tspo_bench.types import OPTION_LETTERS

VERSION = 2  # changes whenever another letter may be extracted; part of the hash of protocols

_REASONED_START = re.compile(
    r"\W{0,4}(?P<letter>[A-Z])(?:,?\s+(?:because|since|as(?!\s+well)|porque|weil)\b|\s+[–—-]\s(?!\s*[A-Z]\W*$)|"
    r"[,。]?\s*(?:因为|因為|なぜなら|왜냐하면))"
)
_LABELLED_LINE = re.compile(
    rf"^[^\w\n]{{0,4}}(?:{NOUNS})?(?:\((?P<a>[A-Za-z])\)|(?P<b>[A-Z])[.):、。]|(?P<c>[a-z])\))"
    r"(?!\s?[A-Za-z]\.|[^\S\n]*[A-Z]\W*$)",
    re.MULTILINE,
)
_LATER_LABEL = re.compile(r"(?<![A-Za-z.])\(?([A-Z])[):](?!\w)|(?<=[;,、])\s*([A-Z]):")
_LETTER_AND_TEXT = re.compile(
    rf"[^\w\n]{{0,4}}(?:{NOUNS})?[^\w\n]{{0,4}}(?P<letter>[A-Za-z])(?P<text>[\W_].*)", re.DOTALL
)
_TEXT_AND_LETTER = re.compile(r"(?P<text>.+?)\s*[\W_]\s*(?P<letter>[A-Z])\W{0,3}", re.DOTALL)
_CROSSED = re.compile(CROSSED)
_LONE_LETTER = re.compile(r"\W{0,4}([A-Za-z])[^\w?+#]{0,4}")
_FONT = re.compile(
    r"\\(?:text\w{0,6}|math\w{1,6}|operatorname|mbox|bm)\s*\{([^{}]*)\}|\\(?:bf|rm|it|sf|tt)\b\s*"
)
_BOX = re.compile(
    r"\\+f?box(?:ed)?\s*\{([^{}]*)\}|<\|begin_of_box\|>(.*?)(?:<\|end_of_box\|>|\Z)", re.S
)
_ANSWER_TAG = re.compile(
    r"<(answer|ans|final[_ ]?answer|conclusion|response|choice)>(.*?)(?:</\1\s?>|\Z)", re.S | re.I
)
_ASKED = re.compile(r"\?\W{0,4}$")
_BLANKS, _BLANK_LINES = re.compile(r"[^\S\n]{2,}"), re.compile(r"(?: ?\n){2,} ?")
_READ = 4000  # characters of a long reply's beginning, and of its end: a loop has no end
_DEEPEST = 3  # a box within an answer's tags, and one to spare
# Tokens that chat templates write around a turn; text after its end is another turn.
_TURN = (
    r"<\|(?!(?:begin|end)_of_box\|)[^<>|\n]{1,40}\|>|</?s>|<(?:eos|bos|pad|unk)>|"
    r"<(?:end|start)_of_(?:turn|utterance)>|\[/?INST\]|\[(?:EOS|PAD)\]"
)
_BEGINNING, _ENDING = re.compile(rf"\A(?:\s|{_TURN})+"), re.compile(rf"(?:{_TURN}).*", re.S)


def read_answer(reply: str, options: Sequence[str]) -> str | None:
    """Return the letter of the option that a reply states, or None.

    In order: the reply is one letter; it is one option's text, word for word (possibly after "The
    answer is", or with its letter); it states exactly one letter, in a known phrase, in a box, or
    as a label before the option's text. Letters that no option has, several letters, and denied,
    doubted or retracted statements give None.

    Args:
        reply: the model's words; its reasoning is removed.
        options: the options' texts, in the order of their letters.
    """
    text = _cleaned(reply)
    stated = set() if text is None else _stated(text, options)
    letters = set(OPTION_LETTERS[: len(options)])
    return stated.pop() if len(stated) == 1 and stated <= letters else None


def _cleaned(reply: str) -> str | None:
    """Normalise full-width forms; remove reasoning, other turns, emphasis and fonts.

    None for a reply that ends within its reasoning.
    """
    plain = unicodedata.normalize("NFKC", reply).replace("&lt;", "<").replace("&gt;", ">")
    said = without_reasoning(plain)
    if said is None:
        return None
    text = _shortened(_ENDING.sub("", _BEGINNING.sub("", said)))
    for _ in range(3):  # \text{\textbf{B}}
        text = _FONT.sub(r"\1", text)
    return _shortened(MARKUP.sub("", text)).strip()


def _shortened(text: str) -> str:
    """Collapse runs of blanks and cut out the middle of a long text."""
    text = _BLANK_LINES.sub("\n\n", _BLANKS.sub(" ", text))
    if len(text) <= 2 * _READ:
        return text
    return f"{text[:_READ]}\n\n{text[-_READ:]}"


def _stated(text: str, options: Sequence[str], depth: int = 0) -> set[str]:
    """Return the letters that a text states, valid or not; `depth` counts the boxes around it."""
    letters = OPTION_LETTERS[: len(options)]
    lone = None if _CROSSED.search(text) else _LONE_LETTER.fullmatch(text)
    if lone and lone[1].upper() in letters:
        return {lone[1].upper()}
    repeated = _repeated_options(text, options)
    if repeated or depth > _DEEPEST:
        return repeated
    stated, places, rest = set[str](), [0], text
    for box in (_BOX, _ANSWER_TAG):
        boxes = list(box.finditer(rest))
        places += [found.end() for found in boxes]
        for inside in sorted({(found[found.lastindex or 0] or "").strip() for found in boxes}):
            stated |= _stated(inside, options, depth + 1) if len(stated) < 2 else set()
        rest = box.sub(lambda found: "\0" * len(found[0]), rest)
    for letter, place in _statements(rest, options):
        stated.add(letter.upper())
        places.append(place)
    return set() if _is_taken_back(text[max(places) :], stated) else stated


def _repeated_options(text: str, options: Sequence[str]) -> set[str]:
    """Return the letter of the option whose text the reply is, possibly with a letter.

    Both letters if that letter is another option's ("B. Apples" where A is "Apples"); none if
    several options have that text.
    """
    if _ASKED.search(text) and not any(map(_ASKED.search, options)):
        return set()
    texts = [text]
    leading = LEADING.match(text)
    if leading and not DENIAL.search(leading[0]):
        texts.append(text[leading.end() :])
    said = {plain_text(one) for one in texts} - {""}
    plain = [plain_text(option) for option in options]
    matches = {letter for letter, one in zip(OPTION_LETTERS, plain, strict=False) if one in said}
    contrary = set[str]()
    for one in texts:
        for form in (_LETTER_AND_TEXT, _TEXT_AND_LETTER):
            found = form.fullmatch(one)
            if not found or plain_text(found["text"]) not in plain or not plain_text(found["text"]):
                continue
            of_text = {
                letter
                for letter, option in zip(OPTION_LETTERS, plain, strict=False)
                if option == plain_text(found["text"])
            }
            letter = found["letter"].upper()
            if letter in of_text:
                matches.add(letter)
            elif found["letter"].isupper() and letter in OPTION_LETTERS[: len(options)]:
                contrary |= {letter, *of_text}
    return matches if len(matches) == 1 else contrary if not matches else set()


def _statements(text: str, options: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield every letter that the text states, also those of "B or C", with its end."""
    for language in LANGUAGES:
        for pattern in language.stated:
            for match in pattern.finditer(text):
                if not _is_unsaid(text, match, language):
                    yield from with_neighbours(text, options, *match.span("letter"))
    for match in BARE.finditer(text):
        if not _CROSSED.search(match[0]):
            yield match["letter"], match.end("letter")
    start = _REASONED_START.match(text)
    if start and not TEXT_DENIED.match(text, start.end("letter")):
        yield start["letter"], start.end("letter")
    yield from _labels(text, options)


def _labels(text: str, options: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield the letter that labels lines; several are repeated options, which state nothing."""
    found = list(_LABELLED_LINE.finditer(text))
    labels = {match[match.lastgroup or 0].upper() for match in found}
    later = {match[1] or match[2] for match in _LATER_LABEL.finditer(text)}
    if len(labels) != 1 or later - labels:
        return
    for match in found:
        if not _is_denied_label(text, match, options):
            yield from with_neighbours(text, options, *match.span(match.lastgroup or 0))


def _is_denied_label(text: str, label: re.Match[str], options: Sequence[str]) -> bool:
    """Whether the text after a label denies it: "B. Not shown", "B. An egg - no"."""
    number = OPTION_LETTERS.find(label[label.lastgroup or 0].upper())
    option = options[number].strip(" .") if 0 <= number < len(options) else ""
    behind = text[label.end() :].lstrip(" .:-")
    if option and behind.casefold().startswith(option.casefold()):
        return TEXT_DENIED.match(behind, len(option)) is not None
    clause = LABEL_CLAUSE.match(behind)
    is_denial = LABEL_DENIED.search(option) is not None  # as the option's own words are
    return not is_denial and LABEL_DENIED.search(clause[0] if clause else "") is not None


def _is_unsaid(text: str, match: re.Match[str], language: Language) -> bool:
    """Whether a statement is denied, doubted or asked: "I do not think it is C", "is it C?"."""
    clause = text[match.start() : match.end("letter")]
    if not CLAUSE_START.match(clause):
        before = text[max(0, match.start() - 200) : match.start()]
        clause = CLAUSE_START.split(before)[-1] + clause
    return bool(
        language.unsaid.search(clause)
        or ENGLISH.unsaid.search(clause)  # "option" is a word of other languages too
        or DENIAL.search(text, match.start(), match.end("letter"))
        or DENIED_AFTER.match(text, match.end("letter"))
        or QUOTING.search(text[max(0, match.start() - 40) : match.start()])
    )


def _is_taken_back(behind: str, stated: set[str]) -> bool:
    """Whether the words after all statements retract them: "wait", "no, C"."""
    if TAKEN_BACK.search(behind):
        return True
    if any(match["letter"] not in stated for match in CORRECTED.finditer(behind)):
        return True
    return any(
        (match["letter"] or match["but"] or match["too"]) not in stated
        and not NEGATION.search(behind, max(0, match.start() - 25), match.end() + 15)
        for match in ALTERNATIVE.finditer(behind)
    )
