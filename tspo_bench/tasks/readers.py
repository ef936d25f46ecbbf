"""How the benchmarks' authors and lmms-eval read a reply: one function a protocol.

Each comes to the letter that its original comes to, also where that is not what the reply says
(`docs/protocols.md` has examples). Our own reader, which every task uses by default, is
`tasks.reading`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable

from tspo_bench.tasks.protocols import Reading
from tspo_bench.types import Question

_ABCD, _ABCDE = "ABCD", "ABCDE"


def lmms_eval(reply: str, question: Question) -> Reading:
    """lmms-eval's tasks for MLVU, Video-MME and LVBench: the best placed of the letters A to D.

    In this order: the letter that the reply begins with; that it ends with; the first one after a
    phrase like "the answer is"; one in parentheses, before a full stop, a colon, a closing
    parenthesis or a space; any. Of several such places the last one counts. A letter need not stand
    alone: the d of "D " in "RED " is one. E and F are never read.
    """
    trimmed = functools.reduce(str.strip, ",.!?;:'\"", without_reasoning(reply))
    text, padded = trimmed.strip(), f" {trimmed} "
    if not text:
        return Reading(None)
    if text[0] in _ABCD and not text[1:2].isalpha():
        return Reading(text[0])
    if text[-1] in _ABCD and not text[-2:-1].isalpha():
        return Reading(text[-1])
    return Reading(_after_phrase(padded) or _last_placed(padded))


def lmms_eval_longvideobench(reply: str, question: Question) -> Reading:
    """lmms-eval's tasks for LongVideoBench: the authors' reader, after reasoning is taken out."""
    return longvideobench(without_reasoning(reply), question)


def longvideobench(reply: str, question: Question) -> Reading:
    """LongVideoBench: the first of A to E, wherever it stands, after known phrases are taken out.

    Where there is none the benchmark draws an option. So do we, always the same for a question, and
    say that it is drawn.
    """
    letter = _first_letter(reply, _LONGVIDEOBENCH_PHRASES, _ABCDE)
    return Reading(letter) if letter else Reading(_drawn(question, question.letters), guessed=True)


def tspo_longvideobench(reply: str, question: Question) -> Reading:
    """LongVideoBench in TSPO's evaluation: an option is drawn from five, however many there are.

    Its annotation file has no `option0`, `option1`, ... where the reader looks for them.
    """
    letter = _first_letter(reply, _LONGVIDEOBENCH_PHRASES, _ABCDE)
    return Reading(letter) if letter else Reading(_drawn(question, _ABCDE), guessed=True)


def videomme(reply: str, question: Question) -> Reading:
    """Video-MME: the first of A to D, wherever it stands, after known phrases are taken out.

    TSPO's evaluation reads replies to MLVU's questions so, too.
    """
    return Reading(_first_letter(reply, _VIDEOMME_PHRASES, _ABCD))


def mlvu_dev(reply: str, question: Question) -> Reading:
    """MLVU's dev set: what stands right before the first ")"; without one, the whole reply."""
    before, closed, _ = reply.strip().partition(")")
    return _only_letter(before[-1:] if closed else before)


def mlvu_test(reply: str, question: Question) -> Reading:
    """MLVU's test set: all that stands before the first ")"."""
    return _only_letter(reply.strip().partition(")")[0].strip())


def lvbench(reply: str, question: Question) -> Reading:
    """LVBench: the first character between the first "(" and ")", where there are such.

    It may be a letter of a word, a small one, or one that no option has.
    """
    inside = reply.partition(")")[0].strip()
    if "(" in inside:
        inside = inside.split("(")[1].strip()
    return _only_letter(inside[:1])


def without_reasoning(reply: str) -> str:
    """A reply without <think> and <analysis> blocks, as lmms-eval's default has it.

    A reply that only closes a block has begun it in the prompt; one that only opens it stays.
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


def _after_phrase(text: str) -> str | None:
    """The letter that follows a phrase: of each letter the first place, of these the last one."""
    lowered = text.lower()
    ends = [lowered.find(phrase) + len(phrase) for phrase in _PHRASES if phrase in lowered]
    return _at_last(text, (text.find(letter, end) for end in ends for letter in _ABCD))


def _last_placed(text: str) -> str | None:
    """The letter in the best of the less telling places."""
    for before, after in (("(", ")"), ("", "."), ("", ":"), ("", ")"), ("", " "), ("", "")):
        places = (text.rfind(before + letter + after) for letter in _ABCD)
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
    """A reading of what is compared with the right letter: None unless it is a letter at all."""
    return Reading(text if re.fullmatch("[A-Za-z]", text) else None)
