"""Reports as Markdown, CSV, LaTeX and JSON; hostile runs among them."""

import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.report.support import cell, cell_with, record
from tests.report.tables.test_paper import ALL, benchmark
from tests.report.test_escape import HOSTILE, parts
from tspo_bench.errors import UserError
from tspo_bench.report.comparison import Prices
from tspo_bench.report.loading import LoadedResults
from tspo_bench.report.tables.report_text import ReportOptions, report_text
from tspo_bench.results import Cell

USAGE = {"prompt_tokens": 2000, "completion_tokens": 10}


def some_cells() -> list[Cell]:
    def answers(right: int) -> list[Any]:
        groups = [{"type": kind} for kind in ("with", "after", "before")]
        return [
            record(n, n < right, groups=groups[n % 3], usage=USAGE, timing={"answer": 0.5})
            for n in range(60)
        ]

    return [
        cell("uniform", answers(20), num_questions=60),
        *[cell("tspo-q", answers(40 + s), seed=s, num_questions=60) for s in range(3)],
        cell("aks[depth=5,t1=0.8]", answers(25)[:50], num_questions=60),
        cell("oracle", answers(55), num_questions=60),
    ]


def text_of(cells: list[Cell], format: str, **options: Any) -> str:
    return report_text(LoadedResults(list(cells)), ReportOptions(format=format, **options))  # type: ignore[arg-type]


def test_notes_are_as_long_as_they_need_be() -> None:
    cells = [cell_with(f"sampler-{n:02}", 4, num_questions=9 + n % 3) for n in range(40)]
    for format in ("md", "latex"):
        text = text_of(cells, format)
        assert re.search("sampler-02, .*, sampler-38: unfinished: 10 of 11 questions", text)


def test_markdown_lines_up_as_plain_text() -> None:
    tables = re.findall(r"(?:^\|.*\n)+", text_of(some_cells(), "md", groups=True), re.MULTILINE)
    for table in tables:
        assert len({len(line) for line in table.splitlines()}) == 1


def test_pairs_have_a_column_where_they_are_not_all_that_was_asked() -> None:
    half = cell("aks", [record(n, n < 25) for n in range(30)], num_questions=60)
    assert "n paired" not in text_of([cell_with("uniform", 20, n=60), half], "md")
    late = cell("uniform", [record(n, n < 20) for n in range(10, 60)], num_questions=60)
    assert "n paired" in text_of([late, half], "md")


def test_nothing_is_said_of_a_difference_over_no_question() -> None:
    withheld = [record(n, False, gold=None) for n in range(10)]
    for answers in (withheld, [record(n) for n in range(20, 30)]):
        cells = [cell_with("uniform", 4), cell("aks", answers)]
        text = text_of(cells, "md")
        assert "Holm" not in text
        assert "minus uniform:" not in text


def test_csv_is_plain_numbers_for_pandas() -> None:
    frame = pd.read_csv(io.StringIO(text_of(some_cells(), "csv", groups=True, prices=Prices(1, 1))))
    totals = frame[frame["group"].isna()].set_index("sampler")
    assert totals.loc["tspo-q", "accuracy"] == pytest.approx((40 + 41 + 42) / 180)
    assert totals.loc["tspo-q", "seeds"] == "0 1 2"
    assert totals.loc["aks[depth=5,t1=0.8]", ["num_done", "num_planned"]].tolist() == [50, 60]
    assert pd.isna(totals.loc["uniform", "difference"])  # not 0
    assert totals.loc["tspo-q", "cost_per_1000"] == pytest.approx(2.01)
    numbers = [
        c for c in frame if re.match("accuracy(_low|_high)?$|p_|p$|n$|difference|headroom", c)
    ]
    assert all(pd.api.types.is_numeric_dtype(frame[c]) for c in numbers)
    after = frame[(frame["value"] == "after") & (frame["sampler"] == "uniform")]
    assert after["accuracy"].tolist() == pytest.approx([7 / 20])
    plain = pd.read_csv(io.StringIO(text_of(some_cells(), "csv")))
    assert len(plain) == 4
    assert "group" not in plain


