"""Runs packed into entries: nothing private travels."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.report.entries.support import (
    SLUG,
    haystack_records,
    settings_of,
    written,
)
from tests.support import read_number
from tspo_bench.errors import UserError
from tspo_bench.report.entries.archive import MANIFEST
from tspo_bench.report.entries.entry import open_entry
from tspo_bench.report.entries.packing import pack, picture_folder
from tspo_bench.results import CandidateScores, RunDirectory, cell_slug, read_run
from tspo_bench.results.scores import scores_to_line


def test_nothing_private_travels(own_run: Path, tmp_path: Path) -> None:
    scores = {
        id_: CandidateScores.of(id_, np.linspace(low, 1, 5), 1 / 3)
        for id_, low in (("dog", 0.1), ("hat", 0.2), ("orphan", 0.3))
    }
    lines = {id_: scores_to_line(one) for id_, one in scores.items() if one}
    written_there = "\n".join([lines["dog"].replace("0.1", "0.7"), *lines.values(), "cut"])
    (own_run / SLUG / "scores.jsonl").write_text(written_there)
    packed = pack(own_run, tmp_path / "e.zip", name="mine")
    assert (packed.num_records, packed.num_pictures, packed.warnings) == (3, 0, ())
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    for name, content in files.items():
        for private in ("secretfolder", str(tmp_path), str(Path.home()), "geheim", "u:p", "k=1"):
            assert private not in content, (name, private)
        assert "abc" not in content
    assert set(files) == {
        *("run.json", "questions.jsonl", MANIFEST),
        *(f"{SLUG}/records.jsonl", f"{SLUG}/scores.jsonl"),
    }
    assert files[f"{SLUG}/scores.jsonl"] == f"{lines['hat']}\n{lines['dog']}\n"
    assert "DATA_ROOT" in files["run.json"]
    told = [json.loads(line) for line in files[f"{SLUG}/records.jsonl"].splitlines()]
    assert [line["video"] for line in told] == ["film.mp4", "film.mp4", "short.mp4"]
    assert told[2]["error"] == "no DATA_ROOT/x y.bin; *** at http://host/v1"
    assert told[0]["notes"] == {"file": "DATA_ROOT/sel.json"}


def test_no_name_in_an_entry_tells_a_folder_or_key(own_run: Path, tmp_path: Path) -> None:
    """Cells are told apart still, also where only what is taken out did so."""
    (cell,) = read_run(own_run)
    samplers = [f"S[weights={folder}/w.pt]" for folder in ("/home/alice/secret", "/home/bob")]
    samplers += ["S[api_key=abcdef123]", "S[api_key=abcdef124]", "S[api_key=abcdef125]"]
    for sampler in samplers:
        settings = {
            **cell.settings.to_json(),
            "sampler": sampler,
            "task": "/home/alice/films.jsonl",
        }
        slug = cell_slug(settings["task"], sampler, "m", "k2")
        with RunDirectory(own_run).open_cell(slug, settings) as writer:
            for one in cell.records:
                writer.append(one)
    packed = pack(own_run, tmp_path / "e.zip")
    assert packed.num_cells == 6
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        everything = "\n".join(
            [*archive.namelist(), *map(str, map(archive.read, archive.namelist()))]
        )
    for private in ("alice", "bob", "secret", "abcdef"):
        assert private not in everything
    with open_entry(tmp_path / "e.zip") as entry:
        found = [one.cell.settings.sampler for one in entry.checked]
        assert found == ["uniform", *["S[weights=w.pt]"] * 2, *["S[api_key=***]"] * 3]
        assert {one.cell.settings.task for one in entry.checked} == {"films", "films.jsonl"}


def test_pictures(own_run: Path, tmp_path: Path) -> None:
    packed = pack(own_run, tmp_path / "e.zip", with_frames=True)
    assert packed.num_pictures == 3
    with open_entry(tmp_path / "e.zip") as entry:
        folder = entry.folder / "frames" / picture_folder("films", "film.mp4")
        assert sorted(os.listdir(folder)) == ["3.jpg", "40.jpg", "5.jpg"]
        for number in (3, 5, 40):
            with Image.open(folder / f"{number}.jpg") as picture:
                assert read_number(np.asarray(picture)) == number


def test_there_is_nothing_to_pack(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run"):
        pack(tmp_path, tmp_path / "e.zip")
    run = written(tmp_path / "run", [], settings_of())
    with pytest.raises(UserError, match="has no records yet"):
        pack(run, tmp_path / "e.zip")
    unfinished = written(tmp_path / "half", haystack_records()[:3], settings_of())
    packed = pack(unfinished, tmp_path / "e.zip")
    assert packed.warnings == (f"{SLUG} is unfinished: 3 of 20 questions",)
