"""Small numbered videos with questions about them, and tiny checkpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.support import write_questions
from tests.features.checkpoints import clip as make_clip
from tests.mllms.checkpoints import llava_onevision
from tests.support import make_video
from tspo_bench.features.encoder import TransformersEncoder
from tspo_bench.types import Features, Frames, Pixels
from tspo_bench.video.worker_reader import WorkerReader

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


@pytest.fixture
def decoding(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the real readers' and encoders' work.

    "scan NAME" and "fetch NAME" are passes over a video,
    "frames NAME" the pictures that its fetches gave, "encoded" those that an encoder was given,
    "texts" the questions that it was given.
    """
    counts: Counter[str] = Counter()
    scan, fetch, encode = WorkerReader.scan, WorkerReader.fetch, TransformersEncoder.encode_frames
    encode_text = TransformersEncoder.encode_text

    def counted_scan(reader: WorkerReader, *args: Any, **options: Any) -> Iterator[Frames]:
        counts[f"scan {reader.info.path.name}"] += 1
        return scan(reader, *args, **options)

    def counted_fetch(reader: WorkerReader, *args: Any, **options: Any) -> Frames:
        frames = fetch(reader, *args, **options)
        counts[f"fetch {reader.info.path.name}"] += 1
        counts[f"frames {reader.info.path.name}"] += len(frames)
        return frames

    def counted_encode(encoder: TransformersEncoder, pixels: Pixels) -> Features:
        counts["encoded"] += len(pixels)
        return encode(encoder, pixels)

    def counted_text(encoder: TransformersEncoder, texts: Sequence[str]) -> Features:
        counts["texts"] += sum(map(bool, texts))  # loading asks for the empty text's width
        return encode_text(encoder, texts)

    monkeypatch.setattr(TransformersEncoder, "encode_text", counted_text)
    monkeypatch.setattr(WorkerReader, "scan", counted_scan)
    monkeypatch.setattr(WorkerReader, "fetch", counted_fetch)
    monkeypatch.setattr(TransformersEncoder, "encode_frames", counted_encode)
    return counts
