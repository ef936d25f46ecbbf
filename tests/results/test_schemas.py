"""The JSON schemas in docs/schemas; `python -m tests.results.test_schemas` writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tspo_bench.report import Summary
from tspo_bench.results.forms import CellSettings, OnDisk, RunFile, TaskScoresFile
from tspo_bench.results.scores import ScoresLine

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
FORMS: dict[str, type[OnDisk]] = {
    "run": RunFile,
    "cell_settings": CellSettings,
    "scores": ScoresLine,
    "summary": Summary,
    "task_scores": TaskScoresFile,
}


@pytest.mark.parametrize("name", FORMS)
def test_the_written_schema_is_that_of_the_form(name: str) -> None:
    assert json.loads((FOLDER / f"{name}.json").read_text()) == FORMS[name].model_json_schema()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, form in FORMS.items():
        text = json.dumps(form.model_json_schema(), indent=2)
        (FOLDER / f"{name}.json").write_text(f"{text}\n")
