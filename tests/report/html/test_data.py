"""The data of a page: figures, the index of questions, details, curves, texts, its folder."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.html.conftest import NUM_QUESTIONS, Made
from tests.report.html.support import (
    SAMPLERS,
    TOLERANCE,
    Pictures,
    data,
    groups,
    questions,
    shown_frame,
    write_run,
)
from tspo_bench.errors import UserError
from tspo_bench.report.escape import escape_control, snippet
from tspo_bench.report.html import write_html
from tspo_bench.report.html.folder import PageFolder, data_script
from tspo_bench.report.html.questions import SHARD_BYTES, curve_of
from tspo_bench.results import CandidateScores, read_scores


def test_the_index_and_the_details_agree_with_the_records(made: Made) -> None:
    index = data(made.folder, "set0")
    assert index["tolerance"] == TOLERANCE
    assert [column["sampler"] for column in index["columns"]] == [n for n in SAMPLERS for _ in "48"]
    assert [column["budget"] for column in index["columns"]] == ["4", "8"] * len(SAMPLERS)
    by_place: dict[int, Any] = {}
    for shard in {question[2] for question in index["questions"]}:
        content = data(made.folder, f"set0-{shard}")
        assert len(content) == 1 or len(json.dumps(content)) < SHARD_BYTES + 50_000
        by_place |= {int(place): details for place, details in content.items()}
    assert sorted(by_place) == list(range(NUM_QUESTIONS))
    for column, cell in enumerate(c for c in made.cells if c.settings.task == "made-up"):
        scores = read_scores(cell.folder / "scores.jsonl")
        for record in cell.records:
            place = int(record.question_id[2:])
            assert index["questions"][place][0] == record.question_id
            answer = next(a for a in by_place[place]["answers"] if a["column"] == column)
            assert answer["frames"] == list(record.frames)
            assert answer["recall"] == record.evidence_recall
            assert index["marks"][column][place] == answer["mark"]
            assert (answer["mark"] == "1") == record.correct
            if record.question_id in scores:
                curve = by_place[place]["curves"][answer["curve"]]
                levels = np.frombuffer(base64.b64decode(curve["levels"]), np.uint8)
                np.testing.assert_array_equal(levels, scores[record.question_id].levels)
            else:
                assert "curve" not in answer
    values = index["groups"][0][1]
    assert [values[question[3][0]] for question in index["questions"]] == [
        groups(n)["type" if index["groups"][0][0] == "type" else "depth"]
        for n in range(NUM_QUESTIONS)
    ]


def test_very_many_scores_are_drawn_by_the_highest_of_neighbours() -> None:
    values = np.array([random.Random(n).random() for n in range(3601)])
    values[100:140] = np.nan
    scores = CandidateScores.of("q", values, 1.0)
    assert scores is not None
    curve = curve_of(scores)
    levels = np.frombuffer(base64.b64decode(curve["levels"]), np.uint8)
    assert curve["interval"] == 5
    assert len(levels) == 721
    for place in range(721):
        own = [level for level in scores.levels[5 * place : 5 * place + 5] if level != 255]
        assert levels[place] == (max(own) if own else 255)


def test_texts() -> None:
    assert escape_control("a\r\nb\tc <b> é 中") == "a\nb\tc <b> é 中"
    assert escape_control("\u202ex\u2069\x1b\x00\ud800\x85\u200f") == (
        r"\u202ex\u2069\x1b\x00\ud800\x85\u200f"
    )
    assert snippet("one\n\n two " * 9, 12) == "one two one…"
    assert len(snippet("x" * 10**7, 140)) == 140


def test_data_scripts_hold_no_markup() -> None:
    content = {"text": "</script><!--\u2028\U0001f600\udcff é"}
    text = data_script("x", content)
    assert text.isascii()
    assert "<" not in text
    assert json.loads(text[len('tspoBench.give("x",') : -3]) == content


def test_folders_of_something_else_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds no report"):
        PageFolder(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        PageFolder(tmp_path / "file")


def test_a_page_takes_the_place_of_an_older_or_unfinished_one(tmp_path: Path) -> None:
    PageFolder(tmp_path / "html").write("thumbs/old/1.jpg", b"")  # and then the power went
    PageFolder(tmp_path / "html")
    assert not (tmp_path / "html" / "thumbs" / "old").exists()


def test_without_texts_and_with_lost_videos(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "run", 6, samplers=("uniform",))
    source = Pictures(questions(6))
    source.lost = {"film-1.mp4"}
    write_html(cells, tmp_path / "html", source=source, thumbnails=6)
    index = data(tmp_path / "html", "set0")
    assert index["problems"] == ["1 of 2 videos cannot be shown: there is no film-1.mp4"]
    details = data(tmp_path / "html", "set0-0")
    assert details["0"]["thumbs"]["height"] == 90
    assert details["3"]["thumbs"] is None
    frames = {f for place in "012" for f in details[place]["answers"][0]["frames"]}
    assert details["0"]["thumbs"]["frames"] == sorted(frames)
    write_html(cells, tmp_path / "html")
    bare = data(tmp_path / "html", "set0-0")["0"]
    assert (bare["text"], bare["options"], bare["thumbs"]) == (None, [], None)
    assert list((tmp_path / "html" / "thumbs").iterdir()) == []


def test_letters_are_harmless_and_short(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 1, samplers=("uniform",))
    record = replace(cell.records[0], gold="\u202e\x1b" + "x" * 9_000, letter="y\x00" * 9_000)
    write_html([replace(cell, records=(record,))], tmp_path / "html")
    details = data(tmp_path / "html", "set0-0")["0"]
    assert details["gold"] == r"\u202e\x1bxxxxxxxxx…"
    assert details["answers"][0]["letter"] == r"y\x00y\x00y\x00y\x00…"[:19] + "…"


def test_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no result to show"):
        write_html([], tmp_path / "html")
    assert not (tmp_path / "html").exists()
    cells = write_run(tmp_path / "run", 2, samplers=("uniform",))
    with pytest.raises(UserError, match="--thumbnails -1"):
        write_html(cells, tmp_path / "html", thumbnails=-1)


def test_pictures_stand_where_the_page_looks_for_them(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "run", 6, samplers=("uniform", "clip-topk"), budgets=(64,))
    write_html(cells, tmp_path / "html", source=Pictures(questions(6)), thumbnails=6)
    thumbs = data(tmp_path / "html", "set0-0")["3"]["thumbs"]
    picked = {f for cell in cells for record in cell.records[3:] for f in record.frames}
    assert thumbs["frames"] == sorted(picked), "a frame that both picked is there once"
    assert len(picked) > thumbs["columns"] * thumbs["rows"], "more than one sheet"
    for frame in thumbs["frames"]:
        picture = shown_frame(tmp_path / "html", thumbs, frame).astype(int)
        assert np.abs(picture - frame * np.array([3, 5, 7]) % 256).mean() < 6


def test_a_broken_file_of_scores_costs_its_curves_alone(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "run", 2, samplers=("clip-topk", "tspo-q"))
    path = cells[0].folder / "scores.jsonl"
    path.write_text('{"question_id": 1}\n')
    write_html(cells, tmp_path / "html")
    (problem,) = data(tmp_path / "html", "set0")["problems"]
    assert problem.startswith(f"Scores are not shown: {path}, line 1: ")
    answers = data(tmp_path / "html", "set0-0")["0"]["answers"]
    assert ["curve" in answer for answer in answers] == [False, True]


@pytest.mark.slow
def test_notes_and_errors_stand_on_the_page(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "run", 1, samplers=("uniform",))
    notes = [f"note {number} <script>\x1b" for number in range(6)]
    write_html(cells, tmp_path / "html", notes=notes[:5], errors=["bad <b> one"])
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert '<p class="problem">Left out: bad &lt;b&gt; one</p>' in page
    assert '<details class="notes" open><summary>5 notes on these results' in page
    assert [f"<li>note {n} &lt;script&gt;\\x1b</li>" in page for n in range(6)] == [*5 * [True], 0]
    write_html(cells, tmp_path / "html", notes=notes)
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert '<details class="notes"><summary>6 notes on these results' in page
    write_html(cells, tmp_path / "html")
    assert "provenance" not in (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
