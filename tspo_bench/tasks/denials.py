"""Patterns around a statement that deny it, doubt it, take it back or make it another's.

Those before the letter in the same clause are in `phrases`.
"""

from __future__ import annotations

import re

from tspo_bench.tasks.phrases import CLOSE, FINAL_LETTER, FORMS_OF_NOT, LETTER

CROSSED = "[×✗✘❌✖¬≠]|!=|!(?=[A-Z]\\b)"
# Within a statement, from the noun to the letter, the denials of all languages count.
DENIAL = re.compile(
    rf"(?i){FORMS_OF_NOT}|\b(?:could|might|may|can)\s+(?:\w+\s+)?be\b|{CROSSED}|"
    r"\b(?:no|não|non|nicht|kein\w*|weder|pas)\b|\bне\b|不|ない|아니"
)
NOUNS = (
    r"(?i:(?:(?:the|la|die)\s+)?(?:option|choice|answer|opci[oó]n|respuesta|alternativa|antwort\w*|r[ée]ponse|resposta|"
    r"op[çc][ãa]o|risposta|opzione|ответ|вариант|letra))\s*|(?i:la|die)\s+|(?:选项|選項|选择?|選擇?|故选|"
    r"答案?|選択肢|答え|옵션|선택지|보기|정답|답)\s*"
)
_BARE_END = r"(?:选项|選項|项|項|番|です|だ|である|번?\s*(?:입니다|이다|이에요|예요)|번|かな)?"
# A line of the letter alone, or with what it is called.
BARE = re.compile(
    rf"^[^\w\n]{{0,4}}(?:{NOUNS})?[^\w\n]{{0,4}}(?P<letter>[A-Za-z])[^\w\n?+#]{{0,4}}{_BARE_END}[^\w\n?+#]{{0,4}}$",
    re.MULTILINE,
)
# Right behind a letter: what denies it, doubts it or asks.
DENIED_AFTER = re.compile(
    rf"(?i){CLOSE}(?:"
    r"[\s.!(\[]*\?|\s*[×✗✘❌✖]|,?\s+(?:only\s+)?(?:if|unless|provided|assuming|wenn|falls|si)\b|的(?:人|(?:概率|可能性?)[^,。]*[不低小])|\s*(?:とは限|なら|の場合|(?:だろう)?か(?:な|どうか)?(?=[。?\s]|$|分)|だろうか|かどうか|と言う|と書|だと思うかも)|\s*(?:라고\s*(?:합|할|볼|적|쓰)|라면|인지|가\s*아닐)|\s*(?:以外|之外|이외|말고|보다|제외|빼고)"
    r"|,?\s*(?:which\s+|that\s+)?(?:is|was|are|would\s+be|can|could|does|did|do|seems?|looks?)"
    r"(?:\s+(?:definitely|clearly|certainly|also|obviously|probably|likely|simply))?"
    r"(?:\s+(?:not|never|incorrect|wrong|false|ruled\s+out|unlikely|less\s+likely|impossible)\b"
    r"|n['’]t\b)"
    r"|\s+(?:no\b|tampoco\b|não\b|non\b|не\b|n['’]|nicht\b|falsch|inkorrekt|ruled\s+out)"
    r"|\s+(?:es|est[aá]?|é|è|ist|w[aä]re|kann|trifft)\s+(?:\w+\s+)?"
    r"(?:incorrect|fals|err[oó]n|faux|errad|sbagliat|errat|nicht|inkorrekt|unzutreff|unwahrsch|improbable)"
    r"|\s*(?:选项|選項|[项項])?\s*(?:是|也|并|就|显然|明显|肯定|都|可以)*\s*"
    r"(?:不(?![仅但])|没|沒|错|錯|有误|有誤|非|被?排除|[吗嗎])"
    r"|\s*(?:は|が|も|とは|では|じゃ|で|って)*\s*(?:ない|なく|なかった|ありません|間違|誤|不正解|違|"
    r"言え|思いません|除外|です?か(?!ら)|でしょうか|かも|か[。?])"
    r"|\s*번?\s*(?:은|는|이|가|도|를|을|라고)?\s*(?:정답이\s*|답이\s*|맞지\s*|옳지\s*)?"
    r"(?:아니|아닙|아닌|않|틀|오답|볼\s*수\s*없|인가|입니까|일까|일\s*수도|일지도|일\s*것\s*같지))"
)
# Behind a label ("B."), in its clause, and behind a label and the option's text: what denies it.
LABEL_CLAUSE = re.compile(r"[^.;。\n]*?(?=\b(?:because|since|as)\b|[.;。\n]|$)", re.MULTILINE)
_LABEL_NOT = (
    rf"{FORMS_OF_NOT}|\b(?:unlikely|ruled\s+out|eliminated|kein\w*|nicht|falsch|unzutreffend|nein|incorrect[oa]|fals[oa])\b"
    rf"|{CROSSED}|\?|いいえ|错|錯|不(?![仅但])|没|沒|排除|無|間違|誤|不正解|ない|なし|ません|틀|오답|아니|않|없"
)
LABEL_DENIED = re.compile(rf"(?i){_LABEL_NOT}|(?:^|\b(?:is|are|has|shows?)\s+)no\b")
TEXT_DENIED = re.compile(
    r"(?i)[\s.!)\]\"'”’(:–—-]*(?:(?:this|that|it|which)\s+)?"
    r"(?:(?:is|are|was|were|does|do|did|can|could|would|es|ist|wird)\s*)?"
    rf"(?:be\s+|also\s+)?(?:{_LABEL_NOT}|no\b)"
)
MAYBE = (
    r"(?:maybe|perhaps|possibly|also|either|even|option|选项|選項|opci[oó]n|la|antwort|quiz[aá]s?|"
    r"tal\s+vez|vielleicht|doch|mejor|besser|lieber|者是|是)\s*"
)
_CLAUSE = r"(?:^|[.…,;:!?。、(\n—–-])\s*(?:(?:oh|no|but|hmm+)\b,?\s*)?"
# "B... wait", "B. No, C": what was said is taken back. The second kind needs another letter.
TAKEN_BACK = re.compile(
    rf"(?i){_CLAUSE}(?:(?:wait|hold\s+on|hang\s+on|on\s+second\s+thought|scratch\s+that|correction|"
    r"let\s+me\s+(?:re\S+|think|check|look)|i\s+was\s+wrong|my\s+mistake|never\s?mind|oops|espera|"
    r"perd[oó]n|corrijo|moment|warte|korrektur)\b|等等|等一下|不对|不對|更正|待って|訂正|잠깐|정정)"
)
CORRECTED = re.compile(
    rf"(?i:{_CLAUSE}(?:no\b(?=\s*[,.!:…—-])|(?:actually|sorry|i\s+mean|or\s+rather|rather|better|"
    r"mejor\s+dicho|digo|nein|doch|quatsch|entschuldigung|"
    r"besser\s+gesagt)\b|哦?不(?=[,.、])|いや|아니)|(?:\.\.|[…—])\s*no\b).{0,40}?" + FINAL_LETTER
)
# Another letter behind a statement, as an alternative to it.
_RIGHT_TOO = r"\s+(?:is|are|was|seems|could\s+be|may\s+be|might\s+be)\s+(?:also\s+)?"
ALTERNATIVE = re.compile(
    r"(?i:\b(?:or|alternatively|edit|update|hmm+|on\s+(?:reflection|second\s+thoughts?)|so\s+(?:is|are)|"
    r"(?:could|might|may)\s+(?:also\s+)?be|"
    r"(?:but|though|although|however|yet|actually)\b[^.\n]{0,40}?\b(?:is|be))\b)"
    rf"\W{{0,3}}(?i:{MAYBE}|it\s+is\s+|it['’]s\s+|(?:the\s+)?(?:correct\s+)?answer\s+is\s+)*{LETTER}"
    rf"|(?:但|也有?可能|要么|が、|が,|이?지만|인지|\b(?i:aunque|pero|aber)\b)[^.。\n]{{0,14}}?"
    + LETTER.replace("letter", "but")
    + rf"|(?<![A-Za-z])(?P<too>[A-Z]){CLOSE}{_RIGHT_TOO}"
    r"(?i:correct|right|possible|plausible|valid)\b"
)
NEGATION = re.compile(
    r"(?i)\b(?:not(?!\s+(?:sure|certain))|never|neither|nor|cannot|wrong|incorrect|false|than|unlike|"
    r"without|except|ni|no|nicht|falsch|kein\w*)\b|n['’]t\b|不|没|ない|(?<!かもしれ)ません|않|아니|아닌|아닙|틀"
)
# Right before a statement that is somebody's words, or was a first thought.
QUOTING = re.compile(
    r"(?i)(?:\b(?:says?|said|reads?|asks?|asked|states?|written|displays?|shouts?|I\s+thought|dice|steht|"
    r"sagt|(?<!würde )sagen|angenommen|dachte\s+ich)|说|写着|(?:字幕|黑板)显示)\W{1,4}"
    r"(?:(?:the|my|correct|right|answer|la|respuesta|die|richtige|antwort)\s+)*$"
)
CLAUSE_START = re.compile(r"(?i)[.,;:!?\n。、]|\b(?:but|so|thus|therefore|hence)\b")
