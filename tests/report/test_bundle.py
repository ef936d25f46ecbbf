"""Bundles: what is written comes back, and nothing else is taken from a zip file."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.films import make_films
from tests.report.bundles import SLUG, haystack_records, load, settings_of, written
from tests.report.support import record
from tspo_bench.errors import UserError
from tspo_bench.report import bundle
from tspo_bench.report.bundle import (
    MANIFEST,
    is_bundle,
    opened,
    unpack,
    write_archive,
    write_bundle,
)
from tspo_bench.results import read_run

FILES = {"run.json": b"{}\n", "a--b--c--k8/records.jsonl": b'{"x": 1}\n' * 50}


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def manifest_of(files: Mapping[str, bytes], /, **changes: Any) -> bytes:
    listed = {name: {"sha256": hashlib.sha256(text).hexdigest()} for name, text in files.items()}
    return json.dumps({"format": 1, "files": listed} | changes).encode()


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def test_a_bundle_is_the_run_again(tmp_path: Path) -> None:
    run = written(tmp_path / "run", haystack_records(), settings_of())
    (run / SLUG / "scores.jsonl").write_text("{}\n")
    (run / SLUG / "notes.txt").write_text("mine")
    made = write_bundle(run, tmp_path / "run.zip")
    content = made.path.read_bytes()
    assert (made.sha256, made.num_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (made.num_cells, made.num_records, made.warnings) == (1, len(haystack_records()), ())
    unpack(made.path, tmp_path / "again")
    assert read_run(tmp_path / "again")[0].records == read_run(run)[0].records
    names = ("run.json", f"{SLUG}/records.jsonl", f"{SLUG}/scores.jsonl")
    again = contents(tmp_path / "again")
    assert set(again) == {*names, "questions.jsonl"}
    assert all(again[name] == (run / name).read_bytes() for name in names)
    options = [json.loads(line) for line in again["questions.jsonl"].splitlines()]
    asked = load(settings_of()["task"]).questions()
    assert [(one["id"], tuple(one["options"])) for one in options] == [
        (question.id, question.options) for question in asked
    ]
    write_bundle(run, tmp_path / "twice.zip")
    assert (tmp_path / "twice.zip").read_bytes() == content
    with opened(made.path) as folder:
        assert (folder / "run.json").is_file()
    assert not folder.exists()


def test_what_a_bundle_lacks_is_a_warning(tmp_path: Path) -> None:
    spec = str(make_films(tmp_path))
    run = written(tmp_path / "run", [record(0, question_id="pan")], settings_of(spec), tasks=[spec])
    (unfinished,) = write_bundle(run, tmp_path / "run.zip").warnings
    assert unfinished == f"{SLUG} is unfinished: 1 of 3 questions"
    shutil.move(spec, tmp_path / "else.jsonl")
    warnings = write_bundle(run, tmp_path / "run.zip").warnings
    assert len(warnings) == 2
    assert "the options of task 'films' are missing" in warnings[1]


def test_a_run_without_records_and_a_folder_that_is_not_a_run(tmp_path: Path) -> None:
    run = written(tmp_path / "run", [], settings_of())
    with pytest.raises(UserError, match="nothing to bundle"):
        write_bundle(run, tmp_path / "run.zip")
    with pytest.raises(UserError, match=r"run\.json"):
        write_bundle(tmp_path, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()


def test_a_changed_byte_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    write_archive(tmp_path / "e.zip", FILES, {})
    whole = (tmp_path / "e.zip").read_bytes()
    said = []
    places = range(0, len(whole), 3)
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 0x41
        (tmp_path / "c.zip").write_bytes(changed)
        out = tmp_path / f"out{place}"
        try:
            unpack(tmp_path / "c.zip", out)
        except UserError as error:
            said.append(str(error))
        else:
            assert contents(out) == FILES
    assert len(said) > 0.6 * len(places)
    assert all("c.zip" in one for one in said)


def test_a_cut_file_is_rejected_wherever_it_ends(tmp_path: Path) -> None:
    write_archive(tmp_path / "e.zip", FILES, {})
    whole = (tmp_path / "e.zip").read_bytes()
    for end in range(0, len(whole), 7):
        (tmp_path / "c.zip").write_bytes(whole[:end])
        assert is_bundle(tmp_path / "c.zip") == (end > 37)  # the first file's name
        with pytest.raises(UserError, match=r"c\.zip"):
            unpack(tmp_path / "c.zip", tmp_path / f"out{end}")


@pytest.mark.parametrize(
    "name",
    [
        *("../records.jsonl", "a/../../records.jsonl", "/tmp/records.jsonl", "./run.json"),
        *("C:\\a\\records.jsonl", "a\\records.jsonl", "a//records.jsonl", "a/b/records.jsonl"),
        *("a/", "-rf/records.jsonl", ".hidden/records.jsonl", "a/setup.py", "a\n/records.jsonl"),
    ],
)
def test_no_file_lands_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    files = {"run.json": b"{}", name: b"x"}
    made = zipped(tmp_path / "e.zip", {**files, MANIFEST: manifest_of(files)})
    before = contents(tmp_path)
    with pytest.raises(UserError, match="is not the name of a run's file"):
        unpack(made, tmp_path / "inside")
    assert contents(tmp_path) == before


def test_sizes_are_bounded_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MAX_BYTES", 100)
    files = {"run.json": b"{}", **{f"{slug}/records.jsonl": b"0" * 40 for slug in "abc"}}
    made = zipped(tmp_path / "e.zip", {**files, MANIFEST: manifest_of(files)})
    with pytest.raises(UserError, match="it holds more than"):
        unpack(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="it holds more than"):  # nor is one written
        write_archive(tmp_path / "own.zip", files, {})
    assert not (tmp_path / "own.zip").exists()


@pytest.mark.parametrize(
    "manifest",
    [
        *(b"", b"\xff", b"[" * 100_000, b"[]", manifest_of(FILES, format=2)),
        *(manifest_of(FILES, files=[1]), manifest_of(FILES, files={"run.json": 1})),
        manifest_of({**FILES, "b/records.jsonl": b""}),
        manifest_of({**FILES, "run.json": b"[]"}),
        manifest_of({"a/records.jsonl": b""}),
    ],
)
def test_manifests_that_are_wrong(tmp_path: Path, manifest: bytes) -> None:
    with pytest.raises(UserError, match=r"e\.zip"):
        unpack(zipped(tmp_path / "e.zip", {**FILES, MANIFEST: manifest}), tmp_path / "out")


def test_other_zip_files(tmp_path: Path) -> None:
    assert not is_bundle(zipped(tmp_path / "photos.zip", {"cat.jpg": b"x"}))
    with pytest.raises(UserError, match="is not a bundle"):
        unpack(tmp_path / "photos.zip", tmp_path / "out")
    with pytest.raises(UserError, match="cannot read"):
        unpack(tmp_path / "none.zip", tmp_path / "out")
    # What the manifest does not list is left where it is.
    made = zipped(tmp_path / "e.zip", {**FILES, "x/y": b"", MANIFEST: manifest_of(FILES)})
    unpack(made, tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
