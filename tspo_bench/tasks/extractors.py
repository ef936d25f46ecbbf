"""Answer extractors of the benchmarks' authors and of lmms-eval: one function a protocol.

Each extracts the letter that the original extracts, even if the reply says another one
(`docs/protocols.md` has examples). The default extractor is `tasks.strict_extractor`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable

from tspo_bench.tasks.protocols import Reading
from tspo_bench.types import OPTION_LETTERS, Question

_ABCD, _ABCDE, _ABCDEF = "ABCD", "ABCDE", "ABCDEF"
_CGBENCH_LETTERS = OPTION_LETTERS[:14]


def lmms_eval(reply: str, question: Question) -> Reading:
    """lmms-eval's tasks for MLVU, Video-MME and LVBench: the best placed of the letters A to D.

    In this order: the letter that the reply begins with; that it ends with; the first one after a
    phrase like "the answer is"; one in parentheses, before a full stop, a colon, a closing
    parenthesis or a space; any. Of several such places the last one counts. A letter need not stand
    alone: the d of "D " in "RED " is one. E and F are never read.
    """
    return Reading(_best_placed(reply, _ABCD))


def lmms_eval_cgbench(reply: str, question: Question) -> Reading:
    """lmms-eval's CG-Bench: as `lmms_eval`, of the letters A to N, for any number of options."""
    return Reading(_best_placed(reply, _CGBENCH_LETTERS))


def lmms_eval_of_options(reply: str, question: Question) -> Reading:
    """lmms-eval's VideoEval-Pro: as `lmms_eval`, of the letters that the question has."""
    return Reading(_best_placed(reply, question.letters))


def timescope(reply: str, question: Question) -> Reading:
    """lmms-eval's TimeScope: the first of A to F anywhere, after removing known phrases."""
    return Reading(_first_letter(without_reasoning(reply), _LONGVIDEOBENCH_PHRASES, _ABCDEF))


def longtimescope(reply: str, question: Question) -> Reading:
    """lmms-eval's LongTimeScope: as `timescope`; two pairs of its phrases are one each."""
    return Reading(_first_letter(without_reasoning(reply), _VIDEOMME_PHRASES, _ABCDEF))


def minerva(reply: str, question: Question) -> Reading:
    """lmms-eval's MINERVA: the last letter stated ("option: b"), else the last of A to E anywhere.

    Without one it draws one of five. So does this, seeded by the question's id.
    """
    text = without_reasoning(reply)
    if stated := _MINERVA_STATED.findall(text):
        return Reading(stated[-1].upper())
    for phrase in _MINERVA_PHRASES:
        text = text.replace(phrase, "")
    found = re.findall(f"[{_ABCDE}]", text)
    return Reading(found[-1]) if found else Reading(_drawn(question, _ABCDE), guessed=True)


def videomme_v2(reply: str, question: Question) -> Reading:
    """Video-MME-v2's own script: the first of A to H anywhere, after removing known phrases."""
    return Reading(_first_letter(reply, _VIDEOMME_V2_PHRASES, "ABCDEFGH"))


def lmms_eval_videomme_v2(reply: str, question: Question) -> Reading:
    """lmms-eval's Video-MME-v2: a letter on the last line, first in the reply, stated, or bold.

    Letters may be small. Without one, the only option whose text is in the reply.
    """
    text = without_reasoning(reply).strip()
    placed = _ON_LAST_LINE.search(text) or _AT_BEGINNING.match(text)
    if placed:
        return Reading(placed["letter"].upper())
    if stated := _V2_STATED.findall(text):
        return Reading(stated[-1].upper())
    bold = {letter.upper() for letter in _BOLD.findall(text)}
    if len(bold) == 1:
        return Reading(bold.pop())
    lowered = text.lower()
    named = [
        letter
        for letter, option in zip(question.letters, question.options, strict=True)
        if option.strip(". \n").lower() in lowered
    ]
    return Reading(named[0] if len(named) == 1 else None)


def lmms_eval_longvideobench(reply: str, question: Question) -> Reading:
    """lmms-eval's tasks for LongVideoBench: the authors' extractor, after removing reasoning."""
    return longvideobench(without_reasoning(reply), question)


def longvideobench(reply: str, question: Question) -> Reading:
    """LongVideoBench: the first of A to E anywhere, after removing known phrases.

    Without one the benchmark draws an option at random. So does this, seeded by the question's id.
    """
    letter = _first_letter(reply, _LONGVIDEOBENCH_PHRASES, _ABCDE)
    return Reading(letter) if letter else Reading(_drawn(question, question.letters), guessed=True)


def tspo_longvideobench(reply: str, question: Question) -> Reading:
    """LongVideoBench in TSPO's evaluation: one of five letters is drawn, even for four options.

    The authors' code counts the fields `option0`, `option1`, ..., which their annotations lack.
    """
    letter = _first_letter(reply, _LONGVIDEOBENCH_PHRASES, _ABCDE)
    return Reading(letter) if letter else Reading(_drawn(question, _ABCDE), guessed=True)


def videomme(reply: str, question: Question) -> Reading:
    """Video-MME, and MLVU in TSPO's evaluation: the first of A to D, after removing phrases."""
    return Reading(_first_letter(reply, _VIDEOMME_PHRASES, _ABCD))


