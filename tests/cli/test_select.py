"""`tspo-bench select`: frames of one video, as a table, as JSON, as a sheet."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Cli
from tests.support import read_number
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.samplers.aks import AKS
from tspo_bench.types import Query

ASK = ("select", "film.mp4", "-q", "What is in the [red] pan?")


@pytest.mark.usefixtures("films")
def test_table(cli: Cli) -> None:
    done = cli(*ASK, "--sampler", "uniform", "--frames", "3")
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines()]
    assert [row for row in rows if row and row[0].isdigit()] == [
        ["1", "0", "0:00.00"],
        ["2", "24", "0:02.40"],
        ["3", "49", "0:04.90"],
    ]


@pytest.mark.usefixtures("films")
def test_json_and_sheet_of_a_sampler_that_scores(cli: Cli) -> None:
    done = cli(*ASK, "--frames", "4", "--sheet", "out/sheet.png", "--json")
    assert done.code == 0
    assert "the reference encoder knows the built-in pictogram world alone" in done.err
    found = json.loads(done.out)
    encoder = load_encoder("reference")
    candidates = FeatureStore().candidates(Path("film.mp4"), encoder)
    assert candidates.num_encoded == 0  # the command has put them into the store
    text = encoder.encode_text([ASK[3]])
    expected = AKS().select(Query("", "", ASK[3], text_features=text), candidates, 4)
    assert expected.scores is not None
    assert [frame["index"] for frame in found["frames"]] == expected.indices.tolist()
    assert [frame["seconds"] for frame in found["frames"]] == pytest.approx(expected.indices / 10)
    places = np.searchsorted(candidates.indices, expected.indices)
    scores = [frame["score"] for frame in found["frames"]]
    assert scores == pytest.approx(expected.scores[places].tolist())
    assert (found["video"], found["question"], found["sampler"]) == ("film.mp4", ASK[3], "aks")
    assert (found["num_candidates"], found["duration_seconds"]) == (5, 5.0)
    assert found["sheet"] == "out/sheet.png"
    assert Path("out/sheet.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("films")
def test_frames_are_saved_with_their_times_in_the_names(cli: Cli) -> None:
    args = (*ASK, "--sampler", "uniform", "--frames", "3", "--save", "out/frames")
    done = cli(*args)
    assert done.out.endswith("saved: 3 pictures in out/frames\n")
    names = ["001_0h00m00.00s.jpg", "002_0h00m02.40s.jpg", "003_0h00m04.90s.jpg"]
    assert sorted(path.name for path in Path("out/frames").iterdir()) == names
    assert json.loads(cli(*args, "--json").out)["saved"] == [f"out/frames/{one}" for one in names]
    assert cli(*args, "--image-format", "png").code == 0
    numbers = []
    for name in ("001_0h00m00.00s.png", "002_0h00m02.40s.png", "003_0h00m04.90s.png"):
        with Image.open(Path("out/frames") / name) as image:
            numbers.append(read_number(np.asarray(image)))
    assert numbers == [0, 24, 49]


@pytest.mark.usefixtures("films")
def test_messages_hold_frames_with_their_times_and_the_question(cli: Cli) -> None:
    done = cli(*ASK, "--sampler", "uniform", "--frames", "3", "--messages")
    (message,) = json.loads(done.out)
    *parts, text = message["content"]
    assert (message["role"], text) == ("user", {"type": "text", "text": ASK[3]})
    assert [part["text"] for part in parts[::2]] == ["[0.0 s]", "[2.4 s]", "[4.9 s]"]
    for part, number in zip(parts[1::2], (0, 24, 49), strict=True):
        kind, _, data = part["image_url"]["url"].partition(",")
        assert kind == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            assert read_number(np.asarray(image)) == number


@pytest.mark.usefixtures("films")
def test_more_frames_than_candidates_gives_all(cli: Cli) -> None:
    done = cli(*ASK, "--sampler", "random", "--frames", "64", "--candidate-fps", "2", "--json")
    found = json.loads(done.out)
    assert [f["index"] for f in found["frames"]] == list(range(0, 50, 5))
    assert (found["num_asked"], found["num_candidates"], found["num_filled"]) == (64, 10, 0)
    assert "note: 10 of 64 frames selected: the video has 10 candidates" in done.err


@pytest.mark.usefixtures("films")
def test_frames_of_the_fill_rule_are_counted(cli: Cli) -> None:
    done = cli(*ASK, "--sampler", "tests.cli.own:HalfFilled", "--frames", "4")
    assert "note: 2 of 4 frames were added by the sampler's fill rule" in done.err
    args = ("--sampler", "tests.cli.own:HalfFilled", "--frames", "5", "--json")
    done = cli("select", "--task", "films.jsonl", "--out", "s.json", *args)
    found = json.loads(done.out)
    assert (found["num_short"], found["num_filled"]) == (found["num_questions"], 6)
    assert f"{found['num_questions']} of {found['num_questions']} questions have fewer" in done.err
    assert "note: 6 frames were added by the sampler's fill rule" in done.err


@pytest.mark.usefixtures("films")
def test_frames_that_are_no_candidates_have_no_score(cli: Cli) -> None:
    own = (*ASK, "--sampler", "tests.cli.own:OffGrid")
    frames = json.loads(cli(*own, "--json").out)["frames"]
    assert [(f["index"], f["score"]) for f in frames] == [(10, 1.0), (11, None)]
    assert "1.000" in cli(*own).out


@pytest.mark.usefixtures("films")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--sampler", "oracle"], "sampler 'oracle' needs annotated evidence"),
        (["--sampler", "file:picks.json"], "sampler 'file:picks.json' looks frames up by"),
        (["--sampler", "tests.cli.own:Outside"], "the sampler picked frames 50 to 50, but"),
        (
            ["--sampler", "tests.evaluation.own:Picks[case=unsorted]"],
            "sampler 'tests.evaluation.own:Picks[case=unsorted]' failed: ValueError: ",
        ),
        (["--sampler", "unifrom"], "did you mean 'uniform'"),
        (["-q", " "], "sampler 'aks' searches for the question's text; it is empty"),
        (["--encoder", "./no/clip"], "encoder './no/clip': there is no such folder"),
        (["--frames", "0"], "--frames must be >= 1 (got 0)"),
        (["--candidate-fps", "-1"], "--candidate-fps must be > 1e-12 (got -1.0)"),
        (["--sampler", "all"], "--sampler 'all' is several; give one"),
        (["--sheet", "sheet.gif3", "--sampler", "uniform"], "unknown image format 'gif3'"),
        (["--save", "film.mp4", "--sampler", "uniform"], "name another folder"),
        (["--save", "a", "--image-format", "gif", "--sampler", "uniform"], "use jpg or png"),
        (["--sheet", "film.mp4/s.png", "--sampler", "uniform"], "name another file with --sheet"),
    ],
)
def test_mistakes_end_in_one_line(cli: Cli, args: list[str], said: str) -> None:
    Path("picks.json").write_text('{"q": [1]}')
    done = cli(*ASK, *args)
    assert done.code == 2
    assert said in done.error


def test_bad_videos(cli: Cli) -> None:
    Path("text.mp4").write_text("no video")
    Path("empty.mp4").touch()
    for name, said in [("absent.mp4", "absent.mp4"), ("text.mp4", ""), ("empty.mp4", "empty")]:
        done = cli("select", name, "--sampler", "uniform")
        assert done.code == 2
        assert name in done.error
        assert said in done.error


QUIZ = ("select", "--task", "films.jsonl")


@pytest.mark.usefixtures("films")
def test_a_whole_task(cli: Cli) -> None:
    Path("short.mp4").unlink()
    done = cli(*QUIZ, "--sampler", "uniform", "--frames", "3", "-o", "sel.parquet")
    assert done.code == 3
    assert "sel.parquet: frames for 2 questions; --sampler file:sel.parquet" in done.out
    assert "question 'dog': task 'films': video short.mp4 not found" in done.err
    assert "1 questions have no selection" in done.err
    other = cli(*QUIZ, "--sampler", "file:sel.parquet", "-o", "sel.json", "--json")
    shown = json.loads(other.out)
    assert shown["file"] == "sel.json"
    assert shown["made_by"]["sampler"] == "uniform"
    assert shown["num_questions"] == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["select"], "give a video file, or a task with --task, and not both"),
        (["select", "film.mp4", "--task", "films.jsonl"], "and not both"),
        ([*QUIZ], "--task needs a file to write; give --out sel.json or sel.parquet"),
        ([*QUIZ, "-o", "sel.json", "-q", "What?"], "--question: no effect with --task"),
        ([*QUIZ, "-o", "sel.json", "--sheet", "a.png"], "--sheet: no effect with --task"),
        ([*QUIZ, "-o", "sel.txt"], "give a name that ends in .json or .parquet"),
        ([*QUIZ, "-o", "s.json", "--format", "mine", "--sampler", "uniform"], "shape 'mine'"),
        ([*QUIZ, "-o", "sel.json", "--save", "a"], "--save: no effect with --task"),
        (["select", "film.mp4", "--messages", "--json"], "give one of them"),
        (["select", "film.mp4", "--limit", "3"], "--limit: no effect with a video"),
        (["select", "film.mp4", "-o", "sel.json"], "--out: no effect with a video"),
    ],
)
@pytest.mark.usefixtures("films")
def test_a_video_or_a_task(cli: Cli, args: list[str], said: str) -> None:
    done = cli(*args)
    assert done.code == 2
    assert said in done.error
