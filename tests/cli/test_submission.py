"""`tspo-bench report --submission`: the file, what is said of it, and how it ends."""

import json
from pathlib import Path

from tests.cli.conftest import Cli
from tests.report.papers.test_submission import ANSWERS, withheld, written
from tests.support import make_video, table_rows


def test_failed_questions_are_listed_and_the_file_is_whole(cli: Cli) -> None:
    written(Path("run"), "c", ANSWERS, task="mlvu[split=test]")
    done = cli("report", "run", "--submission", "answers.json")
    assert done.code == 3
    assert done.out == "answers.json: 3 questions, format mlvu\n"
    assert "warning: 1 replies gave no letter: q1" in done.err
    assert "error: 1 questions failed and have an empty answer: q2" in done.err
    content = json.loads(Path("answers.json").read_text())
    assert [entry["option"] for entry in content] == ["F", "", ""]


def test_json(cli: Cli) -> None:
    run = written(Path("run"), "c", [withheld(0, "B")], task="longvideobench[split=test]")
    done = cli("report", str(run / "c"), "--submission", "answers.json", "--format", "json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "file": "answers.json", "format": "letters", "n": 1, "unparsed": [], "failed": []
    }  # fmt: skip
    assert json.loads(Path("answers.json").read_text()) == {"q0": "B"}


def test_mistakes(cli: Cli) -> None:
    done = cli("report", "nowhere", "--submission", "a.json")
    assert (done.code, "nowhere is not a run" in done.error) == (2, True)
    written(Path("run"), "c", ANSWERS, task="t")
    done = cli("report", "run", "--submission", "no/such/folder/a.json")
    assert (done.code, "cannot write no/such/folder/a.json" in done.error) == (2, True)


def test_a_withheld_split_is_run_shown_and_exported(cli: Cli, tmp_path: Path) -> None:
    """MLVU's test questions as released, six options and no answer, on two films."""
    films = [("film.mp4", 50), ("short.mp4", 20)]
    asked = [
        {
            "question_id": f"SQA_{number}",
            "question_type": ("sportsQA", "needleQA")[number],
            "video": name,
            "question": "What is shown?",
            "candidates": ["one", "two", "three", "four", "five", "six"],
        }
        for number, (name, _) in enumerate(films)
    ]
    (tmp_path / "test_multi_choice_tasks.json").write_text(json.dumps(asked))
    for name, num_frames in films:
        make_video(tmp_path / name, num_frames)
    args = ("--task", "mlvu", "--split", "test", "--data-root", ".", "--frames", "2", "--out", "r")
    done = cli("run", *args)
    assert done.code == 0
    row = next(line.split() for line in done.out.splitlines() if "uniform " in line)
    assert row[:4] == ["uniform", "2", "2", "withheld"]
    assert "macro: the mean over task_type" in " ".join(done.out.split())
    (cell,) = table_rows(cli("run", *args, "--json").out)
    figures = [cell[k] for k in ("accuracy", "accuracy_low", "headline", "macro", "num_withheld")]
    assert figures == [None, None, None, None, 2]
    assert cli("report", "r", "--submission", "answers.json").code == 0
    answers = json.loads(Path("answers.json").read_text())
    assert [(one["question_id"], one["question_type"]) for one in answers] == [
        ("SQA_0", "sportsQA"),
        ("SQA_1", "needleQA"),
    ]
    assert {one["option"] for one in answers} <= set("ABCDEF") | {""}
