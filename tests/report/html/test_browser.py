"""The page in a real browser, opened as a file, with no network."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.report.html.conftest import NUM_QUESTIONS, Made, Windows
from tests.report.html.support import (
    ROWS,
    SAMPLERS,
    Pictures,
    is_right,
    question_id,
    questions,
    scroll_through,
    write_run,
)
from tspo_bench.report.html import write_html
from tspo_bench.report.summary import summarise

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
WHITE, DARK = "rgb(253, 253, 251)", "rgb(21, 23, 26)"


def column(page: Page, place: int) -> list[str]:
    return [row.locator("th, td").nth(place).inner_text() for row in page.locator(ROWS).all()]


def shares(page: Page) -> list[float]:
    return [float(text.partition("%")[0]) for text in column(page, 3)]


@pytest.mark.slow
def test_all_charts_are_drawn_and_no_request_leaves_the_folder(
    made: Made, windows: Windows
) -> None:
    page = windows(made.folder).open()
    page.locator("#list li").first.wait_for()
    kinds = [chart.get_attribute("data-chart") for chart in scroll_through(page)]
    assert kinds == ["budget", "cost", "category", "depth", "evidence", "training"]
    for kind in ("budget", "cost", "category", "depth"):
        for name in SAMPLERS:
            assert page.locator(f"[data-chart={kind}] .live text", has_text=name).count() > 0
    shown = page.locator("[data-chart=training] .live text").all_text_contents()
    assert {"agent/seed-0", "reward", "entropy of the policy"} <= set(shown)


@pytest.mark.slow
def test_charts_follow_what_is_chosen(made: Made, windows: Windows) -> None:
    page = windows(made.folder).open()
    list(scroll_through(page))
    page.locator("#budget select.comparison").select_option("1")
    assert page.locator("#categories select.comparison").input_value() == "1"
    page.locator("#categories summary").click()
    rows = page.locator("#categories details tbody tr")
    page.locator("#categories details th", has_text="oracle").first.wait_for()
    assert {row.locator("th").inner_text() for row in rows.all()} == {"oracle", "uniform"}
    page.locator("#group").select_option(label="type")
    page.locator("#categories details td", has_text="before").first.wait_for()
    page.locator("#categories select.comparison").select_option("0")
    page.locator("#group-budget").select_option(label="4")
    row = rows.filter(has_text="oracle").filter(has_text="after")
    oracle = [n for n in range(NUM_QUESTIONS) if n % 3 == 1 and is_right(3, 4, n)]
    row.locator("td", has_text=f"{100 * len(oracle) / 16:.1f}%").wait_for()
    page.locator("#score").select_option(label="evidence recall")
    row.locator("td", has_text="100.0%").wait_for()
    page.locator("[data-chart=cost] .live text", has_text="evidence recall").wait_for()
    page.locator("#cost-measure").select_option(label="frames decoded / question")
    page.locator("[data-chart=cost] .live text", has_text="frames decoded / question").wait_for()


@pytest.mark.slow
def test_charts_are_saved_as_files(made: Made, windows: Windows) -> None:
    page = windows(made.folder, color_scheme="dark").open()
    list(scroll_through(page))
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as waiting:
            page.locator("[data-chart=budget]").get_by_role("button", name=kind).click()
        assert waiting.value.suggested_filename == f"budget-0-accuracy.{kind.lower()}"
        content = Path(waiting.value.path()).read_bytes()
        assert content.startswith(start)
        assert b"var(--" not in content, "the colours of paper in any theme"


@pytest.mark.slow
def test_a_point_says_what_it_is(made: Made, windows: Windows) -> None:
    page = windows(made.folder).open()
    chart = page.locator("[data-chart=budget] .live")
    chart.locator("svg").wait_for()
    chart.locator("[aria-roledescription=point]").first.hover()
    tooltip = page.locator("#vg-tooltip-element")
    tooltip.wait_for()
    said = tooltip.inner_text()
    assert any(name in said for name in SAMPLERS)
    assert "95% CI" in said
    assert "%" in said


@pytest.mark.slow
def test_the_leaderboard_sorts(made: Made, windows: Windows) -> None:
    page = windows(made.folder).open()
    accuracies = [
        100 * (summarise(cell.records).accuracy or 0)
        for cell in made.cells
        if cell.settings.task == "made-up"
    ]
    expected = sorted((round(one, 1) for one in accuracies), reverse=True)
    heading = page.locator("#board-0 ~ .scroll th", has_text="accuracy")
    heading.get_by_role("button").click()
    assert shares(page) == expected
    assert heading.get_attribute("aria-sort") == "descending"
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert shares(page) == expected[::-1]
    assert heading.get_attribute("aria-sort") == "ascending"
    page.locator("#board-0 ~ .scroll th", has_text="sampler").get_by_role("button").click()
    assert column(page, 0) == sorted(column(page, 0))
    assert heading.get_attribute("aria-sort") == "none"
    page.locator("#board-0 ~ .scroll th").nth(1).get_by_role("button").click()
    assert column(page, 1) == ["8"] * 4 + ["4"] * 4  # numbers, not letters
    # What is undefined stands last in either direction.
    minus = page.locator("#board-0 ~ .scroll th", has_text="minus uniform").get_by_role("button")
    for _ in range(2):
        minus.click()
        assert column(page, 0)[-2:] == ["uniform", "uniform"]


@pytest.mark.slow
def test_the_leaderboard_filters(made: Made, windows: Windows) -> None:
    page = windows(made.folder).open()
    assert page.locator("#board-count").inner_text() == "10 of 10 rows"
    page.locator("#board-text").fill("UNIF")
    assert column(page, 0) == ["uniform", "uniform"]
    page.locator("#board-budget").select_option("4")
    assert page.locator("#board-count").inner_text() == "1 of 10 rows"
    assert page.locator(".board:visible").count() == 1, "a table without a row is not shown"
    page.locator("#board-text").fill("")
    page.locator("#board-budget").select_option("")
    page.locator("#board-table").select_option("1")
    assert page.locator(".board:visible h3").all_inner_texts() == ["second, m"]


@pytest.mark.slow
def test_light_and_dark(made: Made, windows: Windows) -> None:
    def background(page: Page) -> str:
        return str(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))

    page = windows(made.folder, color_scheme="dark").open()
    assert background(page) == DARK
    tick = page.locator("[data-chart=budget] .live text").first
    tick.wait_for()
    assert tick.evaluate("t => getComputedStyle(t).fill") == "rgb(231, 229, 223)"
    page.get_by_role("button", name="Theme: system").click()
    assert background(page) == WHITE
    assert tick.evaluate("t => getComputedStyle(t).fill") == "rgb(29, 29, 27)"
    page.reload()
    assert background(page) == WHITE, "the choice is kept"
    page.get_by_role("button", name="Theme: light").click()
    assert background(page) == DARK
    page.get_by_role("button", name="Theme: dark").click()
    assert background(page) == DARK
    assert background(windows(made.folder, color_scheme="light").open()) == WHITE


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "scheme"), [("made", "dark"), ("crowd", "light")])
def test_no_serious_trouble_for_screen_readers(
    scheme: str, kind: str, request: pytest.FixtureRequest, windows: Windows
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    made: Made = request.getfixturevalue(kind)
    page = windows(made.folder, color_scheme=scheme).open()
    list(scroll_through(page))
    for summary in page.locator("summary:visible").all():
        summary.click()
    page.locator("#list a").nth(1).click()
    page.locator("#question .facts", has_text=question_id(1)).wait_for()
    if kind == "crowd":
        page.get_by_role("button", name="all frames").click()
    page.locator("#question .strip .picture").last.wait_for()
    found = axe.run(page, options={"preload": False}).response
    assert len(found["passes"]) > 20, "the rules were tried"
    grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in grave] == []


@pytest.mark.slow
def test_the_keyboard_is_enough(made: Made, windows: Windows) -> None:
    page = windows(made.folder).open()
    page.locator("#list li").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
    page.locator("#clear").focus()
    page.keyboard.press("Tab")  # the list itself, which scrolls
    assert page.evaluate("() => document.activeElement.id") == "list"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#question .facts", has_text=question_id(1)).wait_for()
    assert page.locator("#question h3").evaluate("h => document.activeElement === h")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["made", "crowd"])
def test_a_narrow_window_does_not_scroll_sideways(
    kind: str, request: pytest.FixtureRequest, windows: Windows
) -> None:
    folder: Path = request.getfixturevalue(kind).folder
    page = windows(folder, width=390).open("#q=q-0003")
    page.locator("#question .facts").wait_for()
    list(scroll_through(page))
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_printed_and_without_scripts(made: Made, windows: Windows) -> None:
    printed = windows(made.folder).open("#q=q-0003")
    printed.locator("#question .strip .picture").first.wait_for()
    list(scroll_through(printed))
    printed.emulate_media(media="print")
    assert printed.locator("nav").is_hidden()
    assert printed.locator("#question h3").is_visible()
    plain = windows(made.folder, java_script_enabled=False).open()
    assert plain.locator(ROWS).count() == 8
    assert plain.locator(".controls:visible").count() == 0
    assert printed.locator("figure.chart .live svg:visible").count() == 6
    assert plain.locator("figure.chart .drawn:visible").count() == 6
    for picture in plain.locator("figure.chart .drawn").all():
        assert picture.evaluate("one => one.naturalWidth") > 100


@pytest.mark.slow
def test_hostile_texts_are_shown_and_never_run(tmp_path: Path, windows: Windows) -> None:
    attack = "</script><script>document.title='1'</script><img src=x onerror=document.title='2'>"
    turned = "left \u202eturned\u2066 \x1b[31mred\x00 \ud800"
    replies = [attack, turned, "endless " * 130_000, "=cmd|'/c calc'!A1"]
    cells = write_run(
        tmp_path / "run",
        6,
        samplers=("uniform", f"own{attack}", f"b{turned}"),
        task=attack,
        replies=replies,
    )
    # No question holds half a character; replies may.
    asked = questions(6, text=f"{attack} {turned[:-1]} <b>{{number}}</b>")
    write_html(cells, tmp_path / "html", source=Pictures(asked), title=attack)
    page = windows(tmp_path / "html").open("#q=q-0000")
    page.locator("#question .facts", has_text="q-0000").wait_for()
    list(scroll_through(page))
    assert page.title() == attack
    assert page.locator("h1").inner_text() == attack
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("#question h3").inner_text() == (
        f"{attack} left \\u202eturned\\u2066 \\x1b[31mred\\x00  <b>0</b>"
    )
    assert page.locator("#question .reply").first.inner_text() == attack
    assert f"own{attack}" in column(page, 0)
    legend = page.locator("[data-chart=budget] .live text").all_text_contents()
    assert any(text.startswith("own</script><script>") for text in legend)
    page.locator("#list a").nth(2).click()
    page.locator("#question .facts", has_text="q-0002").wait_for()
    reply = page.locator("#question .reply").first
    assert len(reply.inner_text()) < 300
    reply.get_by_role("button", name=re.compile("show all 1,0.. ?")).click()
    assert len(reply.inner_text()) == len(replies[2])
    everything = "".join(
        file.read_text(encoding="utf-8")
        for file in [*(tmp_path / "html").glob("*.html"), *(tmp_path / "html/data").glob("*.js")]
    )
    assert not re.search("[\x00-\x08\x1b\u202a-\u202e\u2066-\u2069]", everything)


@pytest.mark.slow
def test_2700_questions_of_8_runs_are_read_in_parts(tmp_path: Path, windows: Windows) -> None:
    samplers = ("uniform", "clip-topk", "aks", "bolt", "mdp3", "tspo", "tspo-q", "oracle")
    cells = write_run(tmp_path / "run", 2700, samplers=samplers)
    write_html(cells, tmp_path / "html", source=Pictures(questions(2700)), thumbnails=30)
    window = windows(tmp_path / "html")
    page = window.open()
    page.locator("[data-chart=budget] .live svg").wait_for()
    page.locator("#list li").first.wait_for()
    asked = sorted(Path(url).stem for url in window.requests if "/data/" in url)
    assert asked == ["charts", "set0"], "details wait until they are asked for"
    page.locator("#search").fill("scene 269")
    expected = sum("269" in str(number) for number in range(2700))
    assert page.locator("#question-count").inner_text() == f"{expected} of 2,700 questions"
    page.evaluate("() => { location.hash = '#q=q-2695' }")
    page.locator("#question .facts", has_text="q-2695").wait_for()
    page.locator("#search").fill("")
    for _ in range(60):  # the list grows while it is scrolled
        page.locator("#list").evaluate("list => { list.scrollTop = list.scrollHeight }")
        page.wait_for_timeout(15)
    page.locator("#list .id", has_text="q-2699").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("bare_first", [False, True])
def test_a_table_without_costs_and_groups(
    bare_first: bool, tmp_path: Path, windows: Windows
) -> None:
    """Nothing is asked for that is not there, and the other table shows its own again."""
    full = write_run(tmp_path / "full", 6, samplers=("uniform",), task="m")
    bare = []
    for cell in write_run(
        tmp_path / "bare", 6, samplers=("uniform",), task="a" if bare_first else "z"
    ):
        without: dict[str, Any] = {"groups": {}, "timing": {}, "frames_processed": {}}
        without |= {"frames": (), "timestamps": ()}
        records = [replace(one, **without) for one in cell.records]
        bare.append(replace(cell, records=tuple(records)))
    write_html([*full, *bare], tmp_path / "html")
    page = windows(tmp_path / "html").open()
    choice = page.locator("#budget select.comparison")
    tasks = ["a, m", "m, m"] if bare_first else ["m, m", "z, m"]
    assert choice.locator("option").all_inner_texts() == tasks
    for place in (0, 1, 0):
        choice.select_option(str(place))
        is_bare = bare_first == (place == 0)
        for kind in ("cost", "category"):
            assert page.locator(f"[data-chart={kind}]").is_hidden() == is_bare
        for chart in page.locator("figure.chart:visible").all():
            chart.scroll_into_view_if_needed()
            chart.locator(".live svg").wait_for()
    plain = windows(tmp_path / "html", java_script_enabled=False).open()
    for picture in plain.locator("figure.chart .drawn").all():
        assert picture.evaluate("one => one.naturalWidth") > 100
    write_html(bare, tmp_path / "html")
    page = windows(tmp_path / "html").open()
    page.locator("[data-chart=budget] .live svg").wait_for()
    assert page.locator("figure.chart").count() == 1
