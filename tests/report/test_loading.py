"""The cells of a report: of folders of runs and of bundles, broken ones left out."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.results.test_reading import SETTINGS, record, write
from tspo_bench.errors import UserError
from tspo_bench.report.loading import load_results

RESULTS = Path(__file__).parents[2] / "results"


def labels(found: Any) -> list[tuple[str, str]]:
    return [(cell.run_folder.name, cell.settings.sampler) for cell in found.cells]


def test_runs_are_found_at_any_depth_and_once(tmp_path: Path) -> None:
    for place, sampler in (("b/c/two", "aks"), ("one", "uniform")):
        write(tmp_path / place, {"cell": {**SETTINGS, "sampler": sampler}}, [record(0)])
    found = load_results([tmp_path, tmp_path / "one"])
    assert labels(found) == [("two", "aks"), ("one", "uniform")]
    assert (found.notes, found.errors) == ([], [])
    assert labels(load_results([tmp_path / "one"])) == [("one", "uniform")]


def test_a_task_goes_by_its_name_or_its_whole_label(tmp_path: Path) -> None:
    for number, task in enumerate(("haystack", "haystack[length=15min]", "mlvu")):
        write(tmp_path / str(number), {"cell": {**SETTINGS, "task": task}}, [record(0)])
    assert len(load_results([tmp_path], "haystack").cells) == 2
    assert len(load_results([tmp_path], "haystack[length=15min]").cells) == 1
    with pytest.raises(UserError, match="no cell of task 'lvbench'"):
        load_results([tmp_path], "lvbench")


def test_the_same_cell_twice_counts_once(tmp_path: Path) -> None:
    for name, seconds in (("a", 1.0), ("b", 2.0)):
        write(tmp_path / name, {"cell": SETTINGS}, [record(0, timing={"answer": seconds})])
    found = load_results([tmp_path])
    assert labels(found) == [("a", "uniform")]
    assert found.notes == [f"{tmp_path}/b/cell is the same as {tmp_path}/a/cell: counted once"]
    write(tmp_path / "c", {"cell": SETTINGS}, [record(0, correct=True)])
    assert len(load_results([tmp_path]).cells) == 2  # other answers


def test_broken_cells_are_left_out_and_named(tmp_path: Path) -> None:
    write(tmp_path / "good", {"cell": SETTINGS, "bad": {}}, [record(0)])
    write(tmp_path / "twice", {"cell": SETTINGS}, [record(0), record(0)])
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "run.json").write_text("{")
    found = load_results([tmp_path])
    assert labels(found) == [("good", "uniform")]
    parts = (
        "cell bad has task None",
        "none/run.json is not JSON",
        "'q0' is in line 1 and in line 2",
    )
    assert len(found.errors) == 3
    assert all(part in error for part, error in zip(parts, found.errors, strict=True))


def test_a_cut_line_is_noted(tmp_path: Path) -> None:
    path = (
        write(tmp_path / "run", {"cell": SETTINGS}, [record(0), record(1)]) / "cell/records.jsonl"
    )
    path.write_bytes(path.read_bytes()[:-9])
    found = load_results([tmp_path])
    assert [len(cell.records) for cell in found.cells] == [1]
    assert found.notes == [f"{path.parent}: the last line of its records is cut, and not counted"]


@pytest.mark.slow
def test_bundles_below_a_folder_are_found_beside_runs(tmp_path: Path) -> None:
    committed = RESULTS / "runs" / "haystack.zip"
    found = load_results([RESULTS, committed])
    with ZipFile(committed) as archive:
        names = archive.namelist()
        assert {cell.folder for cell in found.cells} == {
            committed / name.removesuffix("/records.jsonl")
            for name in names
            if name.endswith("/records.jsonl")
        }
    assert found.errors == []
    write(tmp_path / "run", {"cell": SETTINGS}, [record(0)])
    with ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("cat.jpg", "x")
    with ZipFile(tmp_path / "lie.zip", "w") as archive:
        archive.writestr("manifest.json", "{}")
        archive.writestr("run.json", "{}")
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "cut.zip").write_bytes(committed.read_bytes()[:100_000])
    found = load_results([tmp_path])
    assert labels(found) == [("run", "uniform")]  # the others' zip files are none of ours
    assert [error.partition(".zip")[0] for error in found.errors] == [
        str(tmp_path / "deep" / "er" / "cut"),
        str(tmp_path / "lie"),
    ]
    with pytest.raises(UserError, match="format None"):
        load_results([tmp_path / "lie.zip"])


@pytest.mark.parametrize(("name", "message"), [("x", "not a folder or a"), ("", "no run in")])
def test_nothing_to_report_on(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_results([tmp_path / name])
