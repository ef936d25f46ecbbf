from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tspo_bench.errors import UserError
from tspo_bench.lmms.messages import cut, read_context, read_messages

RED, BLUE = (Image.new("RGB", (4, 2), colour) for colour in ("red", "blue"))


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def test_a_video_and_its_question() -> None:
    video = {"type": "video", "url": "/films/a.mp4"}
    for shown in (
        read_messages([user(video, text("What?"))], {"max_new_tokens": 16}),
        read_context("What?", ["/films/a.mp4"], {"max_gen_toks": 16}),
        read_context("What?", [["/films/a.mp4"]], {"max_new_tokens": "16"}),
    ):
        assert shown.video == Path("/films/a.mp4")
        assert shown.images == ()
        assert (shown.prompt.text, shown.prompt.max_new_tokens) == ("What?", 16)
        assert shown.prompt.before == ()
        assert shown.prompt.system is None
    assert read_messages([user(text("a "), video, text("b"))], {}).prompt.text == "a b"


def test_system_message_and_begun_reply() -> None:
    shown = read_messages(
        [
            {"role": "system", "content": "Be short."},
            user(text("What?")),
            {"role": "assistant", "content": [text("Best option: (")]},
        ],
        {},
    )
    assert shown.prompt.system == "Be short."
    assert shown.prompt.reply_start == "Best option: ("
    assert shown.prompt.max_new_tokens is None
    assert shown.video is None


def test_words_between_images_stay_there() -> None:
    images = [{"type": "image", "url": RED}, {"type": "image", "url": BLUE}]
    shown = read_messages([user(text("x"), images[0], images[1], text("?"))], {})
    assert shown.images == (RED, BLUE)
    assert (shown.prompt.before, shown.prompt.text) == (("x", ""), "?")
    tagged = read_context("x<image><image>?", [RED, BLUE], {})
    assert (tagged.prompt, tagged.images) == (shown.prompt, shown.images)
    plain = read_context("x?", [RED, BLUE], {})
    assert (plain.prompt.before, plain.prompt.text) == ((), "x?")
    assert read_context("<image> x", None, {}).prompt.text == "<image> x"


def test_an_image_by_its_path(tmp_path: Path) -> None:
    BLUE.save(tmp_path / "a.png")
    (image,) = read_context("?", [str(tmp_path / "a.png")], {}).images
    assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(BLUE))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ([{"type": "audio", "url": {"array": [0.0]}}], "audio"),
        ([{"type": "video", "url": "a.mp4"}, {"type": "video", "url": "b.mp4"}], "2 videos"),
        ([{"type": "video", "url": "a.mp4"}, {"type": "image", "url": RED}], "1 videos and 1"),
        ([{"type": "video", "url": "a.mp4", "end_time": 2.0}], "part of a video"),
        ([{"type": "video", "url": {"path": "a.mp4", "video_start": 1}}], "dict"),
    ],
)
def test_unsupported_media(content: list[Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        read_messages([user(*content)], {})


def test_several_turns_are_rejected() -> None:
    turns = [user(text("1")), {"role": "assistant", "content": "A"}, user(text("2"))]
    with pytest.raises(UserError, match="several turns"):
        read_messages(turns, {})


def test_a_reply_is_cut_at_the_first_stop() -> None:
    assert cut("A\n\nB", ["\n\n"]) == "A"
    assert cut("A. B; C", [";", ". "]) == "A"
    assert cut("A", ["\n\n"]) == cut("A", None) == cut("A", "") == "A"
