"""The page of more samplers than bars and lanes have room for, in a real browser."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.report.html.conftest import Made, Windows
from tests.report.html.support import ROWS, is_right, scroll_through

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_it_is_seen_whose_each_mark_is(crowd: Made, windows: Windows) -> None:
    page = windows(crowd.folder).open()
    page.locator("#list li").first.wait_for()
    names = [str(cell.settings.sampler) for cell in crowd.cells[:-3]]
    assert page.locator("#order li").all_inner_texts() == [*names, "agent (seeds 0, 1, 2)"]
    heads = page.locator("#whose i")
    assert [one for one in heads.all_inner_texts() if one] == [*names, "agent"]
    row = page.locator("#list li").nth(4)
    marks = row.locator(".marks i")
    agents = [f"agent (seed {seed})" for seed in range(3)]
    assert [one.get_attribute("title") for one in marks.all()] == [
        f"{name}: {'right' if is_right(min(place, 20), 8, 4) else 'wrong'}"
        for place, name in enumerate([*names, *agents])
    ]
    boxes = [[one.bounding_box() for one in some.all()] for some in (heads, marks)]
    lefts = [[round(box["x"]) for box in some if box] for some in boxes]
    assert lefts[0] == lefts[1], "each mark stands below its sampler"
    gaps = [b - a for a, b in itertools.pairwise(lefts[1])]
    assert max(gaps[-2:]) < min(gaps[:-2]), "the seeds of a sampler stand together"
    title, marked = row.locator(".text").bounding_box(), row.locator(".marks").bounding_box()
    assert title is not None
    assert marked is not None
    assert marked["y"] >= title["y"] + title["height"], "marks leave the text its width"
    offered = page.locator("#right option").all_inner_texts()
    assert offered == ["any sampler", *names, *agents]


def test_many_samplers_have_a_line_each_in_a_question(crowd: Made, windows: Windows) -> None:
    page = windows(crowd.folder).open("#q=q-0001")
    rows = page.locator("#question .sampler[role=group]")
    rows.last.wait_for()
    assert rows.count() == len(crowd.cells) == 24
    assert page.locator("#question .strip").count() == 0
    heights = [box["height"] for row in rows.all() if (box := row.bounding_box())]
    assert max(heights) < 50
    toggle = rows.nth(3).get_by_role("button", name="Frames of sampler-1")
    toggle.focus()
    page.keyboard.press("Enter")
    assert toggle.get_attribute("aria-expanded") == "true"
    assert rows.nth(3).locator(".strip .picture").count() == 8
    page.get_by_role("link", name="next").click()
    page.locator("#question .facts", has_text="q-0002").wait_for()
    assert page.locator("#question .strip").count() == 1, "what was opened stays open"
    page.get_by_role("button", name="all frames").click()
    assert page.locator("#question .strip").count() == 24
    page.get_by_role("button", name="all frames").click()
    assert page.locator("#question .strip").count() == 0
    by = page.locator("#question .options .by", has_text="agent").first.text_content()
    assert str(by).endswith("agent (seeds 0, 1, 2)")


def test_one_of_many_samplers_is_highlighted(crowd: Made, windows: Windows) -> None:
    page = windows(crowd.folder).open()
    assert len(list(scroll_through(page))) == 5
    chart = page.locator("[data-chart=budget] .live")

    def clear() -> set[str]:
        """The samplers whose points do not step back."""
        points = chart.locator("[aria-roledescription=point]").all()
        shown = [one for one in points if float(one.get_attribute("opacity") or 1) == 1]
        labels = [str(one.get_attribute("aria-label")) for one in shown]
        return {re.findall("sampler: ([^;]*)", label)[0] for label in labels}

    assert len(clear()) == 22
    chart.locator("text", has_text="sampler-7").click()
    assert page.locator("#highlight").input_value() == "sampler-7"
    while clear() != {"sampler-7"}:
        page.wait_for_timeout(20)
    page.locator("#highlight").select_option("")
    while len(clear()) != 22:
        page.wait_for_timeout(20)


def test_a_wide_leaderboard_says_that_it_scrolls(crowd: Made, windows: Windows) -> None:
    page = windows(crowd.folder, width=800).open()
    page.get_by_text("scroll it sideways").wait_for()
    box = page.locator(".board .scroll")
    box.evaluate("box => { box.scrollLeft = 500 }")
    first = page.locator(f"{ROWS} th").first
    left = first.bounding_box()
    assert left is not None
    assert left["x"] < 30, "the samplers stay in sight"
    page.set_viewport_size({"width": 1700, "height": 900})
    page.get_by_text("scroll it sideways").wait_for(state="hidden")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1700
