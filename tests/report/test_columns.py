"""A figure is declared once: a new column appears in every output, with no other edit."""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.report.support import cell, record
from tspo_bench.report import columns, groups_table, results_table
from tspo_bench.report.column import Column
from tspo_bench.report.columns import COLUMNS
from tspo_bench.report.comparison import Prices, comparison_tables
from tspo_bench.report.figures.comparison import draw_comparison
from tspo_bench.report.format import SHARE
from tspo_bench.report.frame import frame_of, frame_rows
from tspo_bench.report.html import write_html
from tspo_bench.report.loading import LoadedResults
from tspo_bench.report.tables.report_text import ReportOptions, report_text
from tspo_bench.results import Cell

FORMATS = {"md": "md", "tex": "latex", "csv": "csv", "json": "json"}
GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def some_cells() -> list[Cell]:
    """Two budgets, three seeds, an unfinished row, groups, usage and every status."""
    usage = {"prompt_tokens": 2000, "completion_tokens": 10}

    def answers(right: int, n: int = 60) -> list:
        statuses = ["unparsed", "decode_error", *["ok"] * 58]
        return [
            record(
                number,
                number < right and statuses[-1 - number] == "ok",
                status=statuses[-1 - number],
                groups={"type": ("with", "after", "before")[number % 3]},
                usage=usage,
                evidence_recall=(number % 5) / 4,
                timing={"answer": 0.5, "stored" if number % 2 else "text": 0.25, "scan": 0.125},
                frames_processed={"decoded": 100, "encoded": 100},
            )
            for number in range(n)
        ]

    return [
        *(cell("uniform", answers(right), frames=k) for k, right in ((4, 20), (8, 24))),
        *(cell("aks[depth=5]", answers(right, 50), frames=4, num_questions=60) for right in (25,)),
        *(cell("tspo-q", answers(40 + s), frames=8, seed=s, tuned_for="mlvu") for s in range(3)),
        cell("oracle", answers(55), frames=4),
    ]


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[Column]:
    """A new column."""
    column = Column(
        key="share_of_a",
        heading="answered A",
        help="Share of answers that are A.",
        value=lambda one: sum(r.letter == "A" for c in one.row.cells for r in c.records) / 100,
        interval=lambda one: (0.125, 0.875),
        format=SHARE,
        layouts=("terminal", "report", "latex", "groups"),
        axis="score",
    )
    monkeypatch.setattr(columns, "COLUMNS", (*COLUMNS, column))
    return column


def printed(*what: object, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(*what)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_a_column_is_in_every_output(added: Column, tmp_path: Path) -> None:
    cells = some_cells()
    loaded = LoadedResults(cells)
    for format in ("md", "latex"):
        text = report_text(loaded, ReportOptions(format=format))  # type: ignore[arg-type]
        assert "answered A, 95" in text
        assert "20.0% [12.5, 87.5]" in text.replace("\\%", "%").replace("{[}", "[")
    lines = list(csv.DictReader(io.StringIO(report_text(loaded, ReportOptions(format="csv")))))
    assert {"share_of_a", "share_of_a_low", "share_of_a_high"} <= lines[0].keys()
    (table,) = json.loads(report_text(loaded, ReportOptions(format="json")))["tables"]
    assert {row["share_of_a_high"] for row in table["rows"]} == {0.875}
    assert {"share_of_a", "share_of_a_low"} <= table["rows"][0]["groups"]["type"]["after"].keys()
    assert "answered" in printed(results_table(cells))
    assert "answered A by type" in printed(groups_table(cells))
    assert "answered A by type" in report_text(loaded, ReportOptions(groups=True))
    page = write_html(cells, tmp_path / "html").read_text(encoding="utf-8")
    assert "answered A" in page
    assert added.help in page
    charts = (tmp_path / "html" / "data" / "charts.js").read_text()
    assert '"budget-0-share_of_a":' in charts
    assert '"cost-0-share_of_a-seconds_per_question":' in charts
    assert '["share_of_a","answered A"]' in charts
    (table,) = comparison_tables(cells)
    draw_comparison(table, tmp_path / "scores.svg")
    assert "answered A" in (tmp_path / "scores.svg").read_text()


def test_a_cost_is_an_axis_of_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    price = Column("price", "price", "Price.", lambda one: one.row.summary.n, axis="cost")
    monkeypatch.setattr(columns, "COLUMNS", (*COLUMNS, price))
    write_html(some_cells(), tmp_path / "html")
    charts = (tmp_path / "html" / "data" / "charts.js").read_text()
    assert '"cost-0-accuracy-price":' in charts
    assert '["price","price"]' in charts


def test_keys_are_unique_and_every_column_is_explained() -> None:
    keys = [key for column in COLUMNS for key in column.frame_keys]
    assert len(set(keys)) == len(keys)
    assert all(column.help.endswith(".") for column in COLUMNS)


def test_the_frame_holds_numbers() -> None:
    (table,) = comparison_tables(some_cells())
    frame = frame_of(table.rows)
    assert frame["accuracy"].dtype == float
    assert frame["n_paired"].dtype == "Int64"
    assert frame.sort_values("accuracy")["name"].tolist()[-1] == "oracle"
    row = frame_rows(frame)[-1]
    assert row["difference"] is None or isinstance(row["difference"], float)


@pytest.mark.parametrize(
    "name",
    ["report.md", "report.tex", "report.csv", "report.json", "run.txt", "page.html", "charts.js"],
)
def test_golden(name: str, tmp_path: Path) -> None:
    """Rewritten by `python -m tests.write_columns`."""
    suffix = name.partition(".")[2]
    cells = some_cells()
    if suffix == "txt":
        made = printed(results_table(cells), groups_table(cells), width=100)
    elif suffix in ("html", "js"):
        page = write_html(cells, tmp_path / "html")
        made = (page if suffix == "html" else page.parent / "data" / name).read_text("utf-8")
        made = re.sub(r"tspo-bench \S+, \d{4}-\d\d-\d\d", "tspo-bench VERSION, DATE", made)
    else:
        options = ReportOptions(
            format=FORMATS[suffix],  # type: ignore[arg-type]
            groups=suffix != "json",
            power=suffix in ("md", "tex"),
            prices=Prices(0.5, 2.0),
        )
        made = report_text(LoadedResults(cells, ["a note"]), options)
    # Other releases of numpy and scipy differ in the last places.
    made = re.sub(r"\d+\.\d{9,}(e-\d+)?", lambda match: f"{float(match[0]):.8g}", made)
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")
