"""Subtitle files as they are found: read, or rejected with the reason."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tspo_bench.errors import UserError
from tspo_bench.tasks.subtitles import Subtitle, read_subtitles

FONT = '<font color="white" size=".72c">{}</font>'
PLAIN = "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:05,000 --> 00:00:06,000\nTwo\nlines\n"
TWO = (Subtitle(1.0, 2.5, "Hello"), Subtitle(5.0, 6.0, "Two lines"))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\n\nsomebody's greeting\n\n" + PLAIN,
        PLAIN.replace("Hello", FONT.format("Hello")),
        PLAIN.replace("Hello", "<i>Hel</i>{\\an8}lo"),
        PLAIN.replace("\n\n2\n", "\n2\n"),  # no empty line between two
        PLAIN.replace("\n\n2\n", "\n\n\n\n7\n"),
        PLAIN.replace("\n\n2\n", "\n\n1\nabc --> def\nlost\n\n2\n"),  # a block without times
        PLAIN.replace("Two\n", "Two\n\n"),  # an empty line within one
        PLAIN.replace(",", "."),
    ],
)
def test_srt_in_the_wild(content: str, tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes(content.encode())
    assert read_subtitles(path) == TWO
    assert read_subtitles(path, offset=1.0)[0] == Subtitle(0.0, 1.5, "Hello")


def test_what_only_looks_like_markup_stays(tmp_path: Path) -> None:
    said = "3 < 4 & {x} > 2, 1977"
    path = tmp_path / "film.srt"
    path.write_text(PLAIN.replace("Hello", said))
    assert read_subtitles(path)[0].text == said


def test_vtt(tmp_path: Path) -> None:
    path = tmp_path / "film.vtt"
    path.write_text(
        "WEBVTT\nKind: captions\n\nNOTE not shown\n\nSTYLE\n::cue {}\n\ngreeting\n"
        "00:01.000 --> 00:02.500 align:start\n<v Bob>Hel<00:00:01.500><c>lo</c>\n\n"
        "00:00:05.000 --> 00:00:06.000\nTwo\nlines\n\n"
        "01:00:05.000 --> 01:00:06.250\nrock &amp; roll\n"
    )
    assert read_subtitles(path) == (*TWO, Subtitle(3605.0, 3606.25, "rock & roll"))


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    for name in ("a.srt", "a.vtt"):
        (tmp_path / name).write_text("\n")
        assert read_subtitles(tmp_path / name) == ()
    (tmp_path / "a.json").write_text("[]")
    assert read_subtitles(tmp_path / "a.json") == ()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.srt", b"just some words\n", "no subtitles in the form of a .srt file"),
        ("a.srt", PLAIN.replace("00:0", "xx:x").encode(), "none of its blocks is a subtitle"),
        ("a.srt", PLAIN.replace("Hello", "H\xe9llo").encode("latin-1"), "can't decode byte 0xe9"),
        ("a.vtt", PLAIN.encode(), "no subtitles in the form of a .vtt file"),
        ("a.json", b"[{", "Expecting"),
        ("a.json", b'{"timestamp": [0.0, 1.0]}', "it holds no list, but a dict"),
        ("a.json", b'[{"start": "0:0:0", "end": "0:0:1", "line": "x"}, {"line": "y"}]', "item 2"),
        ("a.json", b'[{"timestamp": [0.0, 1.0], "text": null}]', "item 1 (its text is None)"),
        ("a.json", b'[{"start": "5", "end": "6", "line": "x"}]', "item 1"),
        ("a.json", b'["x"]', "item 1"),
        ("a.txt", PLAIN.encode(), "give .json, .jsonl, .srt, .vtt files"),
        ("a.srt", None, "Is a directory"),
    ],
)
def test_files_that_cannot_be_read(
    name: str, content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_subtitles(path)
    assert str(raised.value).startswith(f"subtitles {path} cannot be read: ")
    assert said in str(raised.value)


def test_a_text_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "en.json"
    path.write_text('[{"timestamp": [3.5, null], "text": "x"}]')
    assert read_subtitles(path, duration=9.0, offset=1.0) == (Subtitle(2.5, 8.0, "x"),)
    assert read_subtitles(path) == (Subtitle(3.5, math.inf, "x"),)
