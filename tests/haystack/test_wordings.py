"""The language: enough wordings, none of the test split's in training, and all of their words."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from tspo_bench.haystack.varied.wordings import (
    NUM_ANCHORS,
    QUESTION_TYPES,
    TEST,
    TRAIN,
    Language,
    fill,
)
from tspo_bench.samplers.word_rule import RULES


def spoken(language: Language) -> list[str]:
    """Every wording, alone and behind every opening phrase."""
    texts = [text for kind in QUESTION_TYPES for text in language.wordings(kind)]
    behind = itertools.product(language.openings, texts)
    return [*texts, *(f"{opening} {text[0].lower()}{text[1:]}" for opening, text in behind)]


@pytest.mark.parametrize("kind", QUESTION_TYPES)
def test_there_are_enough_wordings(kind: str):
    train, test = set(TRAIN.wordings(kind)), set(TEST.wordings(kind))
    assert len(train) >= 30
    assert len(test) >= 10
    for texts in (train, test):
        assert all(text[0].isupper() and text.endswith("?") for text in texts)
        marks = {mark for text in texts for mark in re.findall(r"\{(\w)\}", text)}
        assert marks == {*"ab"[: NUM_ANCHORS[kind]], *(() if kind == "count" else "t")}


def test_no_test_wording_is_in_training():
    """Nor a sentence, a relation or an opening phrase of one; of any type."""
    relations = [{r for some in each.relations.values() for r in some} for each in (TRAIN, TEST)]
    assert not (relations[0] & relations[1]) - {""}
    assert not set(spoken(TRAIN)) & set(spoken(TEST))
    for part in ("sentences", "openings"):
        assert not set(getattr(TRAIN, part)) & set(getattr(TEST, part))
    own = [each.own_sentences["count"] for each in (TRAIN, TEST)]
    assert not set(own[0]) & set(own[1])


def test_no_two_types_share_a_wording():
    for language in (TRAIN, TEST):
        texts = [text for kind in QUESTION_TYPES for text in set(language.wordings(kind))]
        assert len(texts) == len(set(texts))


def test_every_word_of_the_test_wordings_is_in_training():
    known = {word for text in spoken(TRAIN) for word in re.findall(r"\w+", text)}
    for text in spoken(TEST):
        assert set(re.findall(r"\w+", text)) <= known


def test_opening_phrases_hold_words_of_relations():
    """A rule that looks for a word anywhere is misled by half of them."""
    relations = re.compile(r"after|before|between|beginning|end|first|second|last|together", re.I)
    for language in (TRAIN, TEST):
        assert sum(bool(relations.search(text)) for text in language.openings) >= 3


def test_a_wording_names_its_objects():
    rng = random.Random(0)
    texts = {TRAIN.word("between", rng, "tool", ("dog", "cat")) for _ in range(300)}
    assert len(texts) > 100
    assert all({"tool", "dog", "cat"} <= set(re.findall(r"\w+", text)) for text in texts)


def test_the_rule_fits_the_wordings_that_it_was_written_from():
    """So that it is a fair baseline: it knows the relation of each train wording."""
    expected = {
        "with": (0,), "second-time": (0,), "count": (0,), "after": (0, 1), "before": (0, -1),
        "two-after": (0, 2), "two-before": (0, -2), "between": (0, 1, -1),
        "last-before": (0, -2, -3), "first-after": (0, 2, 3), "opening": "start",
        "ending": "end", "first": "spread", "last": "spread",
    }  # fmt: skip
    for kind in QUESTION_TYPES:
        for text in TRAIN.wordings(kind):
            words = fill(text, "tool", ("dog", "cat")).rstrip("?").lower()
            found = next((place for rule, place in RULES if re.search(rule, words)), (0,))
            assert found == expected[kind], words
