"""The entries that several modules read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.films import make_films
from tests.report.entries.support import (
    haystack_records,
    settings_of,
    written,
)
from tests.report.support import record
from tspo_bench.report.entries.packing import pack


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An entry of a run of the built-in task, one question of which failed."""
    folder = tmp_path_factory.mktemp("honest")
    run = written(folder / "run", haystack_records(), settings_of())
    pack(run, folder / "e.zip", description="All by hand.")
    return folder / "e.zip"


@pytest.fixture
def own_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of an annotation file of one's own, with all that must not travel."""
    monkeypatch.setenv("OPENAI_API_KEY", "geheim-12345")
    secret = tmp_path / "secretfolder"
    secret.mkdir()
    make_films(secret)
    films = [
        record(0, question_id="pan", video=str(secret / "film.mp4"), reply="one", frames=(3, 40),
               timestamps=(0.3, 4.0), evidence=((2.0, 3.0),), evidence_recall=0.0,
               duration_seconds=5.0, groups={"of": "x"}),
        record(1, question_id="hat", video=str(secret / "film.mp4"), reply="b", frames=(5,),
               timestamps=(0.5,), evidence=((0.0, 1.0),), evidence_recall=1.0,
               duration_seconds=5.0, gold="B", letter="B", groups={"of": "y"}),
        record(2, question_id="dog", video=str(secret / "short.mp4"), status="decode_error",
               letter=None, correct=False, frames=(), timestamps=(),
               error=f"no {secret}/x y.bin; geheim-12345 at http://u:p@host/v1?k=1"),
    ]  # fmt: skip
    spec = str(secret / "films.jsonl")
    run: dict[str, Any] = {
        "tasks": [spec],
        "data_root": str(secret),
        "out": str(tmp_path / "r"),
        "models": ["openai:m"],
    }
    command = ["tspo-bench", "run", "--task", spec, "--data-root", str(secret), "--api-key", "abc"]
    films[0] = dataclasses.replace(films[0], notes={"file": str(secret / "sel.json")})
    return written(tmp_path / "r", films, settings_of(spec, limit=None), command, **run)
