"""Varied questions: what their scripts promise holds for any seed, length and right places."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.haystack.invariants import (
    check_scenes,
    companions,
    everything,
    mains,
    missing_elsewhere,
    scenes_with_category,
)
from tspo_bench.haystack.script import Script
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.haystack.varied.draft import Item
from tspo_bench.haystack.varied.script import write_varied_script
from tspo_bench.haystack.varied.wordings import LANGUAGES, QUESTION_TYPES, TEST, TRAIN
from tspo_bench.haystack.world import CATEGORY_OF
from tspo_bench.tasks import load_task

MIDDLE = {kind: place % 4 for place, kind in enumerate(QUESTION_TYPES)}
STEPS = {"after": 1, "before": -1, "two-after": 2, "two-before": -2}


def check_item(script: Script, item: Item) -> None:
    """One right answer, and nothing to find by elimination."""
    assert item.evidence == tuple(sorted(set(item.evidence)))
    assert set(item.anchors) <= set(re.findall(r"\w+", item.text))
    shown = [name for names in everything(script) for name in names]
    for anchor in item.anchors:
        assert anchor in mains(script)
        assert all(anchor not in names for names in companions(script))
    if item.kind == "count":
        assert mains(script).count(item.anchors[0]) == int(item.options[item.answer])
        return
    assert {CATEGORY_OF[name] for name in item.options} == {item.target}
    assert len(set(item.options)) == 4
    assert item.target in re.findall(r"\w+", item.text)
    once = item.kind in ("first", "last", "last-before", "first-after")
    if once:
        assert all(shown.count(name) == 1 for name in item.options)
        assert len(scenes_with_category(script, item.target)) == 4
    else:
        assert not missing_elsewhere(everything(script), item)
    CHECKS[item.kind](script, item, item.options[item.answer])


def _with(script: Script, item: Item, right: str) -> None:
    (scene,) = item.evidence
    assert everything(script)[scene] == [item.anchors[0], right]


def _neighbour(script: Script, item: Item, right: str) -> None:
    step = STEPS[item.kind]
    anchor, answer = item.evidence[:: 1 if step > 0 else -1]
    assert answer == anchor + step
    assert (mains(script)[anchor], mains(script)[answer]) == (item.anchors[0], right)
    near = set(range(anchor - abs(step), anchor + abs(step) + 1))
    assert scenes_with_category(script, item.target) & near == {answer}


def _between(script: Script, item: Item, right: str) -> None:
    first, middle, last = item.evidence
    assert (middle, last) == (first + 1, first + 2)
    before, after = item.anchors
    assert mains(script)[first : last + 1] == [before, right, after]
    near = set(range(first - 1, last + 2))
    assert scenes_with_category(script, item.target) & near == {middle}


def _nearest(script: Script, item: Item, right: str) -> None:
    step = 1 if item.kind == "first-after" else -1
    anchor, answer = item.evidence[::step]
    assert (mains(script)[anchor], mains(script)[answer]) == (item.anchors[0], right)
    away = {step * (scene - anchor) for scene in scenes_with_category(script, item.target)}
    assert min(distance for distance in away if distance > 0) == step * (answer - anchor)
    assert 2 <= step * (answer - anchor) <= 3
    assert any(distance < 0 for distance in away)
    assert sum(distance > 0 for distance in away) >= 2


def _second_time(script: Script, item: Item, right: str) -> None:
    first, second = item.evidence
    assert [n for n, name in enumerate(mains(script)) if name == item.anchors[0]] == [first, second]
    assert second - first > 1
    assert companions(script)[second] == [right]
    (other,) = companions(script)[first]
    assert other in set(item.options) - {right}


def _end(script: Script, item: Item, right: str) -> None:
    (scene,) = item.evidence
    total, third = len(script.scenes), len(script.scenes) // 3
    is_opening = item.kind == "opening"
    assert (scene if is_opening else total - 1 - scene) in (1, 2)
    assert everything(script)[scene] == [right]
    near = range(third) if is_opening else range(total - third, total)
    assert scenes_with_category(script, item.target) & set(near) == {scene}


def _extreme(script: Script, item: Item, right: str) -> None:
    assert mains(script)[item.evidence[0 if item.kind == "first" else -1]] == right


CHECKS = {
    "with": _with,
    **dict.fromkeys(STEPS, _neighbour),
    "between": _between,
    "last-before": _nearest,
    "first-after": _nearest,
    "second-time": _second_time,
    "opening": _end,
    "ending": _end,
    "first": _extreme,
    "last": _extreme,
}


def checked(script: Script) -> None:
    for item in script.items:
        assert isinstance(item, Item)
        check_item(script, item)


@given(
    seed=st.text(max_size=20),
    length=st.integers(240, 420),
    kinds=st.permutations(QUESTION_TYPES).map(lambda kinds: tuple(kinds[:7])),
    places=st.lists(st.integers(0, 3), min_size=7, max_size=7),
    objects=st.sampled_from(("all", "known")),
)
@settings(max_examples=40, deadline=None)
def test_long_scripts(
    seed: str, length: int, kinds: tuple[str, ...], places: list[int], objects: str
):
    answers = dict(zip(kinds, places, strict=True))
    script = write_varied_script(seed, length, kinds, answers, TRAIN, objects)
    check_scenes(script, length)
    assert [(item.kind, item.answer) for item in script.items] == list(answers.items())
    checked(script)


@given(
    seed=st.text(max_size=20),
    length=st.integers(60, 90),
    kind=st.sampled_from(QUESTION_TYPES),
    place=st.integers(0, 3),
)
@settings(max_examples=80, deadline=None)
def test_short_scripts(seed: str, length: int, kind: str, place: int):
    script = write_varied_script(seed, length, (kind,), {kind: place}, TEST)
    check_scenes(script, length)
    checked(script)


@pytest.mark.parametrize("kinds", [QUESTION_TYPES[::2], QUESTION_TYPES[1::2]])
def test_languages_word_the_same_scenes(kinds: tuple[str, ...]):
    one, other = (write_varied_script("a", 300, kinds, MIDDLE, each) for each in LANGUAGES.values())
    assert one.scenes == other.scenes
    assert all(a.text != b.text for a, b in zip(one.items, other.items, strict=True))


def test_the_task():
    """Fifty questions of each type on a hundred videos of their own, right places even."""
    task = load_task("haystack[language=varied]")
    questions = task.questions()
    assert len(questions) == 700
    for kind in QUESTION_TYPES:
        letters = [q.answer for q in questions if q.groups["type"] == kind]
        counts = [letters.count(letter) for letter in "ABCD"]
        assert sum(counts) == 50
        assert max(counts) - min(counts) <= 1
    assert questions[0].video == "test-5min-varied-0000.mp4"
    assert questions[0].video not in {q.video for q in HaystackTask().questions()}
    minutes = load_task("haystack[language=varied,length=1min]").questions()
    assert {q.groups["type"] for q in minutes} == set(QUESTION_TYPES)
