"""Data URLs of frames that several questions show."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.mllms.served import MODEL, model_at
from tests.mllms.servers import ChatServer
from tspo_bench.mllms import jpeg_urls
from tspo_bench.mllms.jpeg_urls import JpegURLs, jpeg_url
from tspo_bench.types import Frames, Pixels, Prompt, Request

FRAMES = list(np.random.default_rng(0).integers(0, 256, (6, 24, 32, 3), np.uint8))


def request_of(numbers: list[int]) -> Request:
    pixels = np.stack([FRAMES[number] for number in numbers])
    frames = Frames(np.array(numbers), np.array(numbers, float), pixels)
    return Request(frames, Prompt("which ?"), 1.0, "AB")


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[Pixels]:
    """The frames that were encoded."""
    frames: list[Pixels] = []

    def counted(pixels: Pixels, quality: int) -> str:
        frames.append(pixels)
        return jpeg_url(pixels, quality)

    monkeypatch.setattr(jpeg_urls, "jpeg_url", counted)
    return frames


def test_threads_encode_each_frame_once(encoded: list[Pixels]) -> None:
    to_url, start = JpegURLs(90), threading.Barrier(8)

    def convert(_: int) -> list[str]:
        start.wait()
        return [to_url(frame) for frame in FRAMES]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(convert, range(8)))
    assert found == 8 * [[jpeg_url(frame, 90) for frame in FRAMES]]
    assert len(encoded) == len(FRAMES)
    turned = FRAMES[0].reshape(32, 24, 3)  # the same bytes
    assert to_url(turned) == jpeg_url(turned, 90) != to_url(FRAMES[0])


def test_what_was_not_shown_for_long_is_forgotten(encoded: list[Pixels]) -> None:
    to_url = JpegURLs(90, max_bytes=2 * FRAMES[0].nbytes)
    for number in (0, 1, 0, 2, 0, 1):
        to_url(FRAMES[number])
    assert [id(frame) for frame in encoded] == [id(FRAMES[number]) for number in (0, 1, 2, 1)]


def test_what_cannot_be_encoded_is_an_error_each_time(encoded: list[Pixels]) -> None:
    to_url = JpegURLs(90)
    for _ in range(2):
        with pytest.raises(ValueError, match="empty image"):
            to_url(np.empty((0, 4, 3), np.uint8))


def test_questions_share_frames(encoded: list[Pixels]) -> None:
    shown = [[0, 1], [1, 2], [0, 2]]
    requests = [request_of(numbers) for numbers in shown]
    with ChatServer(models=[MODEL]) as server:
        model = model_at(server, quality=80)
        for request in requests:
            model.answer([request])
        model.answer(requests)
    assert len(encoded) == 3
    for body, numbers in zip(server.asked, shown, strict=False):
        content = body["messages"][0]["content"]
        urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
        assert urls == [jpeg_url(FRAMES[number], 80) for number in numbers]
