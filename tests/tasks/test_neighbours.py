"""What stands beside a letter, or in its clause, decides whether it is stated; half are traps."""

from __future__ import annotations

import pytest

from tspo_bench.tasks.reading import read_answer

OPTIONS = ("A hat", "An egg", "Dogs", "None of the above")
CHINESE = ("一个男人", "一个女人", "狗", "以上都不是")
PEOPLE = ("George Washington", "Benjamin Franklin", "3", "4")
LANGUAGES = ("Java", "C++", "C#", "Python")
COLOURS = ("red", "red and blue", "blue", "2", "2 to 3")

STATED = (
    "I will go with B", "I have to go with B", "I can confidently say the answer is B",
    "We can say that the answer is B.", "I must choose B.", "I'd choose B over A.",
    "Based on this, I can choose B.", "The answer is B. Eggs are shown.", "B. Eggs", "B. Egg.",
    "B. The egg.", "B: The egg", "Answer: B. An egg is held by him.",
    "The answer is B (An egg), not A (A hat).", "The answer is B: an egg.",
    "The answer is B, an egg, as Dogs are not shown.", "B. Definitely an egg.",
    "I may be wrong, but the answer is B.", "The tool used to cook is shown. The answer is B.",
    "Considering the frames, the answer is B.", "答案是B：鸡蛋", "选项B：鸡蛋", "选B：An egg",
    "我会选B", "我想选B", "可以确定答案是B", "应当选B，因为画面里可以看到鸡蛋。",
    "视频里可能有帽子。答案是B。", "答案是B的可能性最大", "故答案为B项", "答えはB（An egg）です。",
    "Bを選択します。", "Bと答えます。", "選択肢Bが最も適切です。", "答えはBだと考えます",
    "正解はB：卵です", "정답은 B: 달걀입니다.", "B가 가장 적절합니다.", "정답은 B라고 생각합니다.",
    "저는 B를 선택하겠습니다.", "B를 고르겠습니다.", "Elijo la opción B porque se ve un huevo.",
    "La respuesta es B: un huevo.", "Sin duda, es la B.",
    "Puedo ver un huevo, así que la respuesta es B.", "Ich würde sagen, die Antwort ist B.",
    "Zweifellos ist die Antwort B.", "Die Antwort ist B: ein Ei.", "Antwort B: Ein Ei",
    "Ich nehme B.",
)  # fmt: skip
DOUBTED = (
    "I may go with B", "I may have to go with B", "I may choose B, but I am not certain",
    "I would consider choosing B", "I used to choose B", "I am reluctant to choose B",
    "I was about to pick B", "Nobody would pick B", "No one should choose B",
    "There's a chance the answer is B", "Imagine the answer is B", "Let's say I choose B",
    "我在考虑选B", "我差点选了B", "我怀疑答案是B", "我之前选了B", "我最初选的是B", "难说答案是B",
    "老师选择了B", "答案是B的概率很低", "答案是B的可能性不大", "Bを選ぶかもしれません",
    "Bを選びそうになりました", "Bを選ぼうか迷っています", "答えはBに見えますが、違います",
    "B를 선택할 수도 있습니다", "B를 선택할까요?", "B를 선택할 뻔했습니다",
    "B가 맞을 수도 있습니다", "B가 정답일 리 없습니다", "B가 정답인지 모르겠습니다",
    "답은 B일 것 같지 않습니다", "B가 정답이라고 하기 어렵습니다",
    "Supongamos que la respuesta es B", "Acaso es la B", "Eventuell ist es B",
    "Angenommen, die Antwort ist B", "Kaum ist es B",
)  # fmt: skip
NAMES = (
    "B. Franklin", "C. Darwin", "B. B. King", "Answer: B.B. King", "The answer is B. B. King",
    "B. Sc.", "C. S. Lewis", "La respuesta es B. García", "B. Müller", "C++", "C#", "Answer: C++",
    "The answer is C#", "The answer is B+", "答案是B超人", "答案是B级片", "答案是C罗", "选C罗",
    "答案是A股", "答案是A一个男人", "B 鸡蛋", "答えはB級映画です", "答えはBさんです",
    "正解はC社です", "정답은 B급 영화입니다", "정답은 B형입니다",
)  # fmt: skip
CONTRADICTED = (
    "The answer is B: Dogs", "The answer is B) A hat, as seen.", "(B) Dogs\n\nThey run.",
    "B. A hat\n\nThe man wears one.", "**B. Dogs**\n\nExplanation: they bark.",
    "I choose B, a hat.", "答案是B：Dogs", "答えはB、Dogsです。", "정답은 B. Dogs입니다",
    "La respuesta correcta es B) Dogs", "Die Antwort ist B: Dogs.",
)  # fmt: skip


def test_half_are_traps() -> None:
    assert len([*DOUBTED, *NAMES, *CONTRADICTED]) >= len(STATED)


@pytest.mark.parametrize("reply", STATED)
def test_a_reply_that_states_b(reply: str) -> None:
    assert read_answer(reply, OPTIONS) == "B"


@pytest.mark.parametrize("reply", [*DOUBTED, *NAMES, *CONTRADICTED])
def test_a_trap_states_nothing(reply: str) -> None:
    assert read_answer(reply, OPTIONS) is None


@pytest.mark.parametrize(
    ("options", "reply", "letter"),
    [
        (LANGUAGES, "C++", "B"),
        (LANGUAGES, "C#", "C"),
        (LANGUAGES, "The answer is C++", "B"),
        (LANGUAGES, "B. C++", "B"),
        (LANGUAGES, "C", "C"),
        (CHINESE, "答案是A一个男人", "A"),
        (CHINESE, "答案是A一个女人", None),
        (CHINESE, "选项C：狗", "C"),
        (CHINESE, "选项B：狗", None),
        (CHINESE, "答案是C罗", None),
        (PEOPLE, "B. Franklin", "B"),
        (PEOPLE, "A. Lincoln", None),
        (PEOPLE, "C. 1900", None),
        (PEOPLE, "The answer is A. Lincoln", None),
        (PEOPLE, "C. Three", "C"),
        (COLOURS, "The answer is B: red and blue", "B"),
        (COLOURS, "The answer is A, red.", "A"),
        (COLOURS, "The answer is B, red.", None),
        (COLOURS, "The answer is C. Blue is the ball.", "C"),
        (COLOURS, "The answer is E. 2 to 3 are shown.", "E"),
        (COLOURS, "The answer is D: 2.", "D"),
    ],
)
def test_the_text_beside_a_letter_is_compared_with_the_options(
    options: tuple[str, ...], reply: str, letter: str | None
) -> None:
    assert read_answer(reply, options) == letter
