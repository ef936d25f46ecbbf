"""report.png: a question of the page of `make demo`, without the samplers that repeat another.

`python docs/images/make_report.py PAGE` (the folder of `report --html`; needs chromium).
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parent / "report.png"
QUESTION = "test-5min-0011-after"
LEFT_OUT = ("aks", "tspo")  # the frames of clip-topk, and a wrong answer like the others

HIDE = """names => document.querySelectorAll('#question .sampler').forEach(row => {
    row.hidden = names.includes(row.querySelector('h4')?.textContent.trim())
})"""


def main() -> None:
    """Draw it."""
    page_file = Path(sys.argv[1]).resolve() / "index.html"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": 1180, "height": 2000}, device_scale_factor=1.5, color_scheme="light"
        )
        page.goto(f"{page_file.as_uri()}#q={QUESTION}")
        page.wait_for_selector("#question .sampler")
        page.evaluate(HIDE, list(LEFT_OUT))
        page.add_style_tag(content=".sampler[hidden] { display: none } #question { padding: 8px }")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1000)  # the pictures
        page.locator("#question").screenshot(path=PICTURE)
        browser.close()
    Image.open(PICTURE).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(PICTURE)


if __name__ == "__main__":
    main()
