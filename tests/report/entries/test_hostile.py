"""Entries of strangers: labels that name code, and files that no run holds."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.entries.support import (
    SLUG,
    Change,
    changed,
    haystack_records,
    with_file,
    with_record,
    with_settings,
)
from tests.report.support import settings_with
from tspo_bench.errors import UserError
from tspo_bench.report.entries.archive import MANIFEST
from tspo_bench.report.entries.entry import open_entry
from tspo_bench.report.entries.packing import pack
from tspo_bench.report.entries.rescoring import named_task
from tspo_bench.results import (
    CandidateScores,
    RunDirectory,
    read_run,
    read_scores,
    record_to_line,
    scores_to_line,
)
from tspo_bench.results.cell import SCORES_FILE


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
    found = named_task(settings_with({"task": label, "protocol": protocol}))
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
        (with_record(0, frames=[4, 4]), "asked with frames that are not sorted, distinct"),
        (with_record(0, frames=[4, 3]), "asked with frames that are not sorted, distinct"),
        (with_record(0, frames=[-1, 3]), "asked with frames that are not sorted, distinct"),
        (with_record(0, seen={"visual_tokens": -5}), 'asked with {"visual_tokens": -5} of it seen'),
        (with_settings(frames=None, visual_tokens=-3), "has visual_tokens -3; a run has 1 or more"),
        (with_settings(visual_tokens=0), "has visual_tokens 0; a run has 1 or more"),
        (with_settings(visual_tokens=1.5), "visual_tokens 1.5"),
        (with_settings(limit=0), "--limit must be >= 1"),
        (with_settings(scoring={"average": "macro"}), "scoring"),
        (
            with_settings(scoring={"average": "micro", "unparsed": "dropped"}),
            "its scoring is not that of protocol strict@2#",
        ),
        (with_record(0, timing={"answer": 1e308}), "1e+308"),
        (with_record(0, surprise=1), "unknown key 'surprise'"),
        (with_record(1, question_id="val-1min-0000-with"), "stands in line"),
        (with_record(1, question_id="nobody"), "does not ask question 'nobody'"),
        (lambda files: files.pop("run.json"), "lacks 'run.json'"),
        (lambda files: files.update({"run.json": b"[" * 99_999}), "run.json is not JSON"),
        (lambda files: files.update({"run.json": b"{}"}), "run.json is not a run of format 1"),
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
    with pytest.raises(UserError, match="is not a cell's folder"), open_entry(lied):
        pass


GARBAGE = (b"", b"\n", b"\xff\xfe\n", b"[" * 99_999 + b"\n", b"null\n", b"{}\n", b"[1]\n", b"\0\n")


CUT = "its last line is cut"


def test_a_broken_scores_file_costs_its_curves_alone(own_run: Path, tmp_path: Path) -> None:
    curve = CandidateScores.of("pan", np.linspace(0, 1, 5), 1.0)
    assert curve is not None
    line = f"{scores_to_line(curve)}\n"
    cells = json.loads((own_run / "run.json").read_text())["cells"]
    other = {**cells[SLUG], "sampler": "aks", "questions": "another", "num_questions": 1}
    with RunDirectory(own_run).open_cell("second", other) as writer:
        writer.append(haystack_records()[0])
    first = haystack_records()[0].question_id
    for slug in (SLUG, "second"):
        (own_run / slug / SCORES_FILE).write_text(line)
    (own_run / "second" / SCORES_FILE).write_text(line.replace('"pan"', f'"{first}"'))
    pack(own_run, tmp_path / "whole.zip")
    name = f"{SLUG}/{SCORES_FILE}"
    endless = line.replace('"high": 1.0', '"high": 1e999')
    for broken in (*GARBAGE[1:], line.replace("levels", "level").encode(), endless.encode()):
        lied = changed(
            tmp_path / "whole.zip",
            tmp_path / "e.zip",
            with_file(name, line.encode() + broken),
        )
        with open_entry(lied) as entry:
            (problem,) = entry.problems
            assert problem.startswith(f"{SLUG}: its curves are left out: {name}, line 2 holds no")
            assert not (entry.folder / name).exists()
            assert list(read_scores(entry.folder / "second" / SCORES_FILE)) == [first]
            assert [len(one.cell.records) for one in entry.checked] == [3, 1]
    for cut in (line.encode() + line[:-9].encode(), line[:-1].encode(), b'{"x":', b""):
        lied = changed(tmp_path / "whole.zip", tmp_path / "e.zip", with_file(name, cut))
        with open_entry(lied) as entry:
            assert entry.problems == (f"{SLUG}: its curves are left out: {name}: {CUT}",)
            assert not (entry.folder / name).exists()


def test_a_cut_last_line_is_told(honest: Path, tmp_path: Path) -> None:
    def cut(files: dict[str, bytes]) -> None:
        files[f"{SLUG}/records.jsonl"] = files[f"{SLUG}/records.jsonl"][:-9]

    with open_entry(changed(honest, tmp_path / "e.zip", cut)) as entry:
        assert entry.problems == (
            f"{SLUG}: unfinished: 19 of 20 questions have a record",
            f"{SLUG}: the last line of its records.jsonl is cut, and not counted",
        )
        assert len(entry.checked[0].cell.records) == len(haystack_records()) - 1


def test_a_cell_without_files(honest: Path, tmp_path: Path) -> None:
    """None of its questions is answered, and it does not break the check."""

    def bare(files: dict[str, bytes]) -> None:
        del files[f"{SLUG}/records.jsonl"]

    with open_entry(changed(honest, tmp_path / "e.zip", bare)) as entry:
        (cell,) = read_run(entry.folder)
        assert (len(cell.records), cell.settings.num_questions) == (0, 20)
        assert entry.problems == (f"{SLUG}: unfinished: 0 of 20 questions have a record",)


def test_whatever_is_broken_is_named(own_run: Path, tmp_path: Path) -> None:
    """Each file of an entry is in turn replaced, cut, or gone on with what makes no sense."""
    spec = str(tmp_path / "secretfolder" / "films.jsonl")
    pack(own_run, tmp_path / "whole.zip", with_frames=True)
    with zipfile.ZipFile(tmp_path / "whole.zip") as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
    refused = 0
    for name, content in contents.items():
        longer = [content + part for part in GARBAGE]
        for broken in (*GARBAGE, *longer, content[: len(content) // 2]):
            lied = changed(
                tmp_path / "whole.zip",
                tmp_path / "e.zip",
                with_file(name, broken),
            )
            try:
                with open_entry(lied, task=spec) as entry:
                    said = " ".join((*entry.problems, *entry.unread))
            except UserError as error:
                refused += 1
                said = str(error)
                assert said.startswith(f"{lied}: ")
                assert name in said
            assert "/tspo-bench-" not in said
    assert refused > 20
