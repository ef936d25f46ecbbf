"""Records survive the way to disk and back, and broken files are distinguished from cut ones."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.errors import UserError
from tspo_bench.results import read_records, record_from_line, record_to_line
from tspo_bench.results.records import read_whole_lines, record_schema
from tspo_bench.types import Record

finite = st.floats(allow_nan=False, allow_infinity=False)
figure = st.floats(-1e12, 1e12)  # what a run's numbers lie within
text = st.text(st.characters(), max_size=8)  # lone surrogates and line separators included
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
records = st.builds(
    Record,
    question_id=text,
    video=text,
    status=st.sampled_from(["ok", "unparsed", "decode_error", "sampler_error", "model_error"]),
    gold=st.none() | text,
    letter=st.none() | text,
    correct=st.booleans(),
    reply=st.none() | text,
    frames=st.lists(st.integers(0, 10**9), max_size=4).map(tuple),
    timestamps=st.lists(figure, max_size=4).map(tuple),
    num_candidates=st.none() | st.integers(0, 10**6),
    num_filled=st.integers(0, 64),
    evidence_recall=st.none() | st.floats(0, 1),
    evidence=st.lists(st.tuples(figure, figure), max_size=3).map(tuple),
    duration_seconds=st.none() | figure,
    groups=st.dictionaries(text, text, max_size=3),
    notes=st.dictionaries(text, json_values, max_size=3),
    error=st.none() | text,
    timing=st.dictionaries(text, figure, max_size=3),
)


def record(question_id: str = "q1", **changes) -> Record:
    return Record(
        **{"question_id": question_id, "video": "v.mp4", "status": "ok", "gold": "A"} | changes
    )


@given(records)
def test_round_trip_is_exact(original: Record) -> None:
    line = record_to_line(original)
    assert "\n" not in line
    assert record_from_line(line) == original
    assert record_to_line(record_from_line(line)) == line


def test_line_is_json_with_keys_in_field_order_and_inner_keys_sorted() -> None:
    line = record_to_line(record(groups={"b": "1", "a": "2"}, frames=(3, 9), timestamps=(0.1, 0.3)))
    content = json.loads(line)
    assert list(content)[:4] == ["format_version", "question_id", "video", "status"]
    assert list(content["groups"]) == ["a", "b"]
    assert content["frames"] == [3, 9]
    assert content["correct"] is False


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_rejected_both_ways(value: float) -> None:
    with pytest.raises(ValueError, match="question 'q1'"):
        record_to_line(record(timing={"decode": value}))
    good = record_to_line(record(timing={"decode": 0.5}))
    with pytest.raises(ValueError, match="not a finite number"):
        record_from_line(good.replace("0.5", json.dumps(value)))


def test_lines_of_version_1_are_read() -> None:
    new = record(timestamps=(0.1,), frames=(1,), frames_processed={"decoded": 3, "encoded": 2})
    line = record_to_line(new)
    old = line.replace('"format_version": 2, ', "").replace("timestamps", "seconds")
    assert record_from_line(old.replace("frames_processed", "looked_at")) == new
    with pytest.raises(ValueError, match="unknown key 'looked_at'"):
        record_from_line(line.replace("frames_processed", "looked_at"))
    with pytest.raises(ValueError, match="format_version 3; this version reads 1 and 2"):
        record_from_line(line.replace('"format_version": 2', '"format_version": 3'))


def test_the_schema_in_docs_is_that_of_the_records() -> None:
    docs = Path(__file__).parents[2] / "docs"
    assert json.loads((docs / "record.schema.json").read_text()) == record_schema()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"status": "fine"}, "key 'status' has value 'fine'"),
        ({"correct": 1}, "key 'correct' has value 1"),
        ({"frames": [1.5]}, "key 'frames'"),
        ({"frames": None}, "key 'frames'"),
        ({"groups": {"a": 1}}, "key 'groups'"),
        ({"num_filled": True}, "key 'num_filled'"),
        ({"timing": {"answer": 1e300}}, "key 'timing'"),  # two of them overflow
        ({"usage": {"prompt_tokens": 10**400}}, "key 'usage'"),
        ({"evidence_recall": 1.5}, "key 'evidence_recall'"),
        ({"groups": {"a": "b"}, "question_id": ["x" * 10**6]}, "key 'question_id'"),
    ],
)
def test_wrong_keys_and_values_are_named(change: dict, message: str) -> None:
    content = json.loads(record_to_line(record())) | change
    with pytest.raises(ValueError, match=message) as caught:
        record_from_line(json.dumps(content))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[]", "JSON object, got list"),
        ("{}", "lacks key 'gold'"),
        ('{"question', "Unterminated"),
        ('{"notes": 1e400}', "1e400 is not a finite number"),
    ],
)
def test_lines_that_are_not_records(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        record_from_line(line)


def test_every_cut_of_the_last_line_leaves_the_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    first, second = record("q1", reply="ein Tünnes"), record("q2", reply="日本")
    head = record_to_line(first).encode() + b"\n"
    tail = record_to_line(second).encode()
    for cut in range(len(tail) + 1):
        path.write_bytes(head + tail[:cut])
        assert read_whole_lines(path) == ([first], len(head))
    path.write_bytes(head + tail + b"\n")
    assert read_records(path) == [first, second]


@pytest.mark.parametrize("broken", [b'{"question_id": "q2', b"\xff\xfe", b"[" * 200_000])
def test_a_broken_line_names_file_and_line(broken: bytes, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with pytest.raises(UserError, match="cannot read records"):
        read_records(path)
    path.write_bytes(record_to_line(record()).encode() + b"\n" + broken + b"\n")
    with pytest.raises(UserError, match=r"records\.jsonl, line 2 is not a record.*--fresh"):
        read_records(path)


def test_question_twice_names_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    lines = [record_to_line(record(name)) for name in ("q1", "q2", "q1")]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match="'q1' is in line 1 and in line 3"):
        read_records(path)
