"""Tables as they come out of a pipe."""

import io
import re

import pytest
from rich.console import Console, RenderableType

from tests.report.support import cell, cell_with, record
from tspo_bench.report import groups_table, results_table
from tspo_bench.report.baselines import Baselines, pooled_rows
from tspo_bench.report.format import accuracy_text, difference_text, p_text, percent
from tspo_bench.report.notes import caption, footnotes


def shown(what: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(what)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(len(line) <= width for line in text.splitlines())
    return text


def row_of(text: str, sampler: str) -> list[str]:
    """The sampler's line of the first table that has one."""
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [sampler])


def test_undefined_is_not_0() -> None:
    text = shown(results_table([cell("aks", [record(0), record(1)])]))
    assert row_of(text, "aks")[3:] == ["100.0%", "[n/a]"]
    assert "recall" not in text  # no row has one


def test_withheld_answers_have_no_accuracy() -> None:
    hidden = [record(n, False, gold=None, groups={"type": "after"}) for n in range(4)]
    text = shown(results_table([cell("aks", hidden, macro="type")]))
    assert row_of(text, "aks")[2:] == ["4", "withheld"]
    assert "4 questions without a public answer are in no accuracy" in text
    groups = shown(groups_table([cell("aks", hidden)]))
    assert "(n = 4)" in groups
    assert row_of(groups, "aks")[2:] == ["withheld"]
    partly = shown(results_table([cell("aks", [*hidden, record(4), record(6)])]))
    assert row_of(partly, "aks")[2:4] == ["6", "100.0%"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "n/a"), (0, "0.0%"), (1, "100.0%"), (0.62345, "62.3%"), (-0.05, "-5.0%")],
)
def test_percent(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_accuracy_with_interval() -> None:
    assert accuracy_text(0.5, (0.41, 0.6)) == "50.0% [41.0, 60.0]"
    assert accuracy_text(0.5, None) == "50.0% [n/a]"
    assert accuracy_text(None, None) == "n/a"


def test_labels_are_not_read_as_markup() -> None:
    labelled = cell_with("[bold]x[/bold]", 5, task="[red]t", model="[/]")
    text = shown(results_table([cell_with("uniform", 5), labelled]))
    assert "[bold]x[/bold]" in text
    assert "task [red]t, model [/]" in text
    groups = {"[i]g": "[b]v"}
    assert "[b]v" in shown(groups_table([cell("[bold]x", [record(0, groups=groups)])]))


def test_notes_name_the_rows_that_they_hold_for() -> None:
    broken = [
        record(0, num_filled=2),
        record(1, False, status="unparsed"),
        record(2, False, guessed=True, frames=(5,)),
    ]
    blind = [record(n, frames=()) for n in range(3)]
    cells = [
        cell("blind", blind, limit=3, num_questions=3),
        cell("aks", broken, limit=3, num_questions=4, tuned_for="videomme"),
    ]
    rows = pooled_rows(cells, Baselines(cells))
    assert footnotes(rows) == [
        "--limit 3: the first 3 questions of a fixed shuffle",
        "aks: unfinished: 3 of 4 questions",
        "aks: counted as wrong: 1 unparsed (accuracy of the answered: 50.0%)",
        "aks: 1 letters were drawn by the protocol: no reply gave one",
        "aks: 1 questions were given fewer than 2 frames",
        "aks: 2 frames were added by the fill rule, to make K of fewer",
        "aks: settings tuned for videomme (*)",
    ]
    assert footnotes(pooled_rows([cell_with("uniform", 5)], Baselines([]))) == []


def three_seeds(label: str = "tspo-q") -> list:
    groups = {"groups": {"type": "after"}}
    return [
        cell(label, [record(n, n < right, **groups) for n in range(10)], seed=seed)
        for seed, right in enumerate((6, 7, 8))
    ]


def test_differences_to_the_baseline_stand_below() -> None:
    cells = [cell_with("uniform", 4), *three_seeds(), cell_with("oracle", 9)]
    below = shown(results_table(cells)).partition("accuracy minus that of uniform")[2]
    *name, k, n, videos, difference, low, high, p = row_of(below, "tspo-q")
    assert " ".join(name) == "tspo-q (3 seeds)"
    assert (k, n, videos, difference, p) == ("2", "10", "5", "+30.0", "0.500")
    assert float(low.strip("[,")) < 30 < float(high.strip("]"))
    assert row_of(below, "oracle")[4] == "+50.0"
    assert not [line for line in below.splitlines() if line.strip().startswith("uniform")]
    other = shown(results_table(cells, "tspo-q")).partition("accuracy minus that of tspo-q")[2]
    assert row_of(other, "uniform")[4] == "-30.0"
    assert "minus" not in shown(results_table(cells, "aks"))


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("macro", [None, "task_type"])
def test_all_columns_fit_with_seeds(macro: str | None, width: int) -> None:
    shared = {"evidence_recall": 1.0} if macro is None else {}
    right, wrong = (
        [
            record(
                n, is_right, groups={"task_type": "ab"[n % 2]}, timing={"answer": 123.45}, **shared
            )
            for n in range(700)
        ]
        for is_right in (True, False)
    )
    label = "tspo-q[agent=agents/some-long-name,select=inverse-transform]"
    settings = {"task": "haystack[length=15min]", "frames": 64, "macro": macro}
    cells = [
        cell("uniform", [*right[:300], *wrong[300:]], **settings),
        *[cell(label, found, seed=n, **settings) for n, found in enumerate((right, wrong))],
        cell("clip-topk", right, **settings),
    ]
    text = shown(results_table(cells), width)
    assert "clip-topk " in text  # unbroken
    assert "70.7" in text
    assert text.count("50.0% [") == (1 if macro is None else 2)
    assert "+7.1 [" in text


def test_p_values_and_differences() -> None:
    assert [p_text(p) for p in (None, 1.0, 0.0312, 0.001, 0.00099)] == [
        *("n/a", "1.000", "0.031", "0.001", "<0.001")
    ]
    assert difference_text(0.123, (-0.081, 0.165)) == "+12.3 [-8.1, +16.5]"
    assert difference_text(-0.5, None) == "-50.0 [n/a]"
    assert difference_text(None, None) == "n/a"


def test_an_unfinished_seed_is_named() -> None:
    short = cell("tspo-q", [record(n) for n in range(4)], seed=3, num_questions=10)
    done = [
        cell("tspo-q", [record(n) for n in range(10)], seed=s, num_questions=10) for s in (0, 1)
    ]
    assert "unfinished: 24 of 30 answers" in shown(results_table([*done, short]))


ASKED = {
    "protocol": "lmms-eval@0.7.3",
    "protocol_hash": "0123456789ab",
    "answer": "generate",
    "scoring": {"average": "micro", "over": None, "values": [], "unparsed": "wrong"},
}
BY_TYPE = {**ASKED["scoring"], "average": "macro", "over": "task_type"}


def of_types(right: int, n: int = 200) -> list:
    """The first tenth is of a type of its own."""
    kinds = ["count" if number < n / 10 else "order" for number in range(n)]
    return [
        record(number, number < right, groups={"task_type": kind})
        for number, kind in enumerate(kinds)
    ]


def test_macro_and_micro_stand_side_by_side_where_the_benchmark_averages_over_a_group() -> None:
    settings = {**ASKED, "macro": "task_type", "scoring": BY_TYPE}
    text = shown(results_table([cell("uniform", of_types(110), **settings)]))
    row = row_of(text, "uniform")
    assert (row[3], row[6]) == ("55.0%", "75.0%")  # micro; (20 / 20 + 90 / 180) / 2
    assert "macro" in text
    assert "headline\n" not in text  # the protocol's figure is the macro one
    assert (
        "protocol lmms-eval@0.7.3#0123456789ab, --answer generate, macro: the mean over task_type; "
        "its headline: the mean over task_type"
    ) in " ".join(text.split())
    plain = shown(results_table([cell("uniform", of_types(110), **ASKED)]))
    assert "macro" not in plain
    assert "\nprotocol lmms-eval@0.7.3#0123456789ab, --answer generate\n" in plain


def test_a_headline_that_is_neither_has_a_column() -> None:
    dropped = {**ASKED, "scoring": {**ASKED["scoring"], "unparsed": "dropped"}}
    records = [record(0), record(1, False), record(2, False, status="unparsed", letter=None)]
    text = shown(results_table([cell("uniform", records, **dropped)]))
    row = row_of(text, "uniform")
    assert (row[3], row[6]) == ("33.3%", "50.0%")
    assert "its headline: over questions, without the unparsed" in " ".join(text.split())
    assert "counted as wrong: 1 unparsed" in text


def test_equal_visual_tokens_are_the_budget() -> None:
    seen = {"frames": 2, "height": 64, "width": 64, "visual_tokens": 90}
    records = [record(n, visual_input=seen) for n in range(4)]
    text = shown(results_table([cell("aks", records, **ASKED, frames=None, visual_tokens=100)]))
    assert row_of(text, "aks")[1] == "v100"
    assert "a question was shown 2.0 frames and 90 visual tokens on average" in text


def test_what_an_older_run_did_not_write_down_is_undefined() -> None:
    scoring = {"average": "micro", "unparsed": "wrong", "over": None}
    (row,) = pooled_rows([cell_with("uniform", 4, scoring=scoring)], Baselines([]))
    assert caption([row]) == ["protocol p#n/a, --answer n/a"]


@pytest.mark.parametrize(
    ("key", "title"),
    [("model_id", "weights"), ("questions", "question set"), ("limit", "limit")],
)
def test_tables_of_one_task_and_model_are_titled_by_what_differs(key: str, title: str) -> None:
    cells = [cell_with("uniform", 4), cell_with("aks", 6, **{key: 7 if key == "limit" else "7"})]
    text = shown(results_table(cells))
    assert text.count("task haystack, model reference") == 2
    assert f"task haystack, model reference, {title} 7\n" in re.sub(" +\n", "\n", text)
