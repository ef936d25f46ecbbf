"""Invariants of every script of the world, checked without the code that writes scripts."""

from __future__ import annotations

import itertools

from tspo_bench.haystack.script import Item, Script
from tspo_bench.haystack.world import CATEGORY_OF


def mains(script: Script) -> list[str]:
    return [scene.main.name for scene in script.scenes]


def companions(script: Script) -> list[list[str]]:
    return [[placement.name for placement in scene.companions] for scene in script.scenes]


def everything(script: Script) -> list[list[str]]:
    pairs = zip(mains(script), companions(script), strict=True)
    return [[main, *others] for main, others in pairs]


def words(text: str) -> list[str]:
    return text.rstrip("?").split()


def anchor_of(item: Item) -> str:
    """The object that a question names: "Which food appears right after the dog?"."""
    said = words(item.text)
    return said[said.index("the", 2) + 1]


def scenes_with_category(script: Script, category: str) -> set[int]:
    return {
        number
        for number, names in enumerate(everything(script))
        if any(CATEGORY_OF[name] == category for name in names)
    }


def check_scenes(script: Script, length: int) -> None:
    """Contiguous scenes of 2 to 8 s on whole frames at 8 fps, from 0 to exactly the length."""
    scenes = script.scenes
    assert scenes[0].start == 0
    assert scenes[-1].end == length
    assert not scenes[0].fade
    for before, after in itertools.pairwise(scenes):
        assert before.end == after.start
    for scene in scenes:
        assert (scene.start * 8).is_integer()
        assert 2 <= scene.end - scene.start <= 8
        assert scene.clear == (scene.start + (0.5 if scene.fade else 0), scene.end - 1 / 8)
        assert len(scene.companions) <= 2


def check_item(script: Script, item: Item) -> None:
    """The promise of each type: one right answer, nothing to find by elimination."""
    assert item.evidence == tuple(sorted(set(item.evidence)))
    assert len(set(item.options)) == 4
    if item.kind == "count":
        _check_count(script, item)
        return
    categories = {CATEGORY_OF[name] for name in item.options}
    assert len(categories) == 1
    category = categories.pop()
    assert f"Which {category} " in item.text
    right = item.options[item.answer]
    CHECKS[item.kind](script, item, right, category)


def _check_anchor(script: Script, anchor: str, scene: int) -> None:
    assert [number for number, name in enumerate(mains(script)) if name == anchor] == [scene]
    assert all(anchor not in names for names in companions(script))


def missing_elsewhere(shown: list[list[str]], item: Item) -> set[str]:
    """The options that nothing outside the evidence shows; `shown` are the names by scene."""
    outside = {n for scene, names in enumerate(shown) if scene not in item.evidence for n in names}
    return set(item.options) - outside


def _check_with(script: Script, item: Item, right: str, category: str) -> None:
    (scene,) = item.evidence
    _check_anchor(script, anchor_of(item), scene)
    assert everything(script)[scene] == [anchor_of(item), right]
    assert CATEGORY_OF[anchor_of(item)] != category
    assert not missing_elsewhere(companions(script), item)


def _check_neighbour(script: Script, item: Item, right: str, category: str) -> None:
    first, second = item.evidence
    assert second == first + 1
    anchor_scene, answer_scene = (first, second) if item.kind == "after" else (second, first)
    assert f" right {item.kind} the " in item.text
    _check_anchor(script, anchor_of(item), anchor_scene)
    assert mains(script)[answer_scene] == right
    near = {anchor_scene - 1, anchor_scene, anchor_scene + 1}
    assert scenes_with_category(script, category) & near == {answer_scene}
    assert [CATEGORY_OF[n] for n in everything(script)[answer_scene]].count(category) == 1
    assert not missing_elsewhere([[name] for name in mains(script)], item)


def _check_end(script: Script, item: Item, right: str, category: str) -> None:
    (scene,) = item.evidence
    total = len(script.scenes)
    from_end = scene if item.kind == "opening" else total - 1 - scene
    assert from_end in (1, 2)
    assert ("beginning" if item.kind == "opening" else "end") in item.text
    assert everything(script)[scene] == [right]
    third = total // 3
    near = range(third) if item.kind == "opening" else range(total - third, total)
    assert scenes_with_category(script, category) & set(near) <= {scene}
    # Even where a third is two scenes: no other of the category comes nearer to that end.
    nearer = range(scene) if item.kind == "opening" else range(scene + 1, total)
    assert not scenes_with_category(script, category) & set(nearer)
    assert not missing_elsewhere([[name] for name in mains(script)], item)


def _check_order(script: Script, item: Item, right: str, category: str) -> None:
    assert len(item.evidence) == 4
    assert scenes_with_category(script, category) == set(item.evidence)
    shown = [name for names in everything(script) for name in names]
    assert all(shown.count(name) == 1 for name in item.options)
    assert {mains(script)[scene] for scene in item.evidence} == set(item.options)
    assert mains(script)[item.evidence[0]] == right


def _check_count(script: Script, item: Item) -> None:
    assert item.options == ("1", "2", "3", "4")
    anchor = anchor_of(item)
    scenes = tuple(number for number, name in enumerate(mains(script)) if name == anchor)
    assert scenes == item.evidence
    assert len(scenes) == int(item.options[item.answer])
    assert all(second - first > 1 for first, second in itertools.pairwise(scenes))
    assert all(anchor not in names for names in companions(script))


CHECKS = {
    "with": _check_with,
    "after": _check_neighbour,
    "before": _check_neighbour,
    "opening": _check_end,
    "ending": _check_end,
    "order": _check_order,
}
