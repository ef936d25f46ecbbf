"""`tspo-bench show`: a question as the model gets it, and what is read in a reply."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.real import LVBENCH

OWN = {
    "id": "pan",
    "video": "film.mp4",
    "question": "What is put into the pan?",
    "options": ["Oil", "An egg"],
    "answer": "B",
    "evidence": [[2, 3.5], [4, 4]],
    "groups": {"level": "easy"},
}


@pytest.fixture
def own(tmp_path: Path) -> str:
    """Three questions of one's own, without any video."""
    lines = [OWN, {**OWN, "id": "pot"}, {**OWN, "id": "cup", "groups": {}, "evidence": []}]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return "own.jsonl"


def lines_of(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def test_one_line_a_question(cli: Cli, own: str) -> None:
    done = cli("show", "--task", own, "--json")
    assert done.code == 0
    first, second, third = lines_of(done.out)
    assert [second["id"], third["id"], third["groups"], third["evidence"]] == ["pot", "cup", {}, []]
    assert first.pop("protocol").startswith("strict@2#")
    assert first == {
        "id": "pan",
        "video": "film.mp4",
        "prompt": "What is put into the pan?\nA. Oil\nB. An egg\n"
        "Please answer with the option's letter from the given choices directly.",
        "options": ["Oil", "An egg"],
        "answer": "B",
        "groups": {"level": "easy"},
        "evidence": [
            {"start": 2, "end": 3.5, "unit": "seconds", "scene": None},
            {"start": 4, "end": 4, "unit": "seconds", "scene": None},
        ],
    }


def test_what_is_read_in_a_reply(cli: Cli, own: str) -> None:
    def read(reply: str) -> tuple:
        (line,) = lines_of(
            cli("show", "--task", own, "--id", "pan", "--reply", reply, "--json").out
        )
        return line["letter"], line["guessed"], line["correct"]

    assert read("The answer is B.") == ("B", False, True)
    assert read("Oil") == ("A", False, False)
    assert read("A man puts it there") == (None, False, False)
    assert read("") == (None, False, False)


def test_for_people(cli: Cli, own: str) -> None:
    done = cli("show", "--task", own, "--id", "pan", "--reply", "It is oil")
    assert done.code == 0
    said = done.out.splitlines()
    assert said[0].startswith("pan  video film.mp4  protocol strict@2#")
    assert said[2:5] == ["What is put into the pan?", "A. Oil", "B. An egg"]
    assert said[-4:] == [
        "answer: B",
        "groups: level easy",
        "evidence: 2 to 3.5, 4 seconds",
        "extracted from the reply: nothing (wrong)",
    ]


def test_limit_is_that_of_a_run(cli: Cli, own: str) -> None:
    one = lines_of(cli("show", "--task", own, "--limit", "1", "--json").out)
    two = lines_of(cli("show", "--task", own, "--limit", "2", "--json").out)
    assert (len(one), len(two)) == (1, 2)
    assert one[0] in two


def test_an_unknown_question(cli: Cli, own: str) -> None:
    done = cli("show", "--task", own, "--id", "pn")
    assert done.code == 2
    assert done.error == (
        "error: task 'own' has no question 'pn': did you mean 'pan'? it has 3, the first is 'pan'"
    )


def test_a_protocol_that_is_not_there(cli: Cli) -> None:
    done = cli("show", "--task", "lvbench", "--data-root", str(LVBENCH), "--protocol", "official")
    assert done.code == 2
    assert "published no prompt" in done.error
    assert done.error.endswith("it has: strict, lmms-eval")
    done = cli("show", "--task", "haystack", "--protocol", "official")
    assert done.code == 2
    assert done.error == "error: task 'haystack' has no protocol 'official'; it has: strict"


def test_system_message_and_beginning_of_the_reply(cli: Cli, real_data: Path) -> None:
    args = ["show", "--task", "mlvu", "--data-root", str(real_data / "annotations"), "--id", "Q0"]
    done = cli(*args, "--protocol", "official", "--reply", "A) Delivers", "--json")
    (shown,) = lines_of(done.out)
    assert shown["system"].startswith("Carefully watch this video")
    assert shown["reply_start"] == "Best Option: ("
    assert (shown["letter"], shown["correct"]) == ("A", True)
    text = cli(*args, "--protocol", "official").out
    assert "system message: Carefully watch" in text
    assert "the reply continues: Best Option: (" in text


def test_a_drawn_letter_says_so(cli: Cli, real_data: Path) -> None:
    args = ["show", "--task", "longvideobench", "--data-root", str(real_data / "annotations")]
    args += ["--id", "86CxyhFV9MI_0", "--protocol", "lmms-eval", "--reply", "none of them"]
    (shown,) = lines_of(cli(*args, "--json").out)
    assert shown["guessed"] is True
    assert shown["letter"] in "ABCD"
    assert "unit" in shown["evidence"][0]
    assert ", drawn at random (" in cli(*args).out


@pytest.fixture
def talk(tmp_path: Path) -> str:
    """A film of 9.9 s whose subtitles count its seconds, and one without a file of them."""
    film = {**OWN, "id": "film", "subtitles": "film.srt", "duration": 9.9}
    lines = [film, {**film, "id": "mute", "subtitles": "mute.srt"}]
    (tmp_path / "talk.jsonl").write_text("\n".join(map(json.dumps, lines)))
    blocks = [f"{i}\n00:00:{i:02d},100 --> 00:00:{i + 1:02d},000\nsecond {i}\n" for i in range(10)]
    (tmp_path / "film.srt").write_text("\n".join(blocks))
    (tmp_path / "talk.yaml").write_text(
        "class: tspo_bench.tasks:AnnotatedTask\noptions:\n  splits: {test: {files: talk.jsonl}}\n"
        "  protocols:\n    between: {version: '1', prompt: '{text}', interleaved: true, "
        "with_subtitles: '{subtitles}{text}'}\n"
    )
    return "talk.yaml"


def test_subtitles_of_uniform_frames(cli: Cli, talk: str) -> None:
    listed = "This video's subtitles are listed below:\n"
    show = ("show", "--task", talk, "--frames", "4", "--json", "--subtitles")
    film, mute = lines_of(cli(*show, "aligned").out)
    assert (film["seconds"], film["before"]) == ([0.0, 3.3, 6.6, 9.9], [])
    assert film["prompt"].startswith(f"{listed}second 3\nsecond 6\nsecond 9\nWhat is put")
    assert mute["notes"] == {"subtitles": "missing"}
    assert mute["prompt"].startswith("What is put")
    film, _ = lines_of(cli(*show, "full").out)
    assert film["prompt"].count("second ") == 10
    assert "seconds" not in film
    people = cli("show", "--task", talk, "--id", "film", "--subtitles", "aligned", "--frames", "1")
    assert "\n<frame at 0 s>What is put" in people.out


def test_words_between_uniform_frames(cli: Cli, talk: str) -> None:
    show = ("show", "--task", talk, "--id", "film", "--frames", "4", "--protocol", "between")
    (film,) = lines_of(cli(*show, "--subtitles", "aligned", "--json").out)
    assert film["before"] == ["", "\n", "\nsecond 3\nsecond 6\n", "\nsecond 9\n"]
    assert (
        "<frame at 0 s>\n<frame at 3.3 s>\nsecond 3\nsecond 6\n<frame at 6.6 s>\nsecond 9\n"
        "<frame at 9.9 s>What is put into the pan?\n"
    ) in cli(*show, "--subtitles", "aligned").out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--task", "own.jsonl", "--subtitles", "full"], "task 'own' has no subtitles"),
        (["--task", "haystack", "--subtitles", "full"], "has no subtitles"),
        (["--task", "talk.yaml", "--subtitles", "all"], "'all'; use one of none, aligned, full"),
        (
            ["--task", "talk.yaml", "--subtitles", "aligned", "--frames", "0"],
            "--frames must be >= 1 (got 0)",
        ),
        (["--task", "long.jsonl", "--subtitles", "aligned"], "lacks the video's length"),
    ],
)
def test_subtitles_that_cannot_be_shown(
    cli: Cli, own: str, talk: str, tmp_path: Path, args: list[str], said: str
) -> None:
    (tmp_path / "long.jsonl").write_text(json.dumps({**OWN, "subtitles": "film.srt"}))
    done = cli("show", *args)
    assert done.code == 2
    assert said in done.error


def test_into_a_pipe_that_closes(own: str, tmp_path: Path) -> None:
    """As in `show ... | head -n 1`."""
    many = "\n".join(json.dumps({**OWN, "id": str(number)}) for number in range(5000))
    (tmp_path / own).write_text(many)
    with subprocess.Popen(
        [sys.executable, "-c", "from tspo_bench.cli import main; main()", "show", "--task", own],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
