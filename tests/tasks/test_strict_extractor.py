"""The strict extractor: tables of replies, half of them traps, and properties of all phrases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.tasks import read_answer

TABLES = yaml.safe_load((Path(__file__).parents[1] / "data/tasks/replies.yaml").read_text("utf-8"))
FOUR = ("Apples.", "Candles.", "Berries", "All three in the same number")


@pytest.mark.parametrize(
    ("options", "letter", "replies"),
    [
        pytest.param(table["options"], letter, replies, id=f"{number}-{letter}-{kind}")
        for number, table in enumerate(TABLES)
        for letter, kinds in table["replies"].items()
        for kind, replies in kinds.items()
    ],
)
def test_the_letter_that_replies_state(options: list[str], letter: str, replies: list[str]) -> None:
    found = {reply: read_answer(reply, options) for reply in replies}
    assert found == dict.fromkeys(replies, None if letter == "none" else letter)


def test_half_are_traps() -> None:
    numbers: dict[str, int] = {}
    for letter, kinds in TABLES[0]["replies"].items():
        numbers[letter] = sum(map(len, kinds.values()))
    assert numbers["none"] >= sum(numbers.values()) / 2


ACTIONS = ("A dog barks", "He leaves", "A man opens the door", "Dogs appear")
LANGUAGES = ("Java", "C++", "C#", "Python")
CHINESE = ("一个男人", "一个女人", "狗", "以上都不是")
PEOPLE = ("George Washington", "Benjamin Franklin", "3", "4")
COLOURS = ("red", "red and blue", "blue", "2", "2 to 3")


@pytest.mark.parametrize(
    ("options", "replies"),
    [
        (
            ACTIONS,
            {
                "A man opens the door.": "C",
                "The answer is A man opens the door": "C",
                "The answer is B, because Dogs appear": "B",
            },
        ),
        (("G minor", "C major"), {"C major": "B"}),
        (("G minor", "C major", "D major"), {"The answer is C major": "B"}),
        (("D", "C", "B", "A"), {"D": "D"}),  # a letter is the option's letter, not its text
        (("T", "X"), {"T": "A"}),  # not an option's letter, but an option's text
        (("2", "3", "4"), {"3": "B"}),
        (("L. Pasteur", "E.P. Joslin"), {"B. E.P. Joslin": "B"}),
        (("", "x"), {"A": "A", "": None}),
        (("$1 trillion.", "$10 trillion."), {"$10 trillion.": "B"}),
        (("Shooting", "Arson", "Shooting"), {"Shooting": None}),
        (("1", "2", "3", "4", "5"), {"E": "E"}),
        (("yes", "no"), {"C": None}),
        (
            LANGUAGES,
            {"C++": "B", "C#": "C", "The answer is C++": "B", "B. C++": "B", "C": "C"},
        ),
        (
            CHINESE,
            {
                "答案是A一个男人": "A",
                "答案是A一个女人": None,
                "选项C：狗": "C",
                "选项B：狗": None,
                "答案是C罗": None,
            },
        ),
        (
            PEOPLE,
            {
                "B. Franklin": "B",
                "A. Lincoln": None,
                "C. 1900": None,
                "The answer is A. Lincoln": None,
                "C. Three": "C",
            },
        ),
        (
            COLOURS,
            {
                "The answer is B: red and blue": "B",
                "The answer is A, red.": "A",
                "The answer is B, red.": None,
                "The answer is C. Blue is the ball.": "C",
                "The answer is E. 2 to 3 are shown.": "E",
                "The answer is D: 2.": "D",
            },
        ),
    ],
)
def test_the_options_decide(options: tuple[str, ...], replies: dict[str, Any]) -> None:
    assert {reply: read_answer(reply, options) for reply in replies} == replies


@pytest.mark.parametrize(
    "loop", ["\n", " ", "(A)\n", "\n(A) ", "<answer>", "<|begin_of_box|>", "<", "the answer is "]
)
def test_a_reply_that_loops_is_read_by_its_ends(loop: str) -> None:
    """Some of these once took minutes."""
    assert read_answer(f"The answer is B.\n{loop * (50_000 // len(loop))}", FOUR[:1]) is None


def test_a_long_reply_is_read_by_its_ends() -> None:
    filling = "The man waits here. " * 5000
    assert read_answer(f"{filling}\nThe answer is B.", FOUR) == "B"
    assert read_answer(f"B\n\n{filling}", FOUR) == "B"
    assert read_answer(f"B\n\n{filling}\nThe answer is C.", FOUR) is None


PHRASES = [
    "{}", "({})", "{}.", "{})", "[{}]", "**{}**", '"{}"', "Answer: {}", "Answer: ({}).",
    "The answer is {}.", "the best answer is: {}", "The correct answer is ({}).",
    "Best option: {}", "I think the answer is {}.", "I choose {}.", "It is {}.",
    "Based on the video, the answer is {}", "The answer is {}, because of the frames.",
    "Therefore, the correct option is {}.", "{} is correct.", "\\boxed{{{}}}",
    "<answer>{}</answer>", "{}. some words that no option has", "答案是{}", "选择{}。",
]  # fmt: skip


@given(
    phrase=st.sampled_from(PHRASES),
    count=st.integers(2, 10),
    index=st.integers(0, 9),
    lead=st.sampled_from(["", "A man walks in. ", "\n", "I see it now.\n"]),
)
def test_phrases_give_their_letter(phrase: str, count: int, index: int, lead: str) -> None:
    letter = "ABCDEFGHIJ"[index]
    options = [f"thing number {i}" for i in range(count)]
    opens_with_letter = phrase[0] != "\\" and not phrase[0].isalpha()  # states at a line's start
    reply = ("" if opens_with_letter and lead.endswith(" ") else lead) + phrase.format(letter)
    assert read_answer(reply, options) == (letter if index < count else None)


@given(reply=st.text(max_size=80), count=st.integers(2, 10))
def test_never_outside_the_options(reply: str, count: int) -> None:
    letter = read_answer(reply, [f"o{i}" for i in range(count)])
    assert letter is None or letter in "ABCDEFGHIJ"[:count]


@given(
    pair=st.lists(st.sampled_from("ABCD"), min_size=2, max_size=2, unique=True),
    first=st.sampled_from(["The answer is {}.", "I choose {}.", "Answer: {}"]),
    second=st.sampled_from(["The answer is {}.", "I choose {}.", "{} is correct."]),
)
def test_two_letters_stated_are_none(pair: list[str], first: str, second: str) -> None:
    assert read_answer(f"{first.format(pair[0])}\n{second.format(pair[1])}", FOUR) is None
