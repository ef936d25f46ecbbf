from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from tests.support import make_video
from tspo_bench import MLLM
from tspo_bench.features import store
from tspo_bench.lmms.answering import Answerer, HarnessRequest
from tspo_bench.lmms.messages import read_context
from tspo_bench.types import Answer, Question, Request
from tspo_bench.video import open_video

HERE = "tests.lmms.test_answering"


class Teller(MLLM):
    """Says what it was asked and shown, and how many requests came together."""

    name = id = "teller"
    short_side = None
    batches: ClassVar[list[int]] = []

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        self.batches.append(len(requests))
        return [Answer(json.dumps(self.told(request))) for request in requests]

    def told(self, request: Request) -> dict[str, Any]:
        if "fail" in request.prompt.text:
            raise RuntimeError("out of memory, say")
        return {
            "prompt": request.prompt.text,
            "frames": request.frames.indices.tolist(),
            "size": request.frames.pixels.shape[1:3],
            "length": request.prompt.max_new_tokens,
            "before": request.prompt.before,
            "num_frames": request.num_frames,
        }


def answerer(sampler: str = "uniform", batch_size: int = 3) -> Answerer:
    return Answerer(
        f"{HERE}:Teller",
        sampler,
        4,
        encoder=None,
        agent=None,
        candidate_fps=2.0,
        batch_size=batch_size,
        device="cpu",
        seed=0,
    )


def asked(words: str, *visuals: Any, text: str = "What?") -> HarnessRequest:
    question = Question("q", "", text, ("A", "B"), None)
    return HarnessRequest(question, read_context(words, list(visuals), {"max_new_tokens": 7}))


@pytest.fixture
def videos(tmp_path: Path, cache: Path) -> tuple[str, str]:
    first = make_video(tmp_path / "first.mp4", 40)
    second = make_video(tmp_path / "second.mp4", 20, width=128)
    return str(first), str(second)


def test_order_batches_and_failures(videos: tuple[str, str], tmp_path: Path) -> None:
    first, second = videos
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    image = Image.new("RGB", (6, 4), "red")
    Teller.batches.clear()
    replies = answerer().answer(
        [
            asked("0", first),
            asked("1", second),
            asked("2"),
            asked("3", first),
            asked("4", str(tmp_path / "nowhere.mp4")),
            asked("5", image, Image.new("RGB", (3, 8))),
            asked("6", str(broken)),
            asked("7 fail", second),
            asked("8", first),
        ]
    )
    told = [json.loads(reply.text) if reply.text else None for reply in replies]
    whole = list(np.linspace(0, 39, 4).astype(int))
    assert [one and one["prompt"] for one in told] == [
        *("0", "1", "2", "3", None, "5", None, None, "8"),
    ]
    assert told[0]["frames"] == told[3]["frames"] == told[8]["frames"] == whole
    assert told[1]["frames"][-1] == 19
    assert (told[0]["size"], told[1]["size"]) == ([96, 160], [96, 128])
    assert (told[0]["num_frames"], told[0]["length"]) == (40, 7)
    assert (told[2]["frames"], told[5]["frames"], told[5]["size"]) == ([], [0, 1], [8, 6])
    assert [place for place, reply in enumerate(replies) if reply.error] == [4, 6, 7]
    assert "nowhere.mp4" in str(replies[4].error)
    assert "out of memory, say" in str(replies[7].error)
    # Two without a video, then three of the first video; the fourth batch of two fails as a whole.
    assert Teller.batches == [2, 3, 2, 1, 1]


def test_a_video_is_scanned_once(videos: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many requests and samplers' queries there are, in one call or in several."""
    opened = []

    def opening(path: Path) -> Any:
        opened.append(path.name)
        return open_video(path)

    monkeypatch.setattr(store, "open_video", opening)
    one = answerer("clip-topk")
    texts = ("a red car", "a dog", "a red car")
    first = one.answer([asked("?", videos[number % 2], text=t) for number, t in enumerate(texts)])
    assert sorted(opened) == ["first.mp4", "second.mp4"]
    again = one.answer([asked("?", videos[0], text="a red car")])
    assert again[0] == first[0]
    assert len(opened) == 2


def test_words_between_images_and_what_is_cut_for_the_sampler(videos: tuple[str, str]) -> None:
    image = Image.new("RGB", (6, 4), "red")
    (reply,) = answerer().answer([asked("see <image> and <image> ?", image, image)])
    told = json.loads(reply.text)
    assert (told["before"], told["prompt"]) == (["see ", " and "], " ?")
    assert answerer().answer([]) == []
