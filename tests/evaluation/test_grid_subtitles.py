"""Subtitles in a run: those of the frames of each sampler, named in settings and records."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.evaluation.own import FrameReader
from tests.evaluation.support import run
from tests.support import make_video
from tspo_bench.errors import UserError
from tspo_bench.report.baselines import Baselines, pooled_rows
from tspo_bench.results import read_run
from tspo_bench.types import Answer, Request

WRITER = "tests.evaluation.test_grid_subtitles:Writer[log={}]"
CARD = """
name: talk
class: tspo_bench.tasks:AnnotatedTask
options:
  splits: {test: {files: talk.jsonl}}
  protocols:
    between:
      version: "1"
      prompt: "{text}"
      with_subtitles: "{subtitles}\\n{text}"
      interleaved: true
    silent: {version: "1", prompt: "{text}"}
"""


class Writer(FrameReader):
    """Writes down all that it is asked, "<k>" where frame k is."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        assert self.log is not None
        with Path(self.log).open("a") as file:
            for request in requests:
                before = request.prompt.before or ("",) * len(request.frames)
                frames = zip(before, request.frames.indices, strict=True)
                asked = "".join(f"{text}<{k}>" for text, k in frames) + request.prompt.text
                file.write(json.dumps(asked) + "\n")
        return [Answer("A") for _ in requests]


class Dear(FrameReader):
    """Ten tokens a frame, twice that with words between them."""

    def visual_tokens(
        self, num_frames: int, height: int, width: int, interleaved: bool = False
    ) -> int:
        return num_frames * (20 if interleaved else 10)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A card: a film whose subtitles count its 10 s, one without, one with broken ones."""
    rows = []
    for name in ("film", "mute", "torn"):
        make_video(tmp_path / f"{name}.mp4", 100, width=32, height=32)
        row = {"id": name, "video": f"{name}.mp4", "subtitles": f"{name}.srt"}
        rows.append({**row, "question": f"{name}?", "options": ["x", "y"], "answer": "A"})
    (tmp_path / "talk.jsonl").write_text("\n".join(map(json.dumps, rows)))
    blocks = [f"{i}\n00:00:{i:02d},000 --> 00:00:{i + 1:02d},000\nsecond {i}\n" for i in range(10)]
    (tmp_path / "film.srt").write_text("\n".join(blocks))
    (tmp_path / "torn.srt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "talk.yaml").write_text(CARD)
    return tmp_path / "talk.yaml"


def asked(log: Path, question: str) -> list[str]:
    """All that was asked about a video, in order."""
    prompts = [json.loads(line) for line in log.read_text().splitlines()]
    return [prompt for prompt in prompts if f"{question}?" in prompt]


def test_each_sampler_shows_the_subtitles_of_its_own_frames(talk: Path, tmp_path: Path) -> None:
    """Wherever uniform frames would lie; a frame between two subtitles has neither."""
    log = tmp_path / "log"
    result = run(
        talk,
        tmp_path / "run",
        samplers=("uniform", "random[seed=3]", "blind"),
        models=(WRITER.format(log),),
        frames=(3,),
        subtitles="aligned",
    )
    expected = []
    for cell in result.cells:
        film = {record.question_id: record for record in cell.records}["film"]
        seconds = [second for second in film.timestamps if second % 1]
        shown = "\n".join(dict.fromkeys(f"second {int(second)}" for second in seconds))
        listed = f"This video's subtitles are listed below:\n{shown}\n" if shown else ""
        expected.append("".join(f"<{k}>" for k in film.frames) + f"{listed}film?")
    heads = [prompt.partition("\nA. x")[0] for prompt in asked(log, "film")]
    assert heads == expected
    assert len(set(expected)) == 3
    assert expected[2] == "film?"


def test_words_between_the_frames(talk: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    given = {"models": (WRITER.format(log),), "frames": (2,), "protocol": "between"}
    run(talk, tmp_path / "run", subtitles="aligned", **given)
    assert asked(log, "film") == ["<0>\nsecond 9\n<99>\nfilm?"]
    log.unlink()
    run(talk, tmp_path / "all", subtitles="full", **given)
    middle = "".join(f"second {i}\n" for i in range(10))
    assert asked(log, "film") == [f"<0>\n{middle}<99>\nfilm?"]


def test_a_budget_of_tokens_has_one_price_in_a_run(talk: Path, tmp_path: Path) -> None:
    """A video without subtitles gets no more frames, though they are cheaper there."""
    given = {"models": ("tests.evaluation.test_grid_subtitles:Dear",), "frames": None}
    given |= {"visual_tokens": (100,), "protocol": "between"}
    (plain,) = run(talk, tmp_path / "plain", **given).cells
    (cell,) = run(talk, tmp_path / "run", subtitles="aligned", **given).cells
    shown = {record.question_id: len(record.frames) for record in cell.records}
    assert (shown["film"], shown["mute"]) == (5, 5)
    assert {len(record.frames) for record in plain.records} == {10}


def test_a_video_without_subtitles_is_asked_and_a_broken_file_recorded(
    talk: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    (cell,) = run(
        talk, tmp_path / "run", models=(WRITER.format(log),), subtitles="full", frames=(2,)
    ).cells
    film, mute, torn = cell.records
    assert (film.status, mute.status, torn.status) == ("ok", "ok", "decode_error")
    assert (film.notes, mute.notes) == ({}, {"subtitles": "missing"})
    assert asked(log, "mute")[0].startswith("<0><99>mute?")
    assert f"{talk.parent / 'torn.srt'} cannot be read" in str(torn.error)
    assert asked(log, "torn") == []
    assert {r.protocol.partition("#")[0] for r in cell.records if r.protocol} == {"strict@2+full"}


@pytest.mark.slow
def test_another_setting_is_another_cell_and_no_rival(
    talk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = tmp_path / "run"
    (plain,) = run(talk, runs, frames=(2,)).cells
    assert plain.settings.protocol == "strict@2"
    run(talk, tmp_path / "other", frames=(2,))
    run(talk, tmp_path / "other", frames=(2,), subtitles="aligned")
    assert re.search(r"protocol: .*strict@2.* then, .*aligned.* now", caplog.text)
    (other,) = run(talk, runs, samplers=("blind",), frames=(2,), subtitles="aligned").cells
    assert other.settings.protocol == "strict@2+aligned"
    (row,) = pooled_rows([other], Baselines([other]))
    assert row.paired is None  # uniform was run without
    cells = read_run(runs)
    assert [row.paired for row in pooled_rows(cells, Baselines(cells))] == [None, None]


def test_mistakes_are_said_before_anything_is_asked(talk: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'silent' has no subtitles; leave --subtitles out"):
        run(talk, tmp_path / "run", protocol="silent", subtitles="full")
    with pytest.raises(UserError, match="'haystack' has no subtitles"):
        run("haystack", tmp_path / "run", subtitles="aligned")
    with pytest.raises(UserError, match="--subtitles must be 'none', 'aligned' or 'full'"):
        run(talk, tmp_path / "run", subtitles="all")
    assert not (tmp_path / "run").exists()
