"""The question browser in headless Chromium."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.report.html.conftest import NUM_QUESTIONS, Made, Windows
from tests.report.html.support import (
    KINDS,
    LENGTH,
    SAMPLERS,
    TOLERANCE,
    Pictures,
    is_right,
    question_id,
    questions,
    write_run,
)
from tspo_bench.report.html import write_html

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def colour_of(picture: Locator) -> tuple[int, ...]:
    """The colour in the middle of a picture as the browser shows it."""
    picture.scroll_into_view_if_needed()
    with Image.open(io.BytesIO(picture.screenshot())) as shown:
        colour = shown.convert("RGB").getpixel((shown.width // 2, shown.height // 2))
    assert isinstance(colour, tuple)
    return colour


def listed(page: Page) -> set[str]:
    """The ids in the list of questions."""
    # Not the inner texts: those of a row that is not laid out yet are empty.
    return set(page.locator("#list .id").all_text_contents())


@pytest.mark.slow
def test_a_question_shows_where_everybody_looked(made: Made, windows: Windows) -> None:
    page = windows(made.folder).open()
    page.locator("#list a", has_text=question_id(6)).click()
    page.locator("#question .facts", has_text=question_id(6)).wait_for()
    assert page.url.endswith("#q=q-0006")
    assert page.locator("#question h3").inner_text() == "What is shown in scene 6 of the film?"
    right = page.locator("#question .options li.right")
    assert right.locator("b").inner_text() == "C"
    by = [name for n, name in enumerate(SAMPLERS) if is_right(n, 8, 6) and n != 1]
    assert right.locator(".by").text_content() == f"chosen by {', '.join(by)}"
    samplers = page.locator("#question .sampler[role=group]")
    assert samplers.locator("h4").all_inner_texts() == list(SAMPLERS)
    verdicts = samplers.locator(".verdict .sr").all_inner_texts()
    assert verdicts == [
        "wrong",
        "unparsed",
        *["right" if is_right(n, 8, 6) else "wrong" for n in (2, 3)],
    ]
    for place in range(len(SAMPLERS)):
        lane = samplers.nth(place).locator("svg.lane")
        assert lane.locator(".pick").count() == 8
        assert lane.locator(".curve").count() == (place in (1, 2)), "who scores has a curve"
        # Frames stand at 2i + place seconds; the evidence is 4 to 6.5 s and the moment 100 s.
        seconds = [2 * i + place for i in range(8)]
        hits = sum(4 <= second <= 6.5 or 100 - second <= TOLERANCE for second in seconds)
        assert lane.locator(".pick.hit").count() == hits
        spans = lane.locator("rect.evidence")
        assert [float(span.get_attribute("x") or "") for span in spans.all()] == pytest.approx(
            [1000 * 4 / LENGTH, 1000 * 100 / LENGTH], abs=0.1
        )
        pictures = samplers.nth(place).locator(".strip .picture")
        assert pictures.count() == 8
        for number in (0, 5):  # a frame's number is ten times its second, and makes its colour
            colour = [10 * seconds[number] * one % 256 for one in (3, 5, 7)]
            assert colour_of(pictures.nth(number)) == pytest.approx(colour, abs=12)
    page.locator("#asked").select_option("K = 4")
    page.locator("#question .sampler .lane .pick").nth(15).wait_for(state="attached")
    assert page.locator("#question .sampler .lane .pick").count() == 4 * len(SAMPLERS)


@pytest.mark.slow
def test_questions_without_pictures_show_the_times(made: Made, windows: Windows) -> None:
    page = windows(made.folder).open("#q=q-0040")
    page.locator("#question .strip.bare").first.wait_for()
    assert page.locator("#question .strip").first.locator(".time").all_inner_texts() == [
        f"0:{second:02d}" for second in range(0, 16, 2)
    ]
    problems = page.locator("#problems").inner_text()
    assert "the first 12 of 48 questions" in problems


@pytest.mark.slow
def test_who_is_right_where_another_is_wrong(made: Made, windows: Windows) -> None:
    page = windows(made.folder).open()
    page.locator("#list li").first.wait_for()

    def expected(right: int, wrong: int) -> set[str]:
        return {
            question_id(n)
            for n in range(NUM_QUESTIONS)
            if is_right(right, 8, n) and not is_right(wrong, 8, n)
        }

    page.get_by_role("button", name="tspo-q right, uniform wrong").click()
    assert listed(page) == expected(2, 0) != set()
    assert page.locator("#question-count").inner_text() == f"{len(expected(2, 0))} of 48 questions"
    page.get_by_role("button", name="uniform right, tspo-q wrong").click()
    assert listed(page) == expected(0, 2) != set()
    page.get_by_role("button", name="Swap").click()
    assert listed(page) == expected(2, 0)
    page.locator("#wrong").select_option(label="oracle")
    assert listed(page) == expected(2, 3)
    page.locator("#right").select_option(label="oracle")
    page.locator("#wrong").select_option(label="tspo-q")
    assert listed(page) == expected(3, 2) != set()
    page.locator("#groups select").nth(1).select_option(label=KINDS[1])
    assert listed(page) == {key for key in expected(3, 2) if int(key[2:]) % 3 == 1}
    page.get_by_role("button", name="Clear").click()
    page.locator("#search").fill("FILM scene 3")
    assert listed(page) == {question_id(n) for n in range(NUM_QUESTIONS) if "3" in str(n)}


@pytest.mark.slow
def test_what_was_asked_otherwise_is_looked_at_apart(tmp_path: Path, windows: Windows) -> None:
    (cell,) = write_run(tmp_path / "run", 3, samplers=("uniform",))
    others = [{"model_id": "m#2"}, {"protocol_hash": "2"}, {"answer": "options"}]
    cells = [
        cell,
        *(replace(cell, settings=cell.settings.model_copy(update=one)) for one in others),
    ]
    write_html(cells, tmp_path / "html")
    page = windows(tmp_path / "html").open()
    page.locator("#list li").first.wait_for()
    assert page.locator("#asked option").all_inner_texts() == [
        "m#1, 1, generate, K = 8",
        "m#2, 1, generate, K = 8",
        "m#1, 2, generate, K = 8",
        "m#1, 1, options, K = 8",
    ]


@pytest.mark.slow
def test_deep_links(made: Made, windows: Windows) -> None:
    window = windows(made.folder)
    page = window.open("#q=q-0031")
    page.locator("#question .facts", has_text="q-0031").wait_for()
    page.locator("#list a[aria-current] .id", has_text="q-0031").wait_for()
    assert page.locator("#question h3").evaluate("h => document.activeElement === h")
    page.get_by_role("link", name="next").click()
    page.locator("#question .facts", has_text="q-0032").wait_for()
    page.go_back()
    page.locator("#question .facts", has_text="q-0031").wait_for()
    page.evaluate("() => { location.hash = '#q=q-0002&set=1' }")
    page.locator("#question h4").nth(1).wait_for()
    page.locator("#question .facts", has_text="q-0002").wait_for()
    assert page.locator("#question h4").all_inner_texts() == ["uniform", "oracle"]
    page.evaluate("() => { location.hash = '#q=nowhere%&set=0' }")
    page.get_by_text("There is no question nowhere%.").wait_for()


@pytest.mark.slow
def test_an_open_question_shows_its_place_among_the_filtered(made: Made, windows: Windows) -> None:
    page = windows(made.folder).open("#q=q-0013")
    page.locator("#question .neighbours", has_text="14 of 48").wait_for()
    ones = page.locator("#groups select", has_text="0-20%").locator("option").all_inner_texts()
    assert ones == ["all", "0-20%", "20-40%", "40-60%", "60-80%", "80-100%"]
    page.locator("#search").fill("scene 13")
    page.locator("#question .neighbours", has_text="1 of 1").wait_for()
    page.locator("#search").fill("scene 2")
    page.locator("#question .neighbours", has_text="not among the filtered").wait_for()
    page.get_by_role("link", name="next").click()
    page.locator("#question .facts", has_text="q-0002").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.locator("#question .neighbours", has_text="3 of 48").wait_for()


@pytest.mark.slow
def test_one_budget_ten_options_and_groups_in_any_order(tmp_path: Path, windows: Windows) -> None:
    cells = write_run(tmp_path / "run", 6, samplers=("uniform", "aks", "tspo-q"))
    depths = ["80-100%", "5-20%", "20-80%"] * 2
    cells = [
        replace(
            cell,
            records=tuple(
                replace(record, groups={"depth": depth}, gold="J", letter="J")
                for record, depth in zip(cell.records, depths, strict=True)
            ),
        )
        for cell in cells
    ]
    asked = [replace(q, options=tuple("abcdefghij"), answer="J") for q in questions(6)]
    write_html(cells, tmp_path / "html", source=Pictures(asked))
    page = windows(tmp_path / "html").open("#q=q-0000")
    right = page.locator("#question .options li.right")
    right.wait_for()
    assert page.locator("#question .options li > b").all_inner_texts() == list("ABCDEFGHIJ")
    assert right.locator(".by").text_content() == "chosen by uniform, aks, tspo-q"
    depth = page.locator("#groups option").all_inner_texts()
    assert depth == ["all", "5-20%", "20-80%", "80-100%"]
    chart = page.locator("[data-chart=budget]")
    chart.scroll_into_view_if_needed()
    points = chart.locator("[aria-roledescription=point]")
    points.nth(2).wait_for()
    boxes = [box for point in points.all() if (box := point.bounding_box())]
    frame = chart.locator(".live").bounding_box()
    assert frame is not None
    xs = [box["x"] for box in boxes]
    assert len(set(xs)) == 3, "beside each other"
    assert max(xs) - min(xs) < 0.05 * frame["width"], "and at one budget"
