"""Scripts: what they promise holds for any seed, length and places of the right answers."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.haystack.invariants import (
    check_item,
    check_scenes,
    everything,
    mains,
    missing_elsewhere,
    words,
)
from tspo_bench.haystack.script import QUESTION_TYPES, write_script
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.haystack.world import HELD_OUT

MIDDLE = {kind: place % 4 for place, kind in enumerate(QUESTION_TYPES)}


def test_a_seed_gives_the_same_script_everywhere():
    """Pinned: the reference models were trained on this world; a change makes them strangers."""
    script = write_script("pinned", 300, QUESTION_TYPES, MIDDLE)
    content = json.dumps(dataclasses.asdict(script), sort_keys=True)
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == "82ea078b8f932c70"
    assert write_script("pinned", 300, QUESTION_TYPES, MIDDLE) == script
    assert write_script("another", 300, QUESTION_TYPES, MIDDLE) != script


@given(
    seed=st.text(max_size=20),
    length=st.integers(240, 420),
    kinds=st.permutations(QUESTION_TYPES),
    places=st.lists(st.integers(0, 3), min_size=7, max_size=7),
    objects=st.sampled_from(("all", "known")),
)
@settings(max_examples=60, deadline=None)
def test_long_scripts_with_all_types(
    seed: str, length: int, kinds: list[str], places: list[int], objects: str
):
    answers = dict(zip(kinds, places, strict=True))
    script = write_script(seed, length, tuple(kinds), answers, objects)
    check_scenes(script, length)
    assert [item.kind for item in script.items] == kinds
    for item in script.items:
        assert item.answer == answers[item.kind]
        check_item(script, item)
    named = {word for item in script.items for word in (*words(item.text), *item.options)}
    seen = {name for names in everything(script) for name in names}
    assert objects == "all" or not HELD_OUT & (seen | named)


@given(
    seed=st.text(max_size=20),
    length=st.integers(60, 90),
    kind=st.sampled_from(QUESTION_TYPES),
    place=st.integers(0, 3),
)
@settings(max_examples=150, deadline=None)
def test_short_scripts_with_one_type(seed: str, length: int, kind: str, place: int):
    script = write_script(seed, length, (kind,), {kind: place})
    check_scenes(script, length)
    (item,) = script.items
    assert (item.kind, item.answer) == (kind, place)
    check_item(script, item)


@pytest.mark.parametrize(
    ("length", "split", "count"),
    [
        ("1min", "test", 420),
        ("1min", "val", 140),
        ("5min", "test", 100),
        ("5min", "val", 40),
        ("15min", "test", 12),
        ("60min", "test", 3),
    ],
)
def test_scripts_of_the_task(
    task_of: Callable[[str, str], HaystackTask], length: str, split: str, count: int
):
    task = task_of(length, split)
    for number in range(count):
        script = task.script(f"{split}-{length}-{number:04d}.mp4")
        check_scenes(script, 60 * int(length.removesuffix("min")))
        for item in script.items:
            check_item(script, item)


def test_every_option_of_an_opening_question_appears_elsewhere(task: HaystackTask):
    lost = 0
    for number in range(100):
        script = task.script(f"test-5min-{number:04d}.mp4")
        (opening,) = [item for item in script.items if item.kind == "opening"]
        lost += len(missing_elsewhere([[name] for name in mains(script)], opening))
    assert lost == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["with", "after", "before", "opening", "ending"])
def test_what_is_shown_outside_the_evidence_tells_nothing(kind: str):
    """The right option appears outside its evidence as often as a wrong one does, in any role."""
    appearances = np.zeros((300, 4))
    for number in range(300):
        script = write_script(f"elimination {number}", 120, (kind,), {kind: number % 4})
        (item,) = script.items
        shown = [
            name
            for scene, names in enumerate(everything(script))
            if scene not in item.evidence
            for name in names
        ]
        right_first = np.roll(item.options, -item.answer)
        appearances[number] = [shown.count(name) for name in right_first]
    assert appearances.min() >= 1
    difference = appearances[:, 0] - appearances[:, 1:].mean(1)
    standard_error = difference.std(ddof=1) / np.sqrt(len(difference))
    assert abs(difference.mean()) < 3 * standard_error
    # Three standard errors are a small effect: a quarter of an appearance would be seen.
    assert standard_error < 0.08


def test_backgrounds_and_sizes_do_not_give_evidence_away():
    """Colour, texture, length and fade of evidence scenes are distributed as all others are."""
    evidence: list[tuple[float, ...]] = []
    others: list[tuple[float, ...]] = []
    for number in range(60):
        script = write_script(f"plain {number}", 300, QUESTION_TYPES, MIDDLE)
        chosen = {scene for item in script.items for scene in item.evidence}
        for index, scene in enumerate(script.scenes[1:], 1):
            row = (
                scene.end - scene.start,
                scene.fade,
                scene.main.size,
                scene.texture == "plain",
                scene.colour in ("red", "orange", "yellow", "green"),
            )
            (evidence if index in chosen else others).append(row)
    a, b = np.array(evidence), np.array(others)
    error = np.sqrt(a.var(0) / len(a) + b.var(0) / len(b))
    assert (np.abs(a.mean(0) - b.mean(0)) < 3.5 * error).all()
