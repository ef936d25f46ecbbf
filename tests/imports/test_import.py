"""Published answers as runs: every shape of file, and what is odd in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pytest

from tspo_bench.errors import UserError
from tspo_bench.evaluation import RunSettings, run_grid
from tspo_bench.imports import Imported, import_answers
from tspo_bench.report.bundle import write_bundle
from tspo_bench.report.html import TaskSource, write_html
from tspo_bench.report.loading import load_results
from tspo_bench.report.rescore import rescore
from tspo_bench.report.run_tasks import RunTasks
from tspo_bench.report.tables.report_text import ReportOptions, report_text

OPTIONS = ["an oak", "a pine", "a rose"]
QUESTIONS = [
    {
        "id": f"q{n}",
        "video": f"clips/film{n}.mp4",
        "question": f"Which plant is number {n}?",
        "options": OPTIONS,
        "answer": "ABC"[n % 3],
        "evidence": [[10, 12]],
        "duration": 60,
        "groups": {"level": "easy" if n < 2 else "hard"},
    }
    for n in range(4)
]


@pytest.fixture
def task(tmp_path: Path) -> Path:
    path = tmp_path / "films.jsonl"
    path.write_text("\n".join(map(json.dumps, QUESTIONS)))
    return path


def imported(path: Path, task: Path, name: str, rows: Any, **settings: Any) -> Imported:
    """The run made of these rows, written as a file of this name."""
    file = path / name
    match file.suffix:
        case ".jsonl":
            file.write_text("\n".join(map(json.dumps, rows)))
        case ".csv" | ".tsv":
            pandas.DataFrame(rows).to_csv(file, index=False, sep=",\t"[file.suffix == ".tsv"])
        case ".xlsx":
            pandas.DataFrame(rows).to_excel(file, index=False)
        case _:
            file.write_text(json.dumps(rows))
    return import_answers(file, str(task), "model", path / "run", **settings)


TOOLMERGE = [
    {
        "uid": f"q{n}",
        "answer": "A",
        "ground_truth": "ABC"[n % 3],
        "correct": n % 3 == 0,
        "frames_used": [22, 4],
        "timestamps_used": [11.0, 2.0],
    }
    for n in range(4)
]
# As lmms-eval 0.7 writes them: without `doc`, with what the task's metric keeps of it. Its order
# need not be the annotations'; of four metrics two keep the id, MLVU's the whole question.
PROMPT = "Which plant is number {}?\nA. an oak\nB. a pine\nC. a rose\nAnswer with the letter."
METRICS = {
    "an id": lambda n: {"acc": {"id": f"q{n}", "answer": "ABC"[n % 3], "parsed_pred": "A"}},
    "a question": lambda n: {
        "acc": {
            "question_id": f"Which plant is number {n}?\n(A) an oak\n(B) a pine\n(C) a rose\n",
            "answer": "ABC"[n % 3],
            "pred_answer": "A",
        }
    },
    "nothing": lambda n: {"acc": n % 3 == 0},
}
LMMS_EVAL = {
    f"lmms-eval, with {name} in the metric": [
        {
            "doc_id": place,
            "target": str(n % 3) if name == "an id" else "ABC"[n % 3],
            "filtered_resps": "A.",
            **metric(n),
            "input": PROMPT.format(n),
        }
        for place, n in enumerate((2, 0, 3, 1))
    ]
    for name, metric in METRICS.items()
}
OLD_LMMS_EVAL = [
    {"doc_id": n, "target": "ABC"[n % 3], "filtered_resps": ["A."], "resps": [["A."]]}
    for n in range(4)
]
VLMEVALKIT = [
    {
        "index": 100 + n,
        "video": f"film{n}",
        "question": f"which plant is number {n} ?",
        "answer": "ABC"[n % 3],
        "prediction": "The answer is A.",
        "hit": int(n % 3 == 0),
    }
    for n in range(4)
]
PLAIN = [{"id": f"q{n}", "answer": "A"} for n in range(4)]
SHAPES: dict[str, tuple[str, Any]] = {
    "ToolMerge": ("a.json", TOOLMERGE),
    **{name: ("a.jsonl", rows) for name, rows in LMMS_EVAL.items()},
    "lmms-eval, by place": ("a.jsonl", OLD_LMMS_EVAL),
    "lmms-eval, with the question": (
        "a.jsonl",
        [{**row, "doc_id": 9, "doc": {"id": f"q{n}"}} for n, row in enumerate(OLD_LMMS_EVAL)],
    ),
    "VLMEvalKit's xlsx": ("a.xlsx", VLMEVALKIT),
    "VLMEvalKit's tsv": ("a.tsv", VLMEVALKIT),
    "VLMEvalKit's scored LongVideoBench": (
        "a.xlsx",
        [
            {"id": f"q{n}", "correct_choice": n % 3, "prediction": "(A)", "score": int(n % 3 == 0)}
            for n in range(4)
        ],
    ),
    "VLMEvalKit's MLVU, answers as texts": (
        "a.tsv",
        [{**row, "answer": OPTIONS[n % 3], "index": 0} for n, row in enumerate(VLMEVALKIT)],
    ),
    "csv": ("a.csv", PLAIN),
    "csv with frames": ("a.csv", [{**row, "timestamps": "[1, 2.5]"} for row in PLAIN]),
    "option texts": ("a.csv", [{**row, "answer": "an oak"} for row in PLAIN]),
    "answers by id": ("a.json", {row["id"]: row["answer"] for row in PLAIN}),
    "objects by id": ("a.json", {row["id"]: {"answer": row["answer"]} for row in PLAIN}),
    "a list inside": ("a.json", {"model": "m", "results": PLAIN}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(tmp_path: Path, task: Path, shape: str):
    name, rows = SHAPES[shape]
    made = imported(tmp_path, task, name, rows, frames=2)
    assert sorted(record.question_id for record in made.records) == ["q0", "q1", "q2", "q3"]
    assert [record.letter for record in made.records] == ["A"] * 4
    assert made.accuracy == 0.5
    assert (made.problems, made.remarks, made.num_missing) == ([], [], 0)


def test_frames_and_evidence(tmp_path: Path, task: Path):
    made = imported(tmp_path, task, "a.json", TOOLMERGE)
    first = made.records[0]
    assert (first.frames, first.timestamps) == ((4, 22), (2.0, 11.0))
    assert (first.evidence, first.evidence_recall) == (((10.0, 12.0),), 1.0)
    assert first.groups == {"level": "easy"}
    (cell,) = load_results([tmp_path / "run"]).cells
    assert (cell.settings.frames, cell.settings.sampler) == (2, "a")
    assert cell.settings.protocol.startswith("as-published@")


def test_the_run_works_like_any_other(tmp_path: Path, task: Path):
    imported(tmp_path, task, "uniform.json", TOOLMERGE)
    better = [{**row, "answer": row["ground_truth"], "correct": True} for row in TOOLMERGE]
    imported(tmp_path, task, "better.json", better)
    loaded = load_results([tmp_path / "run"])
    text = report_text(loaded, ReportOptions(format="md"))
    assert "better" in text
    assert "+50.0" in text
    bundle = write_bundle(tmp_path / "run", tmp_path / "run.zip", annotations=None)
    assert bundle
    for place in (tmp_path / "run", tmp_path / "run.zip"):
        again = rescore(place, task=str(task) if place.is_dir() else None)
        assert sum(one.num_read for one in again) == 8
        assert not any(one.differences for one in again)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "xlsx", "json"])
def test_an_empty_prediction_is_not_the_right_answer(tmp_path: Path, task: Path, suffix: str):
    """VLMEvalKit's `answer` is the right one, also in a row whose `prediction` is empty."""
    rows = [{**VLMEVALKIT[n], "prediction": ["B", "B", None, ""][n]} for n in range(4)]
    made = imported(tmp_path, task, f"a.{suffix}", rows, frames=8)
    assert [record.reply for record in made.records] == ["B", "B", None, None]
    assert made.accuracy == 0.25


