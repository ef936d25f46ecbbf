"""Small numbered videos with questions about them, and tiny checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluation.support import write_questions
from tests.features.checkpoints import clip as make_clip
from tests.mllms.checkpoints import llava_onevision
from tests.support import make_video

LENGTHS = {"long.mp4": 400, "middle.mp4": 250, "short.mp4": 90}


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of numbered videos, 10 frames a second."""
    folder = tmp_path_factory.mktemp("films")
    for name, num_frames in LENGTHS.items():
        make_video(folder / name, num_frames)
    return folder


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random CLIP checkpoint."""
    return make_clip(tmp_path_factory.mktemp("clip") / "tiny-clip")


@pytest.fixture(scope="session")
def other_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `clip`, with other weights."""
    return make_clip(tmp_path_factory.mktemp("clip") / "tiny-clip", seed=1)


@pytest.fixture(scope="session")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random LLaVA-OneVision checkpoint."""
    return llava_onevision(tmp_path_factory.mktemp("llava") / "tiny-llava")


@pytest.fixture
def questions(films: Path, tmp_path: Path, cache: Path) -> Path:
    """An annotation file with 12 questions, the videos' questions mixed; the cache is empty."""
    return write_questions(tmp_path / "quiz.jsonl", films, LENGTHS)
