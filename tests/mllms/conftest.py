from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.mllms.checkpoints import BUILDERS
from tests.mllms.llava_original import Original, write_checkpoint
from tests.mllms.servers import hurry
from tspo_bench.types import Frames, Prompt, Request


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint, made on first use."""
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name == "smolvlm":
            pytest.importorskip("num2words", reason="SmolVLM's processor writes numbers as words")
        if name not in made:
            made[name] = BUILDERS[name](tmp_path_factory.mktemp("checkpoint") / name)
        return made[name]

    return get


@pytest.fixture
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture(scope="session")
def llava_original() -> Original:
    return Original()


@pytest.fixture(scope="session")
def llava_folder(llava_original: Original, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("llava") / "tiny", llava_original, shards=3)


@pytest.fixture
def llava_copy(llava_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(llava_folder, tmp_path / "copy"))


def make_request(
    indices: list[int],
    prompt: str = "which thing ?",
    frame_rate: float = 10.0,
    num_frames: int | None = 600,
    seconds: list[float] | None = None,
    size: tuple[int, int] = (40, 56),
) -> Request:
    """A request with seeded noise as frames."""
    rng = np.random.default_rng(len(indices) + sum(indices))
    pixels = rng.integers(0, 255, (len(indices), *size, 3), dtype=np.uint8)
    numbers = np.array(indices, np.int64)
    times = numbers / frame_rate if seconds is None else np.array(seconds, np.float64)
    return Request(Frames(numbers, times, pixels), Prompt(prompt), frame_rate, "ABCD", num_frames)


def with_prompt(request: Request, **changes: Any) -> Request:
    """The request with other fields of its prompt."""
    return replace(request, prompt=replace(request.prompt, **changes))


MIXED = [
    make_request([3, 50, 117, 580]),
    make_request([], "which long question A"),
    make_request([0, 1, 2, 3], "first ?"),
    make_request([10, 599], "second thing B ?"),
    make_request([9, 70, 300, 444], "long long long question ? A B C D which"),
    make_request([123], "thing"),
    make_request([], "D"),
    make_request([5, 200, 377], "from A ?"),
    make_request([5, 200, 377, 378], "the", size=(64, 48)),
]
"""Requests of several frame counts, sizes and prompt lengths, two of them without frames."""
