"""The strict reader: a table of replies, and properties that hold for every phrase and letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.tasks.reading import read_answer

FOUR = ("Apples.", "Candles.", "Berries", "All three in the same number")
ACTIONS = ("A dog barks", "He leaves", "A man opens the door", "Dogs appear")

REPLIES = [
    # One letter, dressed in any way.
    ("B", "B"),
    ("b", "B"),
    ("C.", "C"),
    ("(C)", "C"),
    ("B)", "B"),
    (" **D** ", "D"),
    ("Ｂ", "B"),
    ("（B）", "B"),
    ("$B$", "B"),
    ("a", "A"),
    ("Option B", "B"),
    # Letters that are no option.
    ("E", None),
    ("The answer is E.", None),
    ("(F)", None),
    # Replies on which published extractors fail.
    ("The answer is B because it is Dark", "B"),
    ("Based on the video, the correct answer is C.", "C"),
    ("Best answer: D", "D"),
    ("Answer: C", "C"),
    ("The answer is B", "B"),
    ("I think it is C", "C"),
    # Articles, names and later words.
    ("A man opens the window, so the answer is B.", "B"),
    ("The answer is B, because Dogs appear", "B"),
    ("The answer is A because it is bright", "A"),
    ("The answer is A.", "A"),
    ("The answer is a", "A"),
    ("The answer is A man in a hat", None),
    ("A man walks in", None),
    ("Vitamin C is shown", None),
    ("Plan B is the best", None),
    ("The answer is X-ray", None),
    ("The answer is B's hat", None),
    ("It is D-Day", None),
    ("U.S. soldiers", None),
    # Nothing said.
    ("", None),
    ("   ", None),
    ("!!!!", None),
    ("I cannot tell from the frames.", None),
    ("Video /data/x.mp4 can not load, check the source", None),
    # Several letters said.
    ("The answer is B. I choose C.", None),
    ("The answer is B or C", None),
    ("The answer is B, or maybe C", None),
    ("Either A or B", None),
    ("A and C", None),
    ("B\nC", None),
    # Denials.
    ("The answer is not B", None),
    ("I do not think it is C", None),
    ("I don't think B is correct", None),
    ("B is not correct", None),
    ("The answer is not A, it is B.", "B"),
    ("Option B is wrong; the answer is C", "C"),
    ("The answer is C. Option B is incorrect.", "C"),
    # Labels before the text.
    ("B. Candles.", "B"),
    ("(B) Candles", "B"),
    ("B) Candles", "B"),
    ("Option B: Candles", "B"),
    ("C: it shows berries", "C"),
    ("B, because candles burn", "B"),
    ("A. Apples.\nB. Candles.\nC. Berries\nD. All\nAnswer: C", "C"),
    ("A. Apples.\nB. Candles.\nC. Berries\nD. All", None),
    ("B. Candles.\nThe candles are on the tree.", "B"),
    ("Candles are on the tree.\n\nB", "B"),
    # Text of one option, word for word.
    ("candles", "B"),
    ("Berries.", "C"),
    ('"Apples"', "A"),
    ("The answer is Berries.", "C"),
    ("The correct answer is: all three in the same number", "D"),
    ("Apples and berries", None),
    ("There are no candles", None),
    # Other phrases.
    ("Best Option: (B", "B"),
    ("The correct option is (D).", "D"),
    ("The correct answer is option B.", "B"),
    ("The answer to the question is C.", "C"),
    ("My choice would be B", "B"),
    ("B is correct because A is wrong", "B"),
    ("(C) is the best answer", "C"),
    ("I would choose option D.", "D"),
    ("I'd go with A.", "A"),
    ("It's B.", "B"),
    ("So the final answer is \\boxed{B}", "B"),
    ("\\boxed{\\text{C}}", "C"),
    ("<answer>a</answer>", "A"),
    ("<think>Could be A. The answer is A?</think>\n<answer>D</answer>", "D"),
    ("<think>The answer is B, but wait", None),
    # Other languages.
    ("答案是B", "B"),
    ("正确答案是：B。", "B"),
    ("答案：（C）", "C"),
    ("我选B", "B"),
    ("选项B错误,答案是C", "C"),
    ("答案不是B", None),
    ("正解はDです", "D"),
    ("정답은 A입니다", "A"),
    ("La respuesta es B", "B"),
    ("La respuesta no es B", None),
    ("La réponse est C.", "C"),
    ("Die Antwort ist D", "D"),
    ("A resposta é B", "B"),
]


@pytest.mark.parametrize(("reply", "letter"), REPLIES)
def test_replies(reply: str, letter: str | None) -> None:
    assert read_answer(reply, FOUR) == letter


@pytest.mark.parametrize(
    ("reply", "options", "letter"),
    [
        ("A man opens the door.", ACTIONS, "C"),
        ("The answer is A man opens the door", ACTIONS, "C"),
        ("The answer is B, because Dogs appear", ACTIONS, "B"),
        ("C major", ("G minor", "C major"), "B"),
        ("The answer is C major", ("G minor", "C major", "D major"), "B"),
        ("D", ("D", "C", "B", "A"), "D"),  # a letter is the option's letter, not its text
        ("T", ("T", "X"), "A"),  # no option's letter, but an option's text
        ("3", ("2", "3", "4"), "B"),
        ("B. E.P. Joslin", ("L. Pasteur", "E.P. Joslin"), "B"),
        ("A", ("", "x"), "A"),
        ("$10 trillion.", ("$1 trillion.", "$10 trillion."), "B"),
        ("Shooting", ("Shooting", "Arson", "Shooting"), None),
        ("E", ("1", "2", "3", "4", "5"), "E"),
        ("C", ("yes", "no"), None),
        ("", ("", "x"), None),
    ],
)
def test_options_decide(reply: str, options: tuple[str, ...], letter: str | None) -> None:
    assert read_answer(reply, options) == letter


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