def mlvu_dev(reply: str, question: Question) -> Reading:
    """MLVU's dev set: the character before the first ")"; without one, the whole reply."""
    before, closed, _ = reply.strip().partition(")")
    return _only_letter(before[-1:] if closed else before)


def mlvu_test(reply: str, question: Question) -> Reading:
    """MLVU's test set: everything before the first ")"."""
    return _only_letter(reply.strip().partition(")")[0].strip())


def lvbench(reply: str, question: Question) -> Reading:
    """LVBench: the first character between the first "(" and ")", valid or not."""
    inside = reply.partition(")")[0].strip()
    if "(" in inside:
        inside = inside.split("(")[1].strip()
    return _only_letter(inside[:1])


def without_reasoning(reply: str) -> str:
    """Remove <think> and <analysis> blocks, as lmms-eval does by default.

    A block that is only closed began in the prompt; one that is only opened stays.
    """
    for tag in ("think", "analysis"):
        begin, end = f"<{tag}>", f"</{tag}>"
        # Beyond the last end nothing is closed: not looking there keeps a long reply's time linear.
        closed, last, rest = reply.rpartition(end)
        reply = re.sub(f"{begin}.*?{end}", "", closed + last, flags=re.DOTALL) + rest
        if begin not in reply:
            reply = reply.rpartition(end)[2]
    return reply.strip()


_PHRASES = (
    *(
        article + phrase
        for article in ("", "the ")
        for phrase in (
            "answer is",
            "correct answer is",
            "best answer is",
            "correct option is",
            "best option is",
            "choice is",
            "correct choice is",
        )
    ),
    *("i choose", "i select", "i pick", "my answer is", "my choice is"),
    *("옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"),
)


def _best_placed(reply: str, letters: str) -> str | None:
    """Return the best placed of some letters: see `lmms_eval`."""
    trimmed = functools.reduce(str.strip, ",.!?;:'\"", without_reasoning(reply))
    text, padded = trimmed.strip(), f" {trimmed} "
    if not text:
        return None
    if text[0] in letters and not text[1:2].isalpha():
        return text[0]
    if text[-1] in letters and not text[-2:-1].isalpha():
        return text[-1]
    return _after_phrase(padded, letters) or _last_placed(padded, letters)


def _after_phrase(text: str, letters: str) -> str | None:
    """Return the letter after a phrase: of each letter's first places the last one."""
    lowered = text.lower()
    ends = [lowered.find(phrase) + len(phrase) for phrase in _PHRASES if phrase in lowered]
    return _at_last(text, (text.find(letter, end) for end in ends for letter in letters))


def _last_placed(text: str, letters: str) -> str | None:
    """Return the letter in the best of the other places."""
    for before, after in (("(", ")"), ("", "."), ("", ":"), ("", ")"), ("", " "), ("", "")):
        places = (text.rfind(before + letter + after) for letter in letters)
        found = _at_last(text, (place + len(before) for place in places if place >= 0))
        if found:
            return found
    return None


def _at_last(text: str, places: Iterable[int]) -> str | None:
    last = max(places, default=-1)
    return text[last] if last >= 0 else None


_LONGVIDEOBENCH_PHRASES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option is",
    "The correct option is",
    "Best answer:",
    "Best option:",
)
# Two pairs are one phrase each in the released script, where a comma is missing between them.
_VIDEOMME_PHRASES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option isThe correct option is",
    "Best answer:Best option:",
)

_VIDEOMME_V2_PHRASES = (
    "Final Answer:",
    *_LONGVIDEOBENCH_PHRASES,
    "Answer:",
    "Option:",
)
_V2_LETTER = r"[ \t]*(?:\*\*[ \t]*)?(?P<letter>[A-H])(?:[ \t]*\*\*)?[ \t]*"
_ON_LAST_LINE = re.compile(rf"(?:^|\n){_V2_LETTER}[.)]?[ \t]*$", re.IGNORECASE)
_AT_BEGINNING = re.compile(rf"{_V2_LETTER}(?:[.)]|\r?\n|$)", re.IGNORECASE)
_V2_STATED = re.compile(
    rf"(?:{'|'.join(_VIDEOMME_V2_PHRASES)}|\b(?:answer|option)(?:\s+(?:is|would\s+be)|\s*:))"
    r"[\s:*]*([A-H])\b",
    re.IGNORECASE,
)
_BOLD = re.compile(r"\*\*\s*([A-H])(?=\s*\*\*|[.)])", re.IGNORECASE)
_MINERVA_STATED = re.compile(r"(?:answer|option)\s*(?:is|:)\s*([A-E])", re.IGNORECASE)
_MINERVA_PHRASES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "Answer:",
    "Option:",
    "Therefore, the final answer is:",
)


def _first_letter(reply: str, phrases: Iterable[str], letters: str) -> str | None:
    text = reply.strip()
    for phrase in phrases:
        text = text.replace(phrase, "")
    found = re.search(f"[{letters}]", text)
    return found[0] if found else None


def _drawn(question: Question, letters: str) -> str:
    digest = hashlib.sha256(f"draw {question.id}".encode()).digest()
    return letters[int.from_bytes(digest[:8], "big") % len(letters)]


def _only_letter(text: str) -> Reading:
    """Return the text as the answer if it is a single letter."""
    return Reading(text if re.fullmatch("[A-Za-z]", text) else None)
