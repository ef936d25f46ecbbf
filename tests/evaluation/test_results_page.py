"""docs/results.md names every key that a run writes, docs/cli.md the exit codes; no others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.evaluation.support import run

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "results.md").read_text()


def table_keys(heading: str, *, table: int = 0) -> list[str]:
    """The keys in the first column of a section's table."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"\|---\|---\|\n((?:\|.*\n)+)", section)
    cells = [line.split("|")[1] for line in tables[table].splitlines()]
    return [key for cell in cells for key in re.findall(r"`(\w+)`", cell)]


@pytest.fixture
def files(questions: Path, clip: Path, tmp_path: Path) -> tuple[dict, list[dict], dict]:
    """run.json, the records and the summary of a cell that has everything."""
    result = run(questions, tmp_path / "run", samplers=("aks[depth=5]",), encoder=str(clip))
    folder = result.cells[0].folder
    lines = (folder / "records.jsonl").read_text().splitlines()
    return (
        json.loads((tmp_path / "run" / "run.json").read_text()),
        [json.loads(line) for line in lines],
        json.loads((folder / "summary.json").read_text()),
    )


def test_every_key_is_on_the_page(files: tuple[dict, list[dict], dict]) -> None:
    described, records, summary = files
    for record in records:
        assert list(record) == table_keys("records.jsonl")
        assert {*record["timing"], "scan", "stored"} == set(table_keys("records.jsonl", table=1))
    assert set(summary) == set(table_keys("summary.json"))
    assert list(described) == table_keys("run.json")
    (settings,) = described["cells"].values()
    sometimes = {"tuned_for", "macro", "visual_tokens", "task_code", "replaced"}
    assert set(settings) | sometimes == set(table_keys("run.json", table=1))
    (command,) = described["commands"]
    mentioned(command)
    mentioned(command["environment"])
    mentioned(settings["sampler_settings"])


def mentioned(keys: Iterable[str]) -> None:
    for key in keys:
        assert f"`{key}`" in PAGE, key


def test_the_exit_codes_are_the_commands() -> None:
    from tspo_bench.cli import console

    page = (DOCS / "cli.md").read_text()
    section = page.partition("## Exit codes\n")[2].partition("\n## ")[0]
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert codes == {
        0,
        1,  # Python's own, for a traceback
        console.EXIT_MISTAKE,
        console.EXIT_FAILURES,
        console.EXIT_CLOSED_PIPE,
        console.EXIT_INTERRUPTED,
    }
