"""Entries of strangers: labels that name code, and files that no run holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.entries.support import (
    SLUG,
    Change,
    changed,
    haystack_records,
    with_record,
    with_settings,
)
from tspo_bench.errors import UserError
from tspo_bench.report.entries.entry import open_entry
from tspo_bench.report.entries.rescoring import named_task
from tspo_bench.results import record_to_line


@pytest.mark.parametrize(
    "label",
    [
        "tests.evaluation.own_task:OwnTask",
        "mlvu[parser=tests.report.entries.test_hostile:boom]",
        "mlvu[protocols={strict: {reader: 'tests.report.entries.test_hostile:boom'}}]",
        "haystack[split=[val]]",
        "/etc/card.yaml",
        "tests/data/tasks/x.yaml",
        "films.jsonl",
        "file:/etc/passwd",
        "[",
        "",
    ],
)
def test_a_label_runs_nobodys_code(honest: Path, tmp_path: Path, label: str) -> None:
    lied = changed(honest, tmp_path / "e.zip", with_settings(task=label))
    with open_entry(lied) as entry:
        assert len(entry.unread) == 1
        assert entry.checked[0].num_read == 0


LABELS = st.one_of(
    st.text(),
    st.builds("{}[{}={}]".format, st.sampled_from(["haystack", "mlvu", "x"]),
              st.sampled_from(["split", "length", "videos", "parser", ""]), st.text()),
    st.builds("haystack[videos={}]".format, st.sampled_from(["9" * 150, "9" * 9999, "[" * 150])),
    st.just("haystack[videos=" + "[" * 99_999),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(label=LABELS, protocol=st.one_of(st.text(), st.sampled_from(["strict@1", "@", "+full"])))
def test_no_label_breaks_the_check(label: str, protocol: str) -> None:
    found = named_task({"task": label, "protocol": protocol})
    assert isinstance(found, str) or found.label.startswith(("haystack", "mlvu"))


def boom(*_: object) -> None:
    raise AssertionError("code that an entry names has run")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_settings(frames="8"), "frames '8'"),
        (with_settings(model_id={}), "model_id {}"),
        (with_settings(macro="length"), "macro average is over length, that of task 'haystack["),
        (with_record(0, frames=[1, 2, 3]), "was asked with 3 frames, at K = 2"),
        (with_settings(limit=0), "limit 0 asks nothing"),
        (with_settings(scoring={"average": "macro"}), "scoring"),
        (
            with_settings(scoring={"average": "micro", "unparsed": "dropped"}),
            "its scoring is not that of protocol strict@1#",
        ),
        (with_record(0, timing={"answer": 1e308}), "1e+308"),
        (with_record(0, surprise=1), "unknown key 'surprise'"),
        (with_record(1, question_id="val-1min-0000-with"), "stands in line"),
        (with_record(1, question_id="nobody"), "does not ask question 'nobody'"),
        (lambda files: files.pop("run.json"), "lacks 'run.json'"),
        (lambda files: files.update({"run.json": b"[" * 99_999}), "run.json is not JSON"),
        (lambda files: files.update({"run.json": b"{}"}), "run.json is no run of format 1"),
        (lambda files: files.update({"questions.jsonl": b"{}\n"}), "line 1 is no question"),
        (lambda files: files.update({"questions.jsonl": b"[" * 99_999}), "line 1 is no question"),
    ],
)
def test_what_no_run_holds(honest: Path, tmp_path: Path, change: Change, said: str) -> None:
    lied = changed(honest, tmp_path / "e.zip", change)
    with pytest.raises(UserError) as caught, open_entry(lied):
        pass
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(lied))
    assert "/tspo-bench-" not in str(caught.value)


def test_cells_are_looked_for_inside_alone(honest: Path, tmp_path: Path) -> None:
    outside = tmp_path / "records.jsonl"
    outside.write_text(record_to_line(haystack_records()[0]) + "\n")

    def change(files: dict[str, bytes]) -> None:
        content = json.loads(files["run.json"])
        content["cells"][str(tmp_path)] = content["cells"][SLUG]
        files["run.json"] = json.dumps(content).encode()

    lied = changed(honest, tmp_path / "e.zip", change)
    with pytest.raises(UserError, match="is no cell's folder"), open_entry(lied):
        pass
