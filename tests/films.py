"""A task of one's own for tests: two small videos and three questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import make_video

QUESTIONS: list[dict[str, Any]] = [
    {"id": "pan", "video": "film.mp4", "answer": "A", "evidence": [[2, 3]], "groups": {"of": "x"}},
    {"id": "hat", "video": "film.mp4", "answer": "B", "evidence": [[0, 1]], "groups": {"of": "y"}},
    {"id": "dog", "video": "short.mp4", "answer": "A", "evidence": [[0, 0.5]]},
]


def make_films(folder: Path) -> Path:
    """Write film.mp4 (5 s), short.mp4 (2 s) and films.jsonl, whose path is returned."""
    make_video(folder / "film.mp4", 50)
    make_video(folder / "short.mp4", 20)
    lines = [{"question": "What?", "options": ["one", "two"], **item} for item in QUESTIONS]
    task = folder / "films.jsonl"
    task.write_text("\n".join(map(json.dumps, lines)))
    return task
