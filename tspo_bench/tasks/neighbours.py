"""The neighbours of a stated letter: other letters, an option's text, the rest of a name.

"B or C" states two letters, as does "B. A hat" where A is "A hat"; "B. Franklin" and "C罗" state
none. Text in another language than the options is not compared with them: "选项B：狗" states B.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from tspo_bench.tasks.denials import MAYBE
from tspo_bench.tasks.phrases import CJK, CLOSE, FINAL_LETTER, LETTER, OPEN
from tspo_bench.types import OPTION_LETTERS

_ALSO = (
    r"\b(?:and|or|as\s+well\s+as|to|through|then|followed\s+by|else|versus|y|o|u|a|e|ou|et|ни|или|и|oder|und|bzw\.?|noch|ni|bis|sonst|si\s+no|vs\.?)\b|[/&+|~]|或者?|"
    r"还是|還是|和|与|與|以?及|跟|か|または|もしくは|あるいは|と|や|또는|혹은|이?나|와|과|하고|이거나"
)
# Right behind a letter, words of languages without blanks that carry the sentence on: others are
# one word with it, or contradict it ("B级片", "C罗", "Bさん").
_CARRIED_ON = re.compile(
    r"选项|選項|[项項号番번]|因|由|而|和|与|與|或|以|及|跟|是|为|為|吗|嗎|的|也|但|不|才|最|更|比|正|對|对|"
    r"错|錯|符|描|所|故|这|這|理|解|就|即|合|应|應|吧|了|呢|选|選|并|并|可|没|沒|有|非|除|被|还|還|答|"
    r"で|だ|に(?:なり|該当|当たり)|と|が|は|を|も|より|以外|か|よ|ね|じゃ|なら|の(?:方|ほう|場合|$)|や|あ|ま|または|"
    r"입|이|가|은|는|을|를|라|와|과|로|으|예|다|임|도|나|및|인|일|보|말|외|제|또|혹|아|지|번"
)
# "B or C", "B, C": the letter beside the stated one.
_ALSO_AFTER = re.compile(
    rf"{CLOSE}(?:番|번)?\s*(?:[,、(]?\s*(?:{_ALSO})\s*(?:(?:,|、|{_ALSO})\s*){{0,2}}(?i:{MAYBE})?{LETTER}"
    rf"|[,、]\s*(?i:{MAYBE})?{FINAL_LETTER.replace('letter', 'listed')})"
)
_ALSO_BEFORE = re.compile(
    rf"(?<![A-Za-z])(?P<letter>[A-Z]){CLOSE}\s*(?:{_ALSO}|[,、])\s*(?i:{MAYBE})?{OPEN}$"
)
_TEXT_END = re.compile(rf"\s*(?:$|[^\w\s])|\n|{CJK}")
_BETWEEN, _ARTICLE = " .:,、。()[]–—-\"'“”", re.compile(r"^(?:an?|the) ")
# "B. Franklin", "C. 1900": one word behind an initial.
_ONE_WORD = re.compile(r"[.:]\s?(?:(?P<name>[A-ZÀ-Þ][A-Za-zÀ-ÿ'’-]+)|(?P<number>\d+))\W*(?:\n|$)")
_GLUED = re.compile(CJK)
MARKUP = re.compile(
    r"\*+|_{2,}|`+|\$+|</?(?:b|i|u|p|em|strong|span|div|center|code|h\d)>|<br\s?/?>", re.IGNORECASE
)
_READ_BEHIND = 4000  # characters: no option is longer


def with_neighbours(
    text: str, options: Sequence[str], start: int, end: int
) -> Iterator[tuple[str, int]]:
    """Yield the letter from `start` to `end` and its neighbours; nothing for a part of a name."""
    number = OPTION_LETTERS.find(text[start:end].upper())
    own = plain_text(options[number]) if 0 <= number < len(options) else ""
    if _is_of_a_name(text, end, own):
        return
    yield text[start:end], end
    for letter in _named_behind(text, end, own, options):
        yield letter, end
    after = _ALSO_AFTER.match(text, end)
    if after:
        yield after["letter"] or after["listed"], after.end()
    before = _ALSO_BEFORE.search(text[max(0, start - 40) : start])
    if before:
        yield before["letter"], end


def _is_of_a_name(text: str, end: int, own: str) -> bool:
    """Whether the text after a letter makes it part of a name: "B. Franklin", "C罗".

    Not if the letter's option, `own`, has such a word.
    """
    if _GLUED.match(text, end):
        return not _CARRIED_ON.match(text, end) and not own.startswith(text[end : end + 1])
    word = _ONE_WORD.match(text, end)
    if word is None:
        return False
    alike = re.compile(r"\d" if word["number"] else r"[a-z]").search(own)
    return alike is not None and word[word.lastgroup or 0].casefold()[:3] not in own


def _named_behind(text: str, end: int, own: str, options: Sequence[str]) -> Iterator[str]:
    """Yield the letters of the option that is named right after another's letter: "B. A hat"."""
    behind = text[end : end + _READ_BEHIND].casefold().lstrip(_BETWEEN)
    forms = (behind, _ARTICLE.sub("", behind))
    texts = [plain_text(option) for option in options]
    named = [
        one
        for one in texts
        if one and any(form.startswith(one) and _TEXT_END.match(form, len(one)) for form in forms)
    ]
    longest = max(named, key=len, default=own)
    if longest != own:
        yield from (a for a, one in zip(OPTION_LETTERS, texts, strict=False) if one == longest)


def plain_text(text: str) -> str:
    """Return a text without emphasis, case and surrounding punctuation."""
    plain = MARKUP.sub("", unicodedata.normalize("NFKC", text))
    words = " ".join(plain.casefold().split())
    return words.strip(" .,;:!?\"'“”‘’()[]{}<>\\。，；：！？-–—=")