def test_times_of_toolmerge_where_the_file_has_none(tmp_path: Path, task: Path):
    rows = [{k: v for k, v in row.items() if k != "timestamps_used"} for row in TOOLMERGE]
    made = imported(tmp_path, task, "a.json", rows)
    assert {record.timestamps for record in made.records} == {(2.0, 11.0)}


def test_rows_of_lmms_eval_that_fit_no_question(tmp_path: Path, task: Path):
    rows = [{**row, "acc": True} for row in LMMS_EVAL["lmms-eval, with nothing in the metric"]]
    rows[1]["input"] = "Another question?"
    made = imported(tmp_path, task, "a.jsonl", rows, frames=8)
    assert made.problems == ["a.jsonl line 2: doc_id 1: its prompt is of no question of the task"]
    assert made.num_missing == 1


def test_two_files_of_one_name_are_two_rows(tmp_path: Path, task: Path):
    for name, letter in (("one", "A"), ("two", "B")):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "keyframes.json"
        file.write_text(json.dumps([{**row, "answer": letter} for row in TOOLMERGE]))
        import_answers(file, str(task), "model", tmp_path / "run")
    cells = load_results([tmp_path / "run"]).cells
    assert sorted(str(cell.records[0].letter) for cell in cells) == ["A", "B"]


