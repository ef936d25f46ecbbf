"""Runs made up for pages: every figure of them is known beforehand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tspo_bench.errors import VideoError
from tspo_bench.report.html import TaskSource
from tspo_bench.results import CandidateScores, Cell, RunDirectory, cell_slug, read_run
from tspo_bench.types import Frames, IntArray, Question, Record

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

CHROMIUM = shutil.which("chromium")
SAMPLERS = ("uniform", "clip-topk", "tspo-q", "oracle")
KINDS = ("before", "after", "count")
ROWS = "#leaderboard .board[data-table='0'] tbody tr:not([hidden])"
LENGTH = 120.0  # seconds of each video
TOLERANCE = 86.0  # seconds: from 14 s on, a frame is near the moment at 100 s


def question_id(number: int) -> str:
    return f"q-{number:04d}"


def questions(
    n: int, *, text: str = "What is shown in scene {number} of the film?"
) -> list[Question]:
    return [
        Question(
            id=question_id(number),
            video=f"film-{number // 3}.mp4",
            text=text.replace("{number}", str(number)),
            options=("a cat", "a dog", "a bird", "a fish"),
            answer="ABCD"[number % 4],
            groups=groups(number),
        )
        for number in range(n)
    ]


def groups(number: int) -> dict[str, str]:
    return {
        "type": KINDS[number % 3],
        "depth": f"{20 * (number % 5)}-{20 * (number % 5) + 20}%",
        "length": "2min",
    }


def is_right(sampler: int, k: int, number: int) -> bool:
    """Later samplers and larger budgets answer more; uniform alone answers each 17th question."""
    if number % 17 == 0:
        return sampler == 0
    return (number * 7 + 3) % 10 < 2 * sampler + k // 4


def record(sampler: int, k: int, number: int, *, reply: str | None = None) -> Record:
    gold = "ABCD"[number % 4]
    letter = gold if is_right(sampler, k, number) else "ABCD"[(number + 1) % 4]
    unparsed = sampler == 1 and number % 20 == 6
    seconds = tuple(float(2 * i + sampler) for i in range(k))
    return Record(
        question_id=question_id(number),
        video=f"film-{number // 3}.mp4",
        status="unparsed" if unparsed else "ok",
        gold=gold,
        letter=None if unparsed else letter,
        correct=letter == gold and not unparsed,
        reply=letter if reply is None else reply,
        frames=tuple(int(10 * second) for second in seconds),
        timestamps=seconds,
        num_candidates=120,
        frames_processed={"decoded": 120 * (sampler > 0), "encoded": 120 * (sampler > 0)},
        evidence_recall=1.0 if sampler else 0.0,
        evidence=((4.0, 6.5), (100.0, 100.0)),
        duration_seconds=LENGTH,
        groups=groups(number),
        timing={"select": 0.01 * sampler, "answer": 0.05 * k},
    )


def write_run(
    path: Path,
    n: int,
    *,
    samplers: Sequence[str] = SAMPLERS,
    budgets: Sequence[int] = (8,),
    task: str = "made-up",
    replies: Sequence[str] = (),
) -> list[Cell]:
    """A run of n questions; the first replies may be given."""
    run = RunDirectory(path)
    rng = np.random.default_rng(0)
    for place, sampler in enumerate(samplers):
        for k in budgets:
            settings = {
                **{"task": task, "sampler": sampler, "model": "m", "model_id": "m#1"},
                **{"frames": k, "protocol": "strict@1", "protocol_hash": "1", "answer": "generate"},
                **{"limit": None, "num_questions": n, "questions": "digest", "seed": None},
            }
            with run.open_cell(cell_slug(task, sampler, "m", f"k{k}"), settings) as cell:
                for number in range(n):
                    reply = replies[number] if number < len(replies) else None
                    scores = None
                    if sampler not in ("uniform", "oracle"):
                        values = rng.random(120)
                        scores = CandidateScores.of(question_id(number), values, 1.0)
                    cell.append(record(place, k, number, reply=reply), scores)
    return read_run(path)


def write_crowd(path: Path, n: int, num_samplers: int = 21, seeds: int = 3) -> list[Cell]:
    """A run of many samplers, the last of them an agent of several seeds."""
    names = ("uniform", "oracle", *(f"sampler-{place}" for place in range(num_samplers - 2)))
    cells = write_run(path, n, samplers=names)
    agents = [
        replace(
            cells[-1],
            settings=cells[-1].settings.model_copy(update={"sampler": "agent", "seed": seed}),
        )
        for seed in range(seeds)
    ]
    return [*cells, *agents]


def data(folder: Path, name: str) -> Any:
    """The content of a data file."""
    text = (folder / "data" / f"{name}.js").read_text(encoding="ascii")
    start = f'tspoBench.give("{name}",'
    assert text.startswith(start)
    assert text.endswith(");\n")
    return json.loads(text[len(start) : -3])


def scroll_through(page: Page) -> Iterator[Locator]:
    """Every chart, brought into view and drawn."""
    for chart in page.locator("figure.chart").all():
        chart.scroll_into_view_if_needed()
        chart.locator(".live svg").wait_for()
        yield chart


class Pictures(TaskSource):
    """Has all questions, and draws each frame in a colour of its own."""

    def __init__(self, asked: Sequence[Question]) -> None:
        self.asked = asked
        self.lost: set[str] = set()

    def questions(self, cell: Cell) -> Sequence[Question]:
        return self.asked

    def tolerance(self, cell: Cell) -> float:
        return TOLERANCE

    def frames(self, cell: Cell, video: str, indices: IntArray, short_side: int) -> Frames:
        if video in self.lost:
            raise VideoError(f"there is no {video}")
        pixels = np.zeros((len(indices), short_side, short_side * 16 // 9, 3), np.uint8)
        pixels[...] = (np.array(indices)[:, None, None, None] * np.array([3, 5, 7])) % 256
        return Frames(np.array(indices), np.array(indices) / 10, pixels)


def shown_frame(html: Path, thumbs: dict[str, Any], frame: int) -> NDArray[np.uint8]:
    """A frame's picture [h, w, 3], cut out of its sheet as the page does."""
    columns, rows = thumbs["columns"], thumbs["rows"]
    sheet, within = divmod(thumbs["frames"].index(frame), columns * rows)
    left, top = within % columns * thumbs["cell"][0], within // columns * thumbs["cell"][1]
    with Image.open(html / "thumbs" / thumbs["folder"] / f"{sheet}.webp") as image:
        whole = np.asarray(image.convert("RGB"))
    return whole[top : top + thumbs["height"], left : left + thumbs["width"]]
