"""Our own selection files, and every shape written and read again: nothing is lost."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tspo_bench.errors import UserError
from tspo_bench.selections import (
    SHAPES,
    FileSelection,
    SelectionFile,
    read_selections,
    write_selections,
)
from tspo_bench.selections.native import selections_schema
from tspo_bench.types import Question

number = st.floats(allow_nan=False, allow_infinity=False, width=32)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def picked(draw: st.DrawFn, question_id: str) -> FileSelection:
    indices = sorted(draw(st.sets(st.integers(0, 10**7), max_size=12)))
    n = len(indices)
    lists = st.lists(number, min_size=n, max_size=n).map(tuple)
    scores = st.lists(st.none() | number, min_size=n, max_size=n).map(tuple)
    return FileSelection(
        question_id=question_id,
        indices=tuple(indices),
        seconds=draw(st.none() | lists),
        scores=draw(st.none() | scores),
        video=draw(st.none() | text),
        frame_rate=draw(st.none() | st.floats(1, 240)),
        num_frames=draw(st.none() | st.integers(1, 10**7)),
        num_filled=draw(st.integers(0, 12)),
        features=draw(st.none() | text),
        notes=draw(st.dictionaries(text, st.none() | number | text | st.lists(st.integers()))),
    )


@st.composite
def files(draw: st.DrawFn) -> SelectionFile:
    ids = draw(st.lists(text, min_size=1, max_size=5, unique=True))
    made_by = draw(st.dictionaries(text, st.none() | text | st.integers() | number))
    return SelectionFile({key: draw(picked(key)) for key in ids}, made_by)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.parametrize("suffix", ["json", "parquet"])
@given(file=files())
def test_our_own_form_loses_nothing(suffix: str, file: SelectionFile, tmp_path: Path) -> None:
    path = tmp_path / f"sel.{suffix}"
    write_selections(path, file, [])
    assert read_selections(path) == file


QUESTIONS = [
    Question(
        id=f"q{number}",
        video=f"{number // 2}.mp4",
        text="What?",
        options=("x", "y"),
        answer="A",
        record={"id": f"q{number}", "video_path": f"{number // 2}.mp4", "candidates": ["x", "y"]},
    )
    for number in range(3)
]
IDS = [question.id for question in QUESTIONS]
FILE = SelectionFile(
    {
        question.id: FileSelection(question.id, (30 * n, 30 * n + 75), (float(n), n + 2.5))
        for n, question in enumerate(QUESTIONS)
    }
)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_read_again_gives_the_same_frames(shape: str, tmp_path: Path) -> None:
    path = tmp_path / ("sel.jsonl" if shape == "videoitg" else "sel.json")
    write_selections(path, FILE, QUESTIONS, shape)
    again = read_selections(path, IDS).picks
    assert list(again) == IDS
    for key, one in FILE.picks.items():
        assert again[key].frames(1000, 30.0).tolist() == list(one.indices)


def test_what_the_shapes_look_like(tmp_path: Path) -> None:
    def written(shape: str) -> str:
        write_selections(tmp_path / "sel", FILE, QUESTIONS, shape)
        return (tmp_path / "sel").read_text()

    record = QUESTIONS[1].record
    assert json.loads(written("tspo"))[1] == {**record, "frame_idx": [30, 105]}
    assert json.loads(written("wfs-sb"))[1] == {**record, "keyframe_indices": [30, 105]}
    assert json.loads(written("aks")) == [[0, 75], [30, 105], [60, 135]]
    assert json.loads(written("videoitg").splitlines()[2]) == {"doc_id": 2, "index": [60, 135]}
    assert json.loads(written("toolmerge"))[1] == {
        "uid": "q1",
        "video_id": "0.mp4",
        "question": "What?",
        "options": {"A": "x", "B": "y"},
        "ground_truth": "A",
        "frames_used": [30, 105],
        "timestamps_used": [1.0, 3.5],
    }


PLACES = ["x", "q0", None, "q1", "q2"]  # all annotations: one was not asked, one is not a question


def test_places_are_those_among_all_annotations(tmp_path: Path) -> None:
    path = tmp_path / "sel.jsonl"
    shuffled = [QUESTIONS[2], QUESTIONS[0]]
    some = SelectionFile({question.id: FILE.picks[question.id] for question in shuffled})
    write_selections(path, some, shuffled, "videoitg", annotation_ids=PLACES)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"doc_id": 1, "index": [0, 75]}, {"doc_id": 4, "index": [60, 135]}]
    again = read_selections(path, PLACES).picks
    assert {key: one.indices for key, one in again.items()} == {
        key: one.indices for key, one in some.picks.items()
    }
    with pytest.raises(UserError, match="4 of 4 questions have none, the first is 'x'"):
        write_selections(path, SelectionFile({}), [], "videoitg", annotation_ids=PLACES)


def test_lists_in_annotation_order_are_of_all_annotations(tmp_path: Path) -> None:
    path = tmp_path / "sel.json"
    with pytest.raises(UserError, match=r"1 of 4 questions have none, the first is 'x'; only our"):
        write_selections(path, FILE, QUESTIONS, "aks", annotation_ids=PLACES)
    places = PLACES[1:]
    write_selections(path, FILE, QUESTIONS[::-1], "aks", annotation_ids=places)
    assert json.loads(path.read_text()) == [[0, 75], [], [30, 105], [60, 135]]
    again = read_selections(path, places).picks
    assert {key: one.indices for key, one in again.items()} == {
        key: one.indices for key, one in FILE.picks.items()
    }


def of_all(**fields: Any) -> SelectionFile:
    return SelectionFile({key: FileSelection(key, **fields) for key in IDS})


@pytest.mark.parametrize("shape", ["tspo", "wfs-sb", "aks", "videoitg"])
def test_numbers_of_a_grid_are_no_frame_numbers(shape: str, tmp_path: Path) -> None:
    grid = of_all(indices=(4, 6), seconds=(2.0, 3.0))
    with pytest.raises(UserError, match=rf"'q0': its numbers count 2 frames a .* but {shape} hol"):
        write_selections(tmp_path / "sel.json", grid, QUESTIONS, shape)
    assert not list(tmp_path.iterdir())
    told = of_all(indices=(4, 6), seconds=(2.0, 3.0), frame_rate=2.0)  # a video of 2 a second
    write_selections(tmp_path / "sel.json", told, QUESTIONS, shape)
    native = of_all(indices=(0, 30), seconds=(0.0, 2.0))
    write_selections(tmp_path / "sel.json", native, QUESTIONS, shape)


@pytest.mark.parametrize("name", ["sel.json", "sel.parquet", "toolmerge"])
def test_numbers_of_a_grid_keep_their_seconds(name: str, tmp_path: Path) -> None:
    grid = of_all(indices=(4, 6), seconds=(2.0, 3.0))
    shape = name if name == "toolmerge" else None
    write_selections(tmp_path / name, grid, QUESTIONS, shape)
    for picked in read_selections(tmp_path / name).picks.values():
        assert picked.frames(1000, 30.0).tolist() == [60, 90]


def test_ranked_lists_stay_ranked_or_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "sel.jsonl"
    ranked = of_all(indices=(120, 60, 180), scores=(0.9, 0.8, 0.1), ranked=True)
    write_selections(path, ranked, QUESTIONS, "videoitg")
    assert read_selections(path, IDS) == ranked
    for shape in set(SHAPES) - {"videoitg"}:
        with pytest.raises(UserError, match=f"'q0': it ranks more frames .* {shape} cannot say so"):
            write_selections(path, ranked, QUESTIONS, shape)
    for scores in (None, (0.9, None)):
        unscored = of_all(indices=(120, 60), scores=scores, ranked=True)
        with pytest.raises(UserError, match="'q0': it ranks its frames, but not all have the sco"):
            write_selections(path, unscored, QUESTIONS, "videoitg")
    assert read_selections(path, IDS) == ranked


def test_a_record_without_its_id_is_given_one(tmp_path: Path) -> None:
    bare = Question("own-7", "a.mp4", "What?", ("x", "y"), "A", record={"id": 7})
    file = SelectionFile({"own-7": FileSelection("own-7", (1,))})
    write_selections(tmp_path / "sel.json", file, [bare], "tspo")
    assert json.loads((tmp_path / "sel.json").read_text()) == [
        {"question_id": "own-7", "id": 7, "frame_idx": [1]}
    ]


def own(**changes: Any) -> dict[str, Any]:
    row = {"question_id": "q1", "indices": [1, 2]}
    content = {"format": "tspo-bench selections 1", "made_by": {}, "questions": [row]}
    return {**content, **changes}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (own(format="tspo-bench selections 2"), "are of the form 'tspo-bench selections 2'"),
        (own(made_by={"seed": math.nan}), "lack 'made_by' or 'questions'"),
        (own(made_by=3), "lack 'made_by' or 'questions'"),
        (
            own(questions=[{"question_id": "q1"}]),
            "entry 0 of 'questions' is not a selection of ours",
        ),
        (own(questions=[{"question_id": "q", "indices": 3}]), "its indices cannot be 3"),
        (own(questions=[3]), "entry 0 of 'questions' is not a selection of ours: 3"),
        (
            own(questions=[{"question_id": "q1", "indices": [1], "seconds": [1.0, 2.0]}]),
            "question 'q1': 2 seconds beside 1 indices",
        ),
        (own(questions=[{"question_id": "q", "indices": []}] * 2), "question 'q' is listed twice"),
    ],
)
def test_broken_files_of_ours(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sel.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError) as caught:
        read_selections(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("question_id", ["a"], "['a']"),
        ("video", 5, "5"),
        ("indices", None, "None"),
        ("seconds", [0, "x"], "[0, 'x']"),
        ("seconds", [0, math.inf], "[0, inf]"),
        ("seconds", [0, 10**400], "[0, 1000"),
        ("seconds", 3.5, "3.5"),
        ("scores", [None, True], "[None, True]"),
        ("ranked", "yes", "'yes'"),
        ("frame_rate", "x", "'x'"),
        ("frame_rate", 0, "0"),
        ("num_frames", "x", "'x'"),
        ("num_frames", -1, "-1"),
        ("num_filled", "x", "'x'"),
        ("features", {}, "{}"),
        ("notes", [1], "[1]"),
        ("notes", {"a": math.nan}, "{'a': nan}"),
    ],
)
def test_fields_of_another_type(key: str, value: Any, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "sel.json"
    row = {"question_id": "q1", "indices": [1, 2], key: value}
    path.write_text(json.dumps(own(questions=[row])))
    with pytest.raises(UserError) as caught:
        read_selections(path)
    where = f"{path}: entry 0 of 'questions', question {row['question_id']!r}: its {key}"
    assert f"{where} cannot be {kind}" in str(caught.value)


def test_every_field_has_a_type(tmp_path: Path) -> None:
    one = FileSelection("q", (1,), (0.5,), (None,), True, "a.mp4", 30, 0, 0, "f", {"a": [1]})
    (tmp_path / "sel.json").write_text(json.dumps(own(questions=[asdict(one)])))
    assert read_selections(tmp_path / "sel.json").picks == {"q": one}


def test_the_schema_in_docs_is_that_of_the_files() -> None:
    docs = Path(__file__).parents[2] / "docs"
    assert json.loads((docs / "selections.schema.json").read_text()) == selections_schema()


def test_a_wrong_index_costs_its_own_question_only(tmp_path: Path) -> None:
    rows = [{"question_id": "q1", "indices": [[1]]}, {"question_id": "q2", "indices": [2.0]}]
    (tmp_path / "sel.json").write_text(json.dumps(own(questions=rows)))
    picks = read_selections(tmp_path / "sel.json").picks
    with pytest.raises(ValueError, match=r"entry 0 is \[1\], not a whole frame number"):
        picks["q1"].frames(10, 30.0)
    assert picks["q2"].frames(10, 30.0).tolist() == [2]


HEAD = json.dumps({"format": "tspo-bench selections 1", "made_by": {}})


@pytest.mark.parametrize(
    ("columns", "head", "message"),
    [
        ({}, HEAD, "it lacks 'notes'"),
        ({"notes": ["{"]}, HEAD, "Expecting property name"),
        ({"notes": pyarrow.array([None], pyarrow.string())}, HEAD, "not NoneType"),
        ({"notes": ["[" * 100_000]}, HEAD, "recursion"),
        ({"notes": ["[1]"]}, HEAD, "question 'q1': its notes cannot be [1]"),
        ({"notes": ["{}"], "num_filled": ["x"]}, HEAD, "its num_filled cannot be 'x'"),
        (
            {"notes": ["{}"], "more": [b"x"]},
            HEAD,
            "entry 0 of 'questions' is not a selection of ours",
        ),
        ({"notes": ["{}"]}, "{}", "it lacks 'format'"),
        ({"notes": ["{}"]}, "[1]", "not a parquet file of `tspo-bench select`: list indices"),
        ({"notes": ["{}"]}, "{", "not a parquet file of `tspo-bench select`: Expecting"),
        ({"notes": ["{}"]}, None, "it lacks b'tspo_bench'"),
    ],
)
def test_broken_parquet_files(
    columns: dict[str, Any], head: str | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "sel.parquet"
    table = pyarrow.table({"question_id": ["q1"], "indices": [[1, 2]], **columns})
    if head is not None:
        table = table.replace_schema_metadata({"tspo_bench": head})
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(UserError) as caught:
        read_selections(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_record_keeps_what_json_can_hold(tmp_path: Path) -> None:
    record = {"id": "q0", "image": b"png", "when": date(2024, 1, 1), "of": [1, {2}], "n": math.nan}
    asked = replace(QUESTIONS[0], record={**record, "subs": [{"from": 0.5}], "none": None})
    path = tmp_path / "sel.json"
    write_selections(path, FILE, [asked], "wfs-sb")
    assert json.loads(path.read_text()) == [
        {"id": "q0", "subs": [{"from": 0.5}], "none": None, "keyframe_indices": [0, 75]}
    ]


@pytest.mark.parametrize(
    ("name", "shape"),
    [("sel.json", None), ("sel.parquet", None), *(("sel.json", shape) for shape in SHAPES)],
)
def test_whole_floats_are_written_as_whole_numbers(
    name: str, shape: str | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    floats = of_all(indices=(30.0, 60), seconds=(1.0, 2.0))
    write_selections(path, floats, QUESTIONS, shape)
    for picked in read_selections(path, IDS).picks.values():
        assert repr(picked.indices) == "(30, 60)"


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sel.csv: give a name that ends in .json or .parquet"):
        write_selections(tmp_path / "sel.csv", FILE, QUESTIONS)
    with pytest.raises(
        UserError, match="shape 'mine' of frame selections; use one of: tspo, wfs-sb"
    ):
        write_selections(tmp_path / "sel.json", FILE, QUESTIONS, "mine")
    some = SelectionFile({"q1": FILE.picks["q1"]})
    with pytest.raises(UserError, match="2 of 3 questions have none, the first is 'q0'"):
        write_selections(tmp_path / "sel.json", some, QUESTIONS, "aks")
    timeless = SelectionFile({key: FileSelection(key, (1,)) for key in IDS})
    with pytest.raises(UserError, match="'q0': its selection has no times"):
        write_selections(tmp_path / "sel.json", timeless, QUESTIONS, "toolmerge")
    assert not list(tmp_path.iterdir())
