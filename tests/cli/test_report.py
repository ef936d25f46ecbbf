"""`tspo-bench report` from the shell: real runs, broken and hostile ones."""

import json
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.report.tables.test_report_text import hostile_cells
from tests.report.test_escape import HOSTILE
from tests.results.test_reading import SETTINGS, record, write
from tspo_bench import __version__
from tspo_bench.cli import app
from tspo_bench.report import groups_table, results_table

runner = CliRunner()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs: uniform in one, another sampler in the other."""
    for name, right in (("uniform", 4), ("aks", 9)):
        records = [record(n, correct=n < right, video=f"v{n}") for n in range(12)]
        write(tmp_path / name, {"cell": {**SETTINGS, "sampler": name}}, records)
    return tmp_path


def test_runs_are_compared_from_their_folders_alone(runs: Path) -> None:
    done = runner.invoke(app, ["report", str(runs / "aks"), str(runs / "uniform")])
    assert done.exit_code == 0
    (aks,) = [line for line in done.stdout.splitlines() if line.startswith("| aks")]
    assert "75.0%" in aks
    assert "+41.7" in aks
    assert done.stderr == ""


@pytest.mark.parametrize("format", ["csv", "latex", "json"])
def test_stdout_is_the_report_and_nothing_else(runs: Path, format: str) -> None:
    (runs / "aks" / "cell" / "records.jsonl").open("a").write('{"cut')
    done = runner.invoke(app, ["report", str(runs), "--format", format])
    assert done.exit_code == 0
    assert done.stdout.startswith({"csv": "task,", "latex": "% Needs", "json": "{\n"}[format])
    assert "note: " in done.stderr
    assert "the last line of its records is cut" in done.stderr
    if format == "json":
        content = json.loads(done.stdout)
        assert content["tables"][0]["rows"][0]["p_mcnemar"] == 2 / 2**5
        assert len(content["notes"]) == 1


def test_what_cannot_be_read_is_named_and_the_rest_reported(runs: Path) -> None:
    write(runs / "bad", {"../x": SETTINGS, "cell": SETTINGS}, [record(0), record(0)])
    done = runner.invoke(app, ["report", str(runs)])
    assert done.exit_code == 3
    assert "| aks" in done.stdout
    assert done.stderr.count("error: ") == 2
    assert "question 'q0' is in line 1 and in line 2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none is not a folder or a bundle"),
        ([".", "--task", "other"], "no cell of task 'other' in .; it has: t"),
        ([".", "--format", "pdf"], "--format 'pdf'; use one of md"),
        ([".", "--prices", "1"], "cannot read --prices '1'"),
        ([".", "--prices", "1,nan"], "cannot read --prices"),
        ([".", "--layout", "paper"], "no cell is of a benchmark"),
        ([".", "--baseline", "aks["], "aks["),
        ([".", "--baseline", "nothing"], "--baseline 'nothing' is not one of the samplers: "),
        ([".", "--html", "page", "--format", "csv"], "--format: no effect without tables"),
        ([".", "--html", "page", "--layout", "paper"], "--layout: no effect"),
        ([".", "--html", "page", "--groups", "--power"], "--groups, --power: no effect"),
        ([".", "--curves", "agents/mine"], "--curves: no effect without --html"),
        ([".", "--trust-tasks"], "--trust-tasks: no effect without --html"),
        ([".", "--gate"], "--gate: no effect without --published"),
        ([".", "--html", "page", "--published"], "--html and --published are different outputs"),
        ([".", "--title", "Mine"], "--title: no effect without --html"),
    ],
)
def test_mistakes_are_one_line(
    runs: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(runs)
    done = runner.invoke(app, ["report", *arguments])
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_bundles_task_is_not_imported(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's label may name a module; what stands beside the shell is not run."""
    monkeypatch.chdir(runs)
    Path("evil.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    (runs / "strange").mkdir()
    write(runs / "strange", {"cell": {**SETTINGS, "task": "evil:Task"}}, [record(0)])
    assert runner.invoke(app, ["bundle", "strange", "-o", "run.zip"]).exit_code == 0
    (runs / "ran").unlink(missing_ok=True)
    done = runner.invoke(app, ["report", "run.zip", "--html", "page", "--title", "Mine & yours"])
    assert done.exit_code == 0
    assert done.stdout == "page/index.html\n"
    page = Path("page/index.html").read_text()
    assert "evil:Task" in page
    assert "<h1>Mine &amp; yours</h1>" in page
    assert f"tspo-bench {__version__}, {date.today().isoformat()}" in page
    assert not (runs / "ran").exists()


@pytest.mark.parametrize("text", HOSTILE)
def test_the_tables_of_a_run_show_hostile_names_as_text(text: str) -> None:
    cells = hostile_cells(text)
    console = Console(width=200, force_terminal=True, color_system=None, record=True)
    with console.capture() as capture:
        console.print(results_table(cells), groups_table(cells))
    shown = capture.get()
    shown.encode("utf-8")
    assert all(char.isprintable() or char == "\n" for char in shown)


HOSTILE_NAME = "\x1b[2Jmine\u202e"


def test_what_a_strangers_run_is_named_acts_on_no_terminal(runs: Path) -> None:
    """A note, an error of a cell and a mistake, each with the name in it."""
    (runs / "aks").rename(runs / HOSTILE_NAME)
    (runs / HOSTILE_NAME / "cell" / "records.jsonl").open("a").write('{"cut')
    write(runs / f"bad{HOSTILE_NAME}", {"cell": SETTINGS}, [record(0), record(0)])
    done = runner.invoke(app, ["report", str(runs)])
    mistake = runner.invoke(app, ["report", str(runs / f"none{HOSTILE_NAME}")])
    assert (done.exit_code, mistake.exit_code) == (3, 2)
    for line in (*done.stderr.splitlines(), *mistake.stderr.splitlines()):
        assert line.isprintable()
        assert r"\x1b[2Jmine\u202e" in line
    assert [line[:5] for line in done.stderr.splitlines()] == ["note:", "error"]
