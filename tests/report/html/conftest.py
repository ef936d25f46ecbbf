"""One page for all tests of a module, and a browser with no network to open it in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.report.html.support import CHROMIUM, Pictures, questions, write_crowd, write_run
from tspo_bench.report.html import write_html
from tspo_bench.results import Cell

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NUM_QUESTIONS = 48


@dataclass(frozen=True)
class Made:
    """A page's folder, and what it was made from."""

    folder: Path
    cells: list[Cell]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A page of two tasks, two budgets, four samplers and an agent's log."""
    folder = tmp_path_factory.mktemp("page")
    cells = write_run(folder / "run", NUM_QUESTIONS, budgets=(4, 8))
    cells += write_run(folder / "other", 6, samplers=("uniform", "oracle"), task="second")
    agent = folder / "agent" / "seed-0"
    agent.mkdir(parents=True)
    lines = [{"step": step, "reward": step / 10, "entropy": 3 - step / 10} for step in range(20)]
    (agent / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_html(
        cells,
        folder / "html",
        source=Pictures(questions(NUM_QUESTIONS)),
        agents=[folder / "agent"],
        thumbnails=12,
    )
    return Made(folder / "html", cells)


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A page of 21 samplers and an agent of three seeds."""
    folder = tmp_path_factory.mktemp("crowd")
    cells = write_crowd(folder / "run", 12)
    write_html(cells, folder / "html", source=Pictures(questions(12)), thumbnails=3)
    return Made(folder / "html", cells)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium, headless."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Window:
    """A page in the browser.

    `requests` are the files that it asked for; `trouble` is what went wrong: errors, and requests
    elsewhere.
    """

    page: Page
    folder: Path
    trouble: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, link: str = "") -> Page:
        self.page.goto((self.folder / "index.html").as_uri() + link)
        return self.page


class Windows:
    """Opens windows, each in a context of its own, without a network."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._windows: list[Window] = []

    def __call__(self, folder: Path, width: int = 1300, **settings: Any) -> Window:
        context = self._browser.new_context(
            viewport={"width": width, "height": 900}, offline=True, **settings
        )
        context.set_default_timeout(0)
        window = Window(context.new_page(), folder)
        own = folder.as_uri() + "/"
        context.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
        page = window.page
        page.on("pageerror", lambda error: window.trouble.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: (
                window.trouble.append(f"{said.type}: {said.text}")
                if said.type in ("error", "warning")
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                window.trouble.append(f"request: {request.url}")
                if not request.url.startswith((own, "data:"))
                else None
            ),
        )
        page.on("request", lambda request: window.requests.append(request.url))
        page.on("requestfailed", lambda request: window.trouble.append(f"lost: {request.url}"))
        self._windows.append(window)
        return window

    def close(self) -> list[str]:
        for window in self._windows:
            window.page.context.close()
        return [trouble for window in self._windows for trouble in window.trouble]


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """Every window of a test must come through it without errors and requests elsewhere."""
    opened = Windows(browser)
    yield opened
    assert opened.close() == []