def test_its_page_has_a_chart_of_evidence_and_no_pictures(tmp_path: Path, task: Path):
    """The file's frame numbers need not be the video's, so pictures could be of other frames."""
    imported(tmp_path, task, "a.json", TOOLMERGE)
    source = TaskSource(RunTasks())
    page = write_html(load_results([tmp_path / "run"]).cells, tmp_path / "html", source=source)
    assert '<section id="evidence"' in page.read_text()
    assert "all" in (tmp_path / "html/plots/evidence.svg").read_text()
    data = "".join(path.read_text() for path in (tmp_path / "html/data").glob("*.js"))
    assert "Published answers have no pictures" in data


def test_importing_again_replaces_the_answers(tmp_path: Path, task: Path):
    imported(tmp_path, task, "a.csv", PLAIN, frames=8)
    imported(tmp_path, task, "a.csv", [{**row, "answer": "B"} for row in PLAIN], frames=8)
    (cell,) = load_results([tmp_path / "run"]).cells
    assert [record.letter for record in cell.records] == ["B"] * 4


ODD: list[tuple[dict[str, Any], str, str]] = [
    ({"id": "q9"}, "problems", "id 'q9' is not a question of the task"),
    ({"id": "q0"}, "problems", "question 'q0' is answered at a.json item 1 too"),
    ({"id": None}, "problems", "no question id; give one of question_id, id"),
    ({"id": None, "doc_id": 7}, "problems", "doc_id 7 is not a place in the task's annotations"),
    ({"correct": "maybe"}, "problems", "correct 'maybe' is neither true nor false"),
    ({"timestamps": ["x"]}, "problems", "timestamps holds 'x', which is not a number"),
    ({"frames": [1], "timestamps": [1, 2]}, "problems", "1 frames beside 2 times"),
    ({"answer": "E"}, "remarks", "question 'q3': answer 'E' is not an option (A to C)"),
    ({"answer": ""}, "remarks", "question 'q3': no answer; counted as wrong"),
    ({"answer": None}, "remarks", "question 'q3': no answer; counted as wrong"),
    (
        {"correct": False},
        "remarks",
        "the file counts the answer 'A' as wrong; A is read in it, and the annotations' right",
    ),
    ({"ground_truth": "B"}, "remarks", "the file's right answer is B, the annotations' A"),
]


@pytest.mark.parametrize(("changed", "where", "said"), ODD)
def test_what_is_odd_is_said_row_by_row(
    tmp_path: Path, task: Path, changed: dict[str, Any], where: str, said: str
):
    rows = [*PLAIN[:3], {**PLAIN[3], **changed}]
    made = imported(tmp_path, task, "a.json", rows, frames=8)
    (line,) = getattr(made, where)
    assert line.startswith("a.json item 4: ")
    assert said in line
    assert len(made.records) == (3 if where == "problems" else 4)
    assert made.num_missing == 4 - len(made.records)


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("a.csv", PLAIN, "does not say how many frames were shown; give --frames K"),
        ("a.json", [], "no answer can be used, which is empty"),
        ("a.json", [{"id": "q0"}], "has no answers; give one of prediction"),
        ("a.json", {"model": "m", "config": 3}, "is an object with the fields model, config"),
        ("a.txt", PLAIN, "is of an unknown kind; known: .json"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, task: Path, name: str, rows: Any, said: str):
    with pytest.raises(UserError) as raised:
        imported(tmp_path, task, name, rows)
    assert said in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_broken_xlsx(tmp_path: Path, task: Path):
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(UserError, match="is not a readable xlsx"):
        import_answers(tmp_path / "a.xlsx", str(task), "m", tmp_path / "run")


def test_its_protocol_asks_nothing(task: Path):
    with pytest.raises(UserError, match="--protocol as-published is that of imported answers"):
        run_grid(RunSettings(tasks=(str(task),), protocol="as-published"))
