"""Replies as models give them, and worse: made from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tspo_bench.types import Question

# Where extractors differ; see test_extractors.py.
TRAPS = (
    "The answer is B because it is Dark",
    "Based on the video, the correct answer is C.",
    "Best answer: D",
    "Answer: C",
    "The answer is B",
    "I think it is C",
    "b",
    "E",
    "F",
    "",
    " \n",
    ".",
    "Video /data/clip.mp4 can not load, check the source",
    "!!!!!!!!",
    "D. A book",
    "A man opens the door",
    "Vitamin C",
    "not B",
    "B or C",
)
_WRAPPED = (
    "{}",
    "({})",
    "{}.",
    "{})",
    "{}:",
    "**{}**",
    '"{}"',
    " {}\n",
    "{}, because",
    "\\boxed{{{}}}",
    "[{}]",
    "<answer>{}</answer>",
    "Option {}",
    "<think>It may be A or B.</think>{}",
    "It may be A.</think>{}",
    "<think>It may be A. {}",
    "<analysis>C</analysis>\n\n{}",
)
_SENTENCES = (
    "The answer is {}.",
    "The answer is {} because the man is Dark",
    "The best answer is: {}",
    "The best option is {}",
    "The correct option is {}, not A",
    "Best option: {}",
    "Best answer: {}",
    "I choose {}",
    "i pick {} over B",
    "My choice is {}!",
    "Based on the video, the correct answer is {}.",
    "After a closer look at every one of the frames that are shown here: {}",
    "Between A and B the correct choice is {}; the answer is {}",
    "{} is right. A, C and D are wrong.",
    "BAD CALL, SO {} THEN",
    "Neither (A) nor (B). {}",
    "答案是{}",
    "答案为：{}",
    "选{}",
    "選択肢{}です。答えは{}",
    "정답은 {} 입니다",
    "답: {}",
    "옵션 {}",
    "La respuesta es {}.",
    "Die Antwort ist {}",
    "الإجابة هي {}",
    "Ответ: {}",
    "उत्तर {} है",
    "İSTANBUL: the answer is {}",
)
_PIECES = (
    *"ABCDEFabcd.,:;!?'\"()*",
    *("(A)", "B.", "C:", "D)", " ", "\n", "the answer is", "The answer", "Best option:", "RED"),
    *("answer", "Dad", "I", "because", "文", "é", "</think>", "<think>", "one of the many things"),
)


def replies_to(
    question: Question, number: int, phrases: Sequence[str] = ("the answer is",)
) -> Iterator[str]:
    """As many replies to a question, always the same: of each kind in turn.

    Args:
        question: is answered.
        number: of replies.
        phrases: known to an extractor, of which one kind has two.
    """
    rng = random.Random(f"{question.id} {number}")
    for turn in range(number):
        letter = rng.choice([*question.letters, question.answer or "A", "E", "e", "b"])
        option = rng.choice(question.options)
        yield (
            rng.choice(TRAPS),
            _filled(rng.choice(_WRAPPED), letter),
            _filled(rng.choice(_SENTENCES), letter),
            _pieces(rng, 12),
            rng.choice([option, f"{letter}. {option}", f"It is {option}", question.text]),
            "".join(f"{_pieces(rng, 4)}{rng.choice(phrases)} {letter} " for _ in "12") + "or so",
        )[turn % 6]


def _pieces(rng: random.Random, number: int) -> str:
    return "".join(
        rng.choice(_PIECES) + rng.choice(["", " "]) for _ in range(rng.randint(0, number))
    )


def _filled(template: str, letter: str) -> str:
    return template.format(*[letter] * 2)
