"""Phrases in which replies state an option's letter, by language.

A phrase that denies ("is not B"), doubts ("could be B", "if it is B") or asks ("is it B?") states
nothing. Text is as `strict_extractor` cleans it: full-width forms are made plain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# A capital letter that stands alone states itself. "A" and "I" are also words, and lower-case
# letters may be: these count only where punctuation, the end or "because" follows.
_CAPITAL = r"[B-HJ-Z](?![A-Za-z0-9]|['’-][A-Za-z0-9])"
CJK = r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]"
# "C++" and "C#" are names, "B. B. King" is one.
_ALONE = r"(?![+#]|\.[^\S\n]?[A-Z]\.)"
_LINK = r"because|since|as|and|or|porque|ya\s+que|y|o|weil|denn|und|oder|car|parce|et|ou|pois"
CLAUSE_END = rf"(?=(?!['’-]\w)[^\S\n]*(?:$|\n|[^\w\s])|{CJK}|\s+(?:{_LINK})\b)"
OPEN = r"[\s(\[{<\"'“‘「『【〔\\]{0,8}"
LETTER = rf"{OPEN}(?<![A-Za-z])(?P<letter>{_CAPITAL}|[A-Za-z]{CLAUSE_END}){_ALONE}"
FINAL_LETTER = rf"{OPEN}(?<![A-Za-z])(?P<letter>[A-Z]{CLAUSE_END}){_ALONE}"
CLOSE = r"[)\]}\"'”’」』】〕]*"
_GAP = r"(?:(?!\b[B-Z]\b)[^.:;\n]){0,60}?"
_SIGN = r"[:=→–—-]"
_BEFORE = r"(?:^|[.,;:!?。、\n]\s*)"


@dataclass(frozen=True)
class Language:
    """The statements of a language, with a group `letter`, and what cancels them before it.

    `unsaid` is searched for in the clause up to the letter.
    """

    stated: tuple[re.Pattern[str], ...]
    unsaid: re.Pattern[str]


def _language(unsaid: str, *stated: str) -> Language:
    patterns = tuple(re.compile(pattern, re.MULTILINE) for pattern in stated)
    return Language(patterns, re.compile(f"(?i:{unsaid})"))


def _european(
    noun: str, verb: str, fill: str, right: str, pick: str, unsaid: str
) -> tuple[Language, str]:
    """Return the phrases "answer ... is B", "B is right", "I choose B", and the start of the first.

    Args:
        noun: the nouns for a letter.
        verb: "is".
        fill: the words between verb and letter.
        right: "right", for "B is right".
        pick: "choose".
        unsaid: denials and doubts.
    """
    start = rf"(?i:\b(?:{noun})\b){_GAP}(?:(?i:\b(?:{verb})\b)|{_SIGN})"
    filled = rf"(?i:\s*(?:(?:{fill})\b:?\s*)*)"
    named = rf"(?:(?i:\b(?:{noun}|{fill}))\s+)"
    return _language(
        unsaid,
        rf"{start}{filled}{LETTER}",
        rf"(?i:\b(?:{verb})\b){filled}{FINAL_LETTER}",
        rf"(?:{_BEFORE}|{named}){OPEN}(?P<letter>[A-Z]){CLOSE}\s+(?i:(?:{verb})\s+(?:(?:{fill})\s+)*(?:{right}))",
        rf"(?i:\b(?:{pick})){filled}{LETTER}",
    ), start


FORMS_OF_NOT = r"\b(?:not|never|neither|nor|cannot|wrong|incorrect|false)\b|n['’]t\b"
# Answers that are not the reply's own: the second best one, the user's, one of several.
_OTHER = (
    "least|less|second|third|first|last|next|previous|other|another|alternative|worst|wrong|"
    r"distract(?:or|ing)|his|her|their|one|initial|(?!(?:here|there|that|what|let|it)['’])\w+['’]s"
)
_PICK = r"(?:say|think|believe|guess|answer|choose|chose|select|pick|go)\w*"
_SOMEBODY = (
    "you|one|he|she|they|people|man|woman|boy|girl|user|someone|somebody|everyone|nobody|many|some"
)
_DOUBT = (
    rf"\b(?:(?:used|about|reluctant)\s+to\s+{_PICK}|"
    r"if|unless|whether|maybe|perhaps|possibly|suppos\w+|assum\w+|imagine|let['’]s\s+say|unlikely|"
    r"except|refuse|would\s+consider|chance|"
    r"reject\w*|avoid\w*|hesitat\w*|almost|nearly|tempt\w*|was\s+going\s+to|initially|originally|"
    r"previously|should\s+(?:I|we|you)|opposite|say\s+it['’]s|"
    rf"(?:please|why(?:\s+not)?)\s+(?:choose|select|pick|answer)|(?:might|may|could)\s+(?:have\s+to\s+|\w+\s+)?{_PICK}|"
    r"(?:some|many|most|few)\s+(?:people|would|may|will)|"
    rf"(?:{_OTHER})\s+(?:\w+\s+)?(?:answer|option|choice|selection|solution|pick|guess)s?|"
    rf"(?:{_SOMEBODY})\s+(?:\w+ly\s+|would\s+|should\s+|may\s+|will\s+)?"
    rf"{_PICK}|"
    r"rul(?:e|es|ed|ing)\s+out|eliminat\w+|exclud\w+|"
    r"(?<!no )(?<!without )(?<!without a )doubt\w*)\b"
)
_NOUN = r"(?i:\b(?:answer|ans|option|choice|selection|solution|pick|guess)\b\.?)"
_IS = rf"(?i:\b(?:is|are|be|was)\b|{_SIGN})"
_FILL = (
    r"(?i:\s*(?:(?:(?:most\s+|very\s+)?likely|probably|clearly|definitely|indeed|therefore|thus)\s+)?"
    r"(?:the\s+)?(?:(?:correct|best|right)\s+)?(?:(?:option|choice|letter|answer)\b:?)?)"
)
_I_SAY = (
    r"(?i:\bI(?:['’](?:d|ll)|\s+(?:would|will|can|must))?\s+(?:\w+ly\s+)?"
    r"(?:think|believe|guess|say|answer)(?:\s+that)?)"
)
_I_PICK = r"(?i:\b(?:choose|chose|select|pick|go(?:ing)?\s+with|go\s+for))"
_IT_IS = r"(?i:\b(?:it|this|that)(?:['’]s|\s+is|\s+must\s+be|\s+should\s+be|\s+would\s+be))"
_SO = (
    r"(?i:so|thus|hence|therefore|ultimately|overall|in\s+conclusion|ok|okay|well|"
    r"yes|sure|certainly|also|por\s+lo\s+tanto|as[ií]\s+que|entonces|alors|donc)"
)
_IS_RIGHT = (
    r"(?i:(?:is|must\s+be|would\s+be|seems|seems\s+to\s+be|appears\s+to\s+be)\s+(?:the\s+)?(?:most\s+)?"
    r"(?:correct|right|best|true|accurate|appropriate|answer)\b)"
    r"(?!\s*\?|\s+(?i:next|of|behind|beside|above|below|before|after|only|if|when|unless|avoided|"
    r"left|ruled)\b)"
)
_NAMED = r"(?i:\b(?:option|choice|answer|letter|that|so|thus|therefore|hence|think|believe))\s+"
_START = rf"{_NOUN}{_GAP}{_IS}"
ENGLISH = _language(
    rf"{FORMS_OF_NOT}|{_DOUBT}",
    rf"{_START}{_FILL}{LETTER}",
    rf"(?i:\banswer|\bans\.){LETTER}",
    rf"{_I_SAY}{_FILL}(?:\s*{_IS})?{LETTER}",
    rf"{_I_PICK}{_FILL}{LETTER}",
    rf"{_IT_IS}{_FILL}{FINAL_LETTER}",
    rf"(?:{_BEFORE}|{_NAMED}){OPEN}(?P<letter>[A-Z]){CLOSE}\s+{_IS_RIGHT}",
    rf"(?:^|[.,;!?\n]\s*)(?:\b{_SO}\b[,:]?){_FILL}{OPEN}(?P<letter>[A-Z])(?=\W*$)",
)
_GERMAN_NO = (
    r"\b(?:nicht|kein\w*|kaum|beinahe|weder|noch|nie|niemals|falsch\w*|inkorrekt\w*|unzutreffend\w*|wenn|falls|"
    r"ob|vielleicht|k[oö]nnte|eventuell|m[oö]glicherweise|unwahrscheinlich\w*|zuerst|bitte|"
    r"(?:erste|letzte|andere|zweit\w*|schlechteste|deine|seine|ihre)\s+(?:\w+\s+)?(?:antwort|option)|"
    r"antwort\s+des\s+\w+)\b"
)
_SPANISH, _SPANISH_START = _european(
    "respuesta|opci[oó]n|alternativa|soluci[oó]n|elecci[oó]n",
    "es|ser[ií]a",
    "la|el|una|opci[oó]n|letra|respuesta|alternativa|correcta|m[aá]s|muy|probablemente",
    "correct|adecuad|acertad|verdader|precis|apropiad|la\\s+correct",
    "elijo|escojo|elegir[ií]a|escoger[ií]a|selecciono|opto\\s+por|me\\s+quedo\\s+con",
    rf"{_GERMAN_NO}|"  # "es" is German, too
    r"\b(?:no|ni|nunca|tampoco|incorrect\w*|fals\w*|equivocad\w*|err[oó]ne\w*|si|quiz[aá]s?|"
    r"tal\s+vez|supong\w+|acaso|a\s+lo\s+mejor|podr[ií]a|puede|posiblemente|casi|jam[aá]s|menos|dicen?\s+que|"
    r"(?:primera|[uú]ltima|otra|segunda|peor|tu|su)\s+(?:\w+\s+)?(?:respuesta|opci[oó]n|alternativa)|"
    r"respuesta\s+del\s+\w+)\b",
)
_GERMAN, _GERMAN_START = _european(
    r"(?:antwort|l[oö]sung|auswahl|wahl)\w*|option|richtig|korrekt",
    r"ist|lautet|w[aä]re",
    r"die|der|das|antwort\w*|option|richtige|korrekte|buchstabe|am|wohl|sehr|wahrscheinlich|vermutlich",
    r"richtig|korrekt|zutreffend|beste|passend|wahr",
    r"w[aä]hle|nehme|entscheide\s+mich\s+f[uü]r|tippe\s+auf",
    _GERMAN_NO,
)
_FRENCH, _FRENCH_START = _european(
    "r[ée]ponse|option|choix|solution|alternative",
    "est|serait",
    "la|le|option|lettre|r[ée]ponse|bonne|correcte",
    "correct|juste|exact|vrai|bon|meilleur",
    "choisis|choisirais|s[ée]lectionne|opte\\s+pour",
    r"\b(?:non|pas|ne|ni|jamais|incorrect\w*|fauss?e?|si|peut|peut-[êe]tre|pourrait|erron\w*|premi[èe]re|"
    r"derni[èe]re|autre|certains|dit)\b|n['’]",
)
_PORTUGUESE, _PORTUGUESE_START = _european(
    "resposta|op[çc][ãa]o|alternativa|solu[çc][ãa]o",
    "é|seria",
    "a|o|op[çc][ãa]o|letra|resposta|alternativa|correta",
    "corret|cert|verdadeir|adequad",
    "escolho|escolheria|seleciono",
    r"\b(?:não|nem|nunca|incorret\w*|errad\w*|fals\w*|talvez|se|pode|poderia|primeira|[úu]ltima|outra|alguns|diz)\b",
)
_ITALIAN, _ITALIAN_START = _european(
    "risposta|opzione|alternativa|soluzione",
    "è|sarebbe",
    "la|il|opzione|lettera|risposta|corretta",
    "corrett|giust|esatt|ver[ao]|miglior",
    "scelgo|sceglierei",
    r"\b(?:non|né|mai|errat\w*|sbagliat\w*|fals\w*|forse|se|potrebbe|può|prima|ultima|altra|alcuni|dice)\b",
)
_RUSSIAN, _RUSSIAN_START = _european(
    "ответ|вариант|решение",
    "это|является|будет",
    "вариант|ответ|буква|правильный|верный",
    "правильн|верн",
    "выбираю|выберу",
    r"\b(?:не|нет|ни|неверн\w*|неправильн\w*|если|возможно|может|перв\w*|последн\w*|друг\w*|говорит)\b",
)
# Text between "answer" and the letter, in languages that write no spaces.
_NEAR = r"[^A-Za-z.。;\n]{0,15}?"
_CHINESE_NO = (
    r"不(?![仅但管论])|没|沒|非|无法|無法|除(?!非)|错|錯|误|誤|如果|假如|假设|若|是否|"
    r"(?<!最)(?<!最有)(?<!很)(?<!很有)可能|也许|或许|别(?!的)|请选|要么|本来|起初|最初|之前|差点|考虑|犹豫|怀疑|难说|原以为|为什么|为何|即使|"
    r"用户|(?:[他她人]们?|老师|学生)(?:都|会|就)?(?:选|说|认为|觉得)|(?:第[一二三四]|最后一|另一?|其他)个?(?:选项|答案)|"
    r"写着|字幕|(?:答案从|从|由)(?=[A-Z])|改选"
)
_CHINESE = _language(
    _CHINESE_NO,
    rf"(?:答案|正确选项|正確選項|正确的(?:选项)?是|正確的(?:選項)?是|最佳(?:选项|選項)){_NEAR}{LETTER}",
    rf"(?:选项|選項)\s*(?:是|应?为|應?為|:){LETTER}",
    rf"(?:选|選)(?![项項])(?:择|擇)?(?:的是|了|为|為|:|选项|選項|答案|\s)*{LETTER}",
    rf"(?:^|[.,;:!?。、\n]|选项|選項|答案|所以|因此|只有|故)\s*{OPEN}(?P<letter>[A-Z]){CLOSE}\s*"
    r"(?:选项|選項|[项項])?\s*(?:才?是|为|為|最|的描述|的说法|更)*\s*"
    r"(?:正确|正確|对的|對的|最佳|合适|合適|符合|准确|準確|答案)",
    rf"(?:^|[\n。,])\s*答\s*:{LETTER}",
    rf"而是(?:选项|選項|选|選)?{LETTER}",
)
_JAPANESE = _language(
    r"不正解|不適切|誤|間違|ない|なく|ません|もし|仮に|ひょっと|彼|ユーザー|最初の|最後の|別の|他の|看板",
    rf"(?:答え|正解|解答|回答){_NEAR}{LETTER}",
    rf"(?:選択肢|正しい(?:の|もの)|適切な(?:の|もの)|正しい\S{{1,6}})\s*(?:は|:){LETTER}",
    rf"(?:{_BEFORE}|選択肢|つまり|よって|ので|から)\s*{OPEN}(?P<letter>[A-Z]){CLOSE}\s*"
    r"(?:が|は)\s*(?:最も)?(?:(?:正解|正しい|答え|適切)(?!\s*(?:では|じゃ|とは|か))|正しいです)",
    rf"{OPEN}(?<![A-Za-z])(?P<letter>[A-Z]){CLOSE}\s*を\s*"
    r"(?:選(?:びま(?:す|した)|択しま(?:す|した)|ぶ$|んだ$)|答え)",
    rf"{OPEN}(?<![A-Za-z])(?P<letter>[A-Z]){CLOSE}\s*と答えます",
)
_KOREAN = _language(
    r"오답|틀린|잘못|낮은|아닌|않|만약|혹시|없|어떤\s*사람|그는|그녀|사용자|첫\s*번째|마지막|다른|표지판",
    rf"(?:정답|답){_NEAR}{LETTER}",
    rf"(?:옵션|선택지|보기)\s*(?:은|는|:){LETTER}",
    rf"(?:{_BEFORE}|옵션|선택지|보기|따라서|그러므로)\s*{OPEN}(?P<letter>[A-Z]){CLOSE}\s*(?:번)?\s*"
    r"(?:이|가|은|는)\s*(?:가장\s*)?(?:(?:정답|답)|맞|옳|올바|적절|적합)"
    r"(?!\S*\s*아|\S*지|이?일|이?라(?!고\s*생각)|을\s*수|\S*다고)",
    rf"{OPEN}(?<![A-Za-z])(?P<letter>[A-Z]){CLOSE}\s*(?:번)?\s*[을를]\s*"
    r"(?:선택|고르|고릅|택)(?!\S*\s*(?:않|안|수|지도|뻔)|하는|하면|\S*(?:세요|지도|까))",
)
LANGUAGES = (
    *(ENGLISH, _SPANISH, _GERMAN, _FRENCH, _PORTUGUESE, _ITALIAN, _RUSSIAN),
    *(_CHINESE, _JAPANESE, _KOREAN),
)

_STARTS = (
    *(_START, _SPANISH_START, _GERMAN_START, _FRENCH_START),
    *(_PORTUGUESE_START, _ITALIAN_START, _RUSSIAN_START),
)
# "The answer is", before an option's text.
LEADING = re.compile(
    rf"^.{{0,60}}?(?:{'|'.join(_STARTS)})\s*|^.{{0,15}}(?:答案|正解|答え|정답|답)\s*(?:是|为|為|は|은|는|:)\s*"
)