def test_the_papers_table_in_every_format() -> None:
    cells = [benchmark(task, name, r) for task in ALL for name, r in (("uniform", 9), ("aks", 50))]
    assert "| MLVU M-Avg" in text_of(cells, "md", layout="paper")
    frame = pd.read_csv(io.StringIO(text_of(cells, "csv", layout="paper"))).set_index("sampler")
    assert frame.loc["aks", "mean_difference"] == pytest.approx(41 / 60)
    (table,) = json.loads(text_of(cells, "json", layout="paper"))["tables"]
    assert table["rows"][1]["difference"] == pytest.approx(41 / 60)
    assert list(table["rows"][1]["figures"]) == table["columns"]
    assert r"\textbf{83.3}" in text_of(cells, "latex", layout="paper")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "html"}, "--format 'html'; use one of md, csv, latex, json"),
        ({"layout": "wide"}, "--layout 'wide'; use one of full, paper"),
        ({"layout": "paper", "power": True}, "neither --groups nor --power"),
    ],
)
def test_options_that_do_not_go_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        ReportOptions(**options)


def hostile_cells(text: str) -> list[Cell]:
    """Everything that a stranger's run may name, named so."""
    records = [
        record(n, n % 2 == 0, question_id=f"{n}{text}", reply=text, groups={text: text}, error=text)
        for n in range(8)
    ]
    labels = {"task": text, "model": text, "protocol": text, "questions": text, "tuned_for": text}
    hostile = cell("x", records, **labels)
    settings = hostile.settings.model_copy(update={"sampler": text})
    named = Cell(settings, records, Path(f"/runs/{text[:9]!r}/cell"))
    return [named, cell("uniform", records, **labels), cell_with("uniform", 4)]


def writable(text: str) -> None:
    text.encode("utf-8")
    assert all(char.isprintable() or char == "\n" for char in text)


hostile = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=12)


@example("".join(HOSTILE))
@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile)
def test_hostile_names_are_text_in_every_format(text: str) -> None:
    cells = hostile_cells(text)
    for format in ("md", "latex", "csv", "json"):
        writable(text_of(cells, format, groups=format != "json"))
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = parts(reader.parse(text_of(cells, "md", groups=True)))
    assert {token.content for token in tokens if token.type == "html_inline"} <= {"<u>", "</u>"}
    assert not {token.type for token in tokens} & {"html_block", "link_open", "image", "fence"}
    frame = pd.read_csv(io.StringIO(text_of(cells, "csv", groups=True)), dtype=str).fillna("")
    texts = frame[["task", "model", "sampler", "group", "value"]].to_numpy().ravel()
    assert not [one for one in texts if one.lstrip().startswith(("=", "+", "-", "@"))]


def test_a_megabyte_of_name_does_not_swell_the_report() -> None:
    cells = hostile_cells("=<b>\x1b" * 50_000)
    for format in ("md", "latex", "csv"):
        assert len(text_of(cells, format, groups=True)) < 200_000


def compiled(folder: Path, text: str) -> str:
    """A document with the text in it; what pdflatex says."""
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,graphicx}"
    document = f"{head}\n\\begin{{document}}\n{text}\n\\end{{document}}\n"
    (folder / "x.tex").write_text(document, encoding="utf-8")
    command = [
        "pdflatex",
        "-no-shell-escape",
        "-interaction=nonstopmode",
        "-halt-on-error",
        "x.tex",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    output = done.stdout.decode("latin-1")
    assert done.returncode == 0, output[-2000:]
    return output


needs_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="pdflatex is not installed (Debian: texlive-latex-base, texlive-latex-recommended)",
)


@needs_latex
def test_latex_compiles(tmp_path: Path) -> None:
    full = text_of(some_cells(), "latex", groups=True, power=True, prices=Prices(1, 1))
    cells = [benchmark(task, name, r) for task in ALL for name, r in (("uniform", 9), ("aks", 50))]
    assert full.count(r"\toprule") == full.count(r"\bottomrule") == full.count(r"\begin{table}")
    assert "|" not in re.findall(r"\\begin\{tabular\}\{(.*)\}", full)
    compiled(tmp_path, full + text_of(cells, "latex", layout="paper"))


@needs_latex
def test_latex_tables_fit_a_page(tmp_path: Path) -> None:
    groups = {
        "type": "pan|hat|dog|cat",
        "a_rather_long_name": "a rather long value|another of them",
    }
    answers = [record(n, n < 20, groups=groups, usage=USAGE) for n in range(30)]
    cells = [cell(f"sampler-{n}", answers, frames=k) for n in range(24) for k in (4, 8)]
    cells += [cell("uniform", answers[:20], frames=k) for k in (4, 8)]
    output = compiled(tmp_path, text_of(cells, "latex", groups=True, power=True))
    assert not re.findall(r"Overfull.*|Float too large.*", output)


@needs_latex
def test_latex_of_hostile_runs_compiles_and_reads_no_file(tmp_path: Path) -> None:
    everything = "\n".join(text_of(hostile_cells(text), "latex", groups=True) for text in HOSTILE)
    assert "passwd)" not in compiled(tmp_path, everything)
