"""Files for evaluation servers, from cells on disk."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.report.support import record
from tspo_bench.errors import UserError
from tspo_bench.report.papers.submission import cell_at, submission
from tspo_bench.results import RunDirectory
from tspo_bench.types import Record

SETTINGS = {"sampler": "uniform", "model": "m", "frames": 2, "protocol": "strict@1"}


def written(folder: Path, slug: str, records: Sequence[Record], **settings: Any) -> Path:
    """A run's folder with one more cell of these records."""
    asked = {**SETTINGS, "num_questions": len(records), **settings}
    with RunDirectory(folder).open_cell(slug, asked) as writer:
        for one in records:
            writer.append(one)
    return folder


def withheld(number: int, letter: str | None, **changes: Any) -> Record:
    return record(number, False, gold=None, letter=letter, **changes)


ANSWERS = [
    withheld(0, "F", groups={"task_type": "sportsQA"}),
    withheld(1, None, groups={"task_type": "needleQA"}, status="unparsed", reply="Hm."),
    withheld(2, None, groups={"task_type": "order"}, status="decode_error", error="broken"),
]


def test_longvideobench_is_an_object_from_id_to_letter(tmp_path: Path) -> None:
    task = "longvideobench[split=test]"
    made = submission(cell_at(written(tmp_path / "run", "c", ANSWERS, task=task)))
    assert made.content == {"q0": "F", "q1": "", "q2": ""}
    assert (made.format, made.num_questions) == ("letters", 3)
    assert (made.unparsed, made.failed) == (("q1",), ("q2",))


def test_mlvu_is_the_list_that_its_repository_shows(tmp_path: Path) -> None:
    made = submission(cell_at(written(tmp_path, "c", ANSWERS, task="mlvu[split=test]")))
    assert made.format == "mlvu"
    assert made.content == [
        {"question_id": "q0", "question_type": "sportsQA", "option": "F"},
        {"question_id": "q1", "question_type": "needleQA", "option": ""},
        {"question_id": "q2", "question_type": "order", "option": ""},
    ]


@pytest.mark.slow  # importing one of lmms-eval's tasks takes long
def test_lmms_eval_writes_the_same_file_for_longvideobench(tmp_path: Path) -> None:
    utils = pytest.importorskip("lmms_eval.tasks.longvideobench.utils")
    doc = {
        **{"id": "q0", "correct_choice": -1, "duration_group": 15, "question_category": "S2E"},
        **{f"option{n}": f"option {n}" for n in range(5)},
    }
    theirs = utils.longvideobench_process_results(doc, ["E"])
    ours = submission(
        cell_at(written(tmp_path, "c", [withheld(0, "E")], task="longvideobench[split=test]"))
    )
    assert theirs["submission"] == ours.content
    assert theirs["lvb_acc"]["parsed_pred"] == "E"  # a bare letter is read as itself


def test_an_unfinished_cell_is_rejected(tmp_path: Path) -> None:
    run = written(tmp_path, "c", ANSWERS, task="lvbench", num_questions=1549)
    with pytest.raises(UserError, match="is unfinished: 3 of 1549 questions; rerun its command"):
        submission(cell_at(run))


def test_a_cell_is_named_where_a_run_has_several(tmp_path: Path) -> None:
    run = written(tmp_path, "one", ANSWERS[:1], task="t")
    written(run, "two", ANSWERS, task="t", sampler="aks")
    with pytest.raises(UserError, match="has 2 cells; name the folder of one of them: one, two"):
        cell_at(run)
    assert len(cell_at(run / "two").records) == 3
    for folder in (tmp_path / "three", run / "three", Path("/")):
        with pytest.raises(UserError, match=re.escape(f"{folder} is not a run")):
            cell_at(folder)
