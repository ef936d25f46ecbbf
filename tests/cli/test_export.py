"""`tspo-bench export-submission`: the file, what is said of it, and how it ends."""

import json
from pathlib import Path

from tests.cli.conftest import Cli
from tests.report.test_submission import ANSWERS, withheld, written


def test_failed_questions_are_listed_and_the_file_is_whole(cli: Cli) -> None:
    written(Path("run"), "c", ANSWERS, task="mlvu[split=test]")
    done = cli("export-submission", "run", "--out", "answers.json")
    assert done.code == 3
    assert done.out == "answers.json: 3 questions, format mlvu\n"
    assert "warning: 1 replies gave no letter: q1" in done.err
    assert "error: 1 questions failed and have an empty answer: q2" in done.err
    content = json.loads(Path("answers.json").read_text())
    assert [entry["option"] for entry in content] == ["F", "", ""]


def test_json(cli: Cli) -> None:
    run = written(Path("run"), "c", [withheld(0, "B")], task="longvideobench[split=test]")
    done = cli("export-submission", str(run / "c"), "--out", "answers.json", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "file": "answers.json", "format": "letters", "n": 1, "unparsed": [], "failed": []
    }  # fmt: skip
    assert json.loads(Path("answers.json").read_text()) == {"q0": "B"}


def test_mistakes(cli: Cli) -> None:
    done = cli("export-submission", "nowhere", "--out", "a.json")
    assert (done.code, "nowhere is neither a run" in done.error) == (2, True)
    written(Path("run"), "c", ANSWERS, task="t")
    done = cli("export-submission", "run", "--out", "no/such/folder/a.json")
    assert (done.code, "cannot write no/such/folder/a.json" in done.error) == (2, True)
