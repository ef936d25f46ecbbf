"""Reading the option letter from a reply: strict, aware of the options, never a guess.

A reply counts only if it *states* one letter ("The answer is B", "(C)", "d.") or repeats one
option word for word. A letter that merely occurs ("A man opens the door", "Vitamin C") says
nothing, and two different letters stated say nothing either: both give None.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from tspo_bench.types import OPTION_LETTERS

# A capital letter that stands alone states itself. "A" and "I" are also words, and lower-case
# letters may be: these count only where punctuation, the end or "because" follows.
_CAPITAL = r"[B-HJ-Z](?![A-Za-z0-9]|['’-][A-Za-z0-9])"
_CJK = r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]"
_CLAUSE_END = rf"(?=(?!['’-]\w)[^\S\n]*(?:$|\n|[^\w\s])|{_CJK}|\s+(?:because|since|as|and|or)\b)"
_OPEN = r"[\s(\[{<\"'“‘「『]{0,8}"
_LETTER = rf"{_OPEN}(?<![A-Za-z])(?P<letter>{_CAPITAL}|[A-Za-z]{_CLAUSE_END})"
_FINAL_LETTER = rf"{_OPEN}(?<![A-Za-z])(?P<letter>[A-Z]{_CLAUSE_END})"

_NOUN = (
    r"(?i:\b(?:answer|option|choice|selection|solution|"
    r"respuesta|réponse|antwort|risposta|resposta|ответ)\b)"
)
_IS = r"(?i:\b(?:is|are|be|es|est|ist|è|é)\b|[:=→–—-]|是|为|為|は|が|[은는]|هي|है)"
_GAP = r"(?:(?!\b[B-Z]\b)[^.:;\n]){0,60}?"
_FILL = r"(?i:\s*(?:the\s+)?(?:(?:correct|best|right)\s+)?(?:(?:option|choice|letter|answer)\b:?)?)"
_I_SAY = (
    r"(?i:\bI(?:['’](?:d|ll)|\s+would|\s+will)?\s+(?:think|believe|guess|say|answer)(?:\s+that)?)"
)
_I_PICK = r"(?i:\b(?:choose|chose|select|pick|go\s+with|go\s+for))"
_IT_IS = r"(?i:\b(?:it|this|that)(?:['’]s|\s+is|\s+must\s+be|\s+should\s+be|\s+would\s+be))"
_BEFORE = (
    r"(?:^|[.,;:!?\n]\s*|(?i:\b(?:option|choice|answer|letter|that|so|thus|therefore|hence|"
    r"think|believe))\s+)"
)
_IS_RIGHT = (
    r"[)\]\"'”’]*\s+(?i:(?:is|must\s+be|would\s+be|seems)\s+(?:the\s+)?(?:most\s+)?"
    r"(?:correct|right|best|true|accurate|appropriate|answer)\b)"
)
_STATEMENTS = [
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"{_NOUN}{_GAP}{_IS}{_FILL}{_LETTER}",
        rf"(?i:\banswer){_LETTER}",
        rf"{_I_SAY}{_FILL}{_LETTER}",
        rf"{_I_PICK}{_FILL}{_LETTER}",
        rf"{_IT_IS}{_FILL}{_FINAL_LETTER}",
        rf"{_BEFORE}{_OPEN}(?P<letter>[A-Z]){_IS_RIGHT}",
        rf"(?:答案|正解|答え|정답|الإجابة|उत्तर)[^A-Za-z.。\n]{{0,15}}?{_LETTER}",
        rf"(?:(?:选项|選項)\s*(?:是|为|為|:)|选择?(?!项)|選擇?(?!項)){_LETTER}",
        rf"\\boxed\{{(?:\\text\{{)?{_LETTER}",
        rf"(?i:<answer>){_LETTER}",
        r"^[^\w\n]{0,4}(?i:(?:option|choice|answer)\s+)?[^\w\n]{0,4}(?P<letter>[A-Za-z])[^\w\n]{0,4}$",
    )
]
_REASONED_START = re.compile(r"\W{0,4}(?P<letter>[A-Z])(?:,?\s+(?:because|since|as)\b|\s+[–—-]\s)")
_LABELLED_LINE = re.compile(
    r"^[^\w\n]{0,4}(?i:option\s+)?(?:\((?P<a>[A-Za-z])\)|(?P<b>[A-Z])[.):、]|(?P<c>[a-z])\))"
    r"(?!\s?[A-Za-z]\.)",
    re.MULTILINE,
)
_COORDINATED = re.compile(
    rf"[)\]\"'”’]*\s*(?:(?:[,/&+、或和と]|\b(?:and|or)\b)\s*){{1,2}}"
    rf"(?:(?:maybe|perhaps|possibly|also|either|option)\s+)?{_LETTER}"
)
_MARKUP = re.compile(r"\*+|_{2,}|`+|\$+")
_LONE_LETTER = re.compile(r"\W{0,4}([A-Za-z])\W{0,4}")
_LEADING_PHRASE = re.compile(
    rf"^.{{0,60}}?{_NOUN}{_GAP}{_IS}\s*|^.{{0,15}}答案\s*(?:是|为|為|:)\s*"
)

# "I do not think it is C", "the answer is not B": the clause up to the letter is looked at.
_DENIAL = re.compile(r"(?i)\b(?:not|never|neither|nor|cannot|wrong|incorrect)\b|n['’]t\b")
_DENIAL_ABROAD = re.compile(r"(?i)\b(?:no|não|non|nicht|kein|pas)\b|не\b|不|ない|아니")
_CLAUSE_START = re.compile(r"(?i)[.,;:!?\n。，；]|\b(?:but|so|thus|therefore|hence)\b")


def read_answer(reply: str, options: Sequence[str]) -> str | None:
    """The letter of the option that a reply states, or None.

    In order: the reply is one letter; it is one option's text, word for word (perhaps after "The
    answer is"); it states exactly one letter, in one of the known phrases or as a label before
    the option's text. Letters that no option has, and replies that state several, give None.

    Args:
        reply: what the model said; reasoning in <think> tags is left out.
        options: the options' texts, in the order of their letters.
    """
    text = _cleaned(reply)
    letters = OPTION_LETTERS[: len(options)]
    lone = _LONE_LETTER.fullmatch(text)
    if lone and lone[1].upper() in letters:
        return lone[1].upper()
    repeated = _repeated_option(text, options)
    if repeated is not None:
        return letters[repeated]
    stated = {letter.upper() for letter in _stated_letters(text)}
    return stated.pop() if len(stated) == 1 and stated <= set(letters) else None


def _cleaned(reply: str) -> str:
    """Full-width forms made plain; reasoning, emphasis and dollar signs taken out."""
    text = unicodedata.normalize("NFKC", reply)
    text = re.sub(r"<think>.*?(?:</think>|\Z)", " ", text, flags=re.DOTALL | re.IGNORECASE)
    return _MARKUP.sub("", text).strip()


def _repeated_option(text: str, options: Sequence[str]) -> int | None:
    """The index of the one option whose text, with or without its letter, the reply is."""
    said = {_plain(text), _plain(_LEADING_PHRASE.sub("", text, count=1))} - {""}
    forms = ("{1}", "{0}. {1}", "{0}) {1}", "{0}: {1}")
    matches = [
        index
        for index, option in enumerate(options)
        if said & {_plain(form.format(OPTION_LETTERS[index], option)) for form in forms}
    ]
    return matches[0] if len(matches) == 1 else None


def _plain(text: str) -> str:
    plain = _MARKUP.sub("", unicodedata.normalize("NFKC", text))
    words = " ".join(plain.casefold().split())
    return words.strip(" .,;:!?\"'“”‘’()[]。，；：！？")


def _stated_letters(text: str) -> Iterator[str]:
    """Every letter that the reply states, also those of "B or C"."""
    for pattern in _STATEMENTS:
        for match in pattern.finditer(text):
            if _is_denied(text, match):
                continue
            yield match["letter"]
            also = _COORDINATED.match(text, match.end("letter"))
            if also:
                yield also["letter"]
    start = _REASONED_START.match(text)
    if start:
        yield start["letter"]
    labels = {match[match.lastindex or 0].upper() for match in _LABELLED_LINE.finditer(text)}
    if len(labels) == 1:  # several are the options repeated, which state nothing
        yield from labels


def _is_denied(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - 200) : match.start()]
    clause = _CLAUSE_START.split(before)[-1] + match[0]
    return bool(_DENIAL.search(clause) or _DENIAL_ABROAD.search(match[0]))
