"""Reasoning in replies: every way in which models mark it, closed, begun in the prompt, and cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.reasoning import begun_reasoning, is_reasoning_mark, without_reasoning
from tspo_bench.tasks.strict_extractor import read_answer

OPTIONS = ("A hat", "An egg", "Dogs")
MARKS = [
    ("<think>", "</think>"),
    ("<THINK>", "</Think>"),
    ('<think time="3 s">', "</think>"),
    ("<thinking>", "</thinking>"),
    ("<think>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<analysis>", "</analysis>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<SUMMARY>", "</SUMMARY>"),
    ("<CAPTION>", "</CAPTION>"),
    ("<REASONING>", "</REASONING>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
]
THOUGHT = "The answer is A. <b>So</b> A."


@pytest.mark.parametrize(("begin", "end"), MARKS)
def test_reasoning_is_cut_and_nothing_is_read_in_it(begin: str, end: str) -> None:
    assert read_answer(f"{begin}{THOUGHT}{end}\nB", OPTIONS) == "B"
    assert read_answer(f"{begin}{THOUGHT}{end}\nThe answer is B.", OPTIONS) == "B"
    assert read_answer(f"{begin}{THOUGHT}{end}", OPTIONS) is None
    assert read_answer(f"{begin}{THOUGHT}", OPTIONS) is None
    assert without_reasoning(f"{begin}{THOUGHT}") is None


@pytest.mark.parametrize(("begin", "end"), [pair for pair in MARKS if "<|channel|>" not in pair[1]])
def test_reasoning_that_the_prompt_began(begin: str, end: str) -> None:
    assert read_answer(f"{THOUGHT}{end}B", OPTIONS) == "B"
    assert read_answer(f"{THOUGHT}{end}", OPTIONS) is None


@pytest.mark.parametrize(
    ("reply", "rest"),
    [
        ("<think>a<think>b</think>c</think>B", "B"),
        ("<think>A</think>B<think>C</think>", "B"),
        ("x</think>y</think>B", "B"),
        ("<think></think>B", "B"),
        ("<think>A<analysis>x</analysis>A", None),
        ("B <think>or is it", None),
        ("<SUMMARY>A</SUMMARY><CAPTION>A</CAPTION><REASONING>A</REASONING>B", "B"),
        ("<|channel|>analysis<|message|>A<|end|><|channel|>commentary<|message|>A", None),
        ("<|channel|>final<|message|>B", "B"),
        ("<|channel|>final <|constrain|>json<|message|>B", "B"),
        ("analysisThe man wears A.assistantfinalB", "B"),
        ("analysisThe man wears A.", None),
        # No marks
        ("I think B", "I think B"),
        ("analysis: B", "analysis: B"),
        ("<thinker>B", "<thinker>B"),
        ("<summary>B</summary>", "<summary>B</summary>"),
    ],
)
def test_what_is_left(reply: str, rest: str | None) -> None:
    found = without_reasoning(reply)
    assert (found and found.strip()) == rest


@given(text=st.text(max_size=60), pair=st.sampled_from(MARKS), tail=st.text(max_size=20))
def test_what_ends_inside_is_never_an_answer(text: str, pair: tuple[str, str], tail: str) -> None:
    begin, end = pair
    assert read_answer(f"{begin}{text}", OPTIONS) is None or end[:4] in text
    kept = without_reasoning(f"{begin}thought{end}{tail}")
    assert kept is None or "thought" not in kept or "thought" in tail


@pytest.mark.parametrize(
    ("prompt", "mark"),
    [
        ("<|im_start|>assistant\n<think>\n", "<think>"),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", ""),
        ("<|im_start|>assistant\n", ""),
        ("Is <think> a tag?<|im_end|>\n<|im_start|>assistant\n", ""),
        ("[/INST][THINK]", "[THINK]"),
        ("assistant<|channel|>analysis<|message|>", "<|channel|>analysis<|message|>"),
    ],
)
def test_prompts_that_begin_reasoning(prompt: str, mark: str) -> None:
    assert begun_reasoning(prompt) == mark


def test_tokens_that_mark_it() -> None:
    for token in ("<think>", "[/THINK]", "◁think▷", "<|channel|>", "<|END_THINKING|>"):
        assert is_reasoning_mark(token)
    for token in ("<|im_end|>", "<|end|>", "<image>", "</s>", "<pad>", "think"):
        assert not is_reasoning_mark(token)
