"""What a page's figures show: the front, categories, maps, training, and the look of samplers."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.html.conftest import NUM_QUESTIONS, Made
from tests.report.html.support import (
    SAMPLERS,
    groups,
    is_right,
    write_crowd,
    write_run,
)
from tspo_bench.errors import UserError
from tspo_bench.report.comparison import comparison_tables
from tspo_bench.report.figures.panels import category_figure, depth_figure
from tspo_bench.report.figures.static import budget_figure
from tspo_bench.report.figures.styles import styles_of
from tspo_bench.report.figures.training import read_curves
from tspo_bench.report.figures.values import Comparison, comparison_of, depth_maps, pareto_front
from tspo_bench.report.html import write_html
from tspo_bench.report.html.titles import disambiguate


def data(folder: Path, name: str) -> Any:
    """What a data file hands over."""
    text = (folder / "data" / f"{name}.js").read_text(encoding="ascii")
    start = f'tspoBench.give("{name}",'
    assert text.startswith(start)
    assert text.endswith(");\n")
    return json.loads(text[len(start) : -3])


def crowd(tmp_path: Path) -> Comparison:
    return comparison_of(comparison_tables(write_crowd(tmp_path / "run", 12, 24))[0])


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=12))
def test_the_front_is_what_no_point_beats(points: list[tuple[float, float]]) -> None:
    def is_beaten(one: tuple[float, float]) -> bool:
        return any(other[0] <= one[0] and other[1] >= one[1] and other != one for other in points)

    front = pareto_front(points)
    assert {points[place] for place in front} == {p for p in points if not is_beaten(p)}
    assert len({points[place] for place in front}) == len(front)
    assert [points[place][0] for place in front] == sorted(points[place][0] for place in front)


def test_maps_pool_tasks_of_other_lengths(made: Made) -> None:
    first, second = depth_maps(made.cells)
    assert (first.budget, second.budget) == ("4", "8")
    assert second.lengths == ("2min",)
    assert second.depths == ("0-20%", "20-40%", "40-60%", "60-80%", "80-100%")
    for place, name in enumerate(SAMPLERS):
        for row, depth in enumerate(first.depths):
            asked = [n for n in range(NUM_QUESTIONS) if groups(n)["depth"] == depth]
            right = [n for n in asked if is_right(place, 4, n) and not (place == 1 and n % 20 == 6)]
            ((n, share),) = first.shares[name][row]
            assert (n, share) == (len(asked), pytest.approx(len(right) / len(asked)))
    # "second" asked uniform the same first six questions: they count once, with two answers.
    assert second.shares["uniform"][0][0][0] == first.shares["uniform"][0][0][0]


def test_maps_do_not_mix_what_was_asked(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 6, samplers=("uniform",))
    others: list[dict[str, Any]] = [{"limit": 6}, {"questions": "new"}, {"answer": "options"}]
    cells = [
        cell,
        *(replace(cell, settings=cell.settings.model_copy(update=one)) for one in others),
    ]
    longer = {"task": "longer", "questions": "of the longer ones"}
    cells.append(replace(cell, settings=cell.settings.model_copy(update=longer)))
    maps = depth_maps(cells)
    assert len(maps) == 4, "the longer task stands with the first"
    assert [one.title.partition(", strict@1")[2] for one in maps] == [
        *("", ", 6 questions a task", "", "")
    ]


def test_figures_are_those_of_the_table(made: Made) -> None:
    figures = data(made.folder, "figures")
    comparison = figures["comparisons"][0]
    assert comparison["budgets"] == ["4", "8"]
    bars = {(bar["name"], bar["budget"]): bar for bar in comparison["bars"]}
    for place, name in enumerate(SAMPLERS):
        for k in (4, 8):
            bar = bars[name, str(k)]
            right = [is_right(place, k, n) for n in range(NUM_QUESTIONS)]
            if place != 1:
                assert bar["accuracy"] == pytest.approx(sum(right) / NUM_QUESTIONS)
            assert bar["frames"] == k
            assert bar["costs"]["s / question"] == pytest.approx(0.05 * k + 0.01 * place)
            assert bar["costs"]["frames decoded / question"] == k + 120 * (place > 0)
            assert bar["is_bound"] == (name == "oracle")
    front = [comparison["bars"][place]["name"] for place in comparison["fronts"]["s / question"]]
    assert "oracle" not in front
    assert figures["training"][0]["name"] == "agent/seed-0"
    assert figures["training"][0]["curves"]["reward"] == [[step, step / 10] for step in range(20)]


@pytest.mark.slow
def test_names_in_figures_are_no_mathematics(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 6, samplers=("$\\frac$",))
    records = [
        replace(one, groups={"depth": rf"$\frac{n}$", "length": "$x_{$", r"$\sqrt$": str(n)})
        for n, one in enumerate(cell.records)
    ]
    write_html([replace(cell, records=tuple(records))], tmp_path / "html")
    drawn = {path.stem for path in (tmp_path / "html" / "plots").iterdir()}
    assert {"depth-0", "category-0-0-0", "category-0-1-0", "budget-0"} <= drawn


def test_curves_of_agents_of_several_seeds(tmp_path: Path) -> None:
    for seed in range(3):
        folder = tmp_path / "mine" / f"seed-{seed}"
        folder.mkdir(parents=True)
        lines = [{"step": 1, "reward": 0.25 * seed}, {"step": 2, "entropy": 1.5}]
        lines += [{"step": 3, "reward": 0.5, "loss": None}]
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    logs = read_curves(tmp_path / "mine")
    assert [log.name for log in logs] == [f"mine/seed-{seed}" for seed in range(3)]
    assert list(logs[1].curves["reward"]) == [(1, 0.25), (3, 0.5)]
    assert list(logs[1].curves["entropy"]) == [(2, 1.5)]
    (alone,) = read_curves(tmp_path / "mine" / "seed-1")
    assert alone.curves == logs[1].curves


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no log.jsonl"),
        ("", "holds no figures yet"),
        ('{"step": 1, "reward": 2.0}\n[3]\n', "line 2 is no line of a training log"),
    ],
)
def test_broken_training_logs(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "log.jsonl").write_text(content)
    with pytest.raises(UserError, match=message):
        read_curves(tmp_path)


def test_many_samplers_are_disambiguate_on_the_page_and_by_matplotlib(tmp_path: Path) -> None:
    comparison = crowd(tmp_path)
    styles = styles_of([comparison])
    assert len(styles) == 25
    for parts in (("colour", "marker"), ("colour", "dash")):
        others = [style for style in styles.values() if style.colour is not None]
        assert len({tuple(getattr(style, one) for one in parts) for style in others}) == 23
    neutral = {name for name, style in styles.items() if style.colour is None}
    assert neutral == {"uniform", "oracle"}
    assert styles["uniform"].marker != styles["oracle"].marker
    drawn = budget_figure(comparison, styles).axes[0].containers
    assert {str(one.get_label()): one[0].get_color() for one in drawn} == {
        name: style.hex for name, style in styles.items()
    }
    assert len({(one[0].get_color(), one[0].get_marker()) for one in drawn}) == 25


def test_a_sampler_looks_the_same_in_every_table(tmp_path: Path) -> None:
    cells = write_crowd(tmp_path / "run", 6, 9)
    other = [
        replace(c, settings=c.settings.model_copy(update={"task": "other"})) for c in cells[6:]
    ]
    first, second = map(comparison_of, comparison_tables([*cells, *other]))
    assert first.names[:3] != second.names[:3], "others come first"
    styles = styles_of([first, second])
    assert set(styles) == {*first.names, *second.names}
    drawn = [budget_figure(one, styles).axes[0].containers for one in (first, second)]
    looks = [{str(c.get_label()): c[0].get_marker() for c in some} for some in drawn]
    assert looks[0].items() & looks[1].items() == {
        (name, looks[0][name]) for name in looks[0].keys() & looks[1].keys()
    }


def test_the_names_on_a_front_do_not_lie_upon_each_other(made: Made) -> None:
    comparison = comparison_of(comparison_tables(made.cells)[0])
    for measure, labels in comparison.labels.items():
        assert tuple(label.place for label in labels) == comparison.fronts[measure]
        for label in labels:
            bar = comparison.bars[label.place]
            assert label.text == f"{bar.name}, K = {bar.budget}"
            assert label.height > 100 * (bar.accuracy or 0)
        heights = [label.height for label in labels]
        assert all(b - a >= 5 for a, b in itertools.pairwise(heights))


def test_many_samplers_have_a_panel_for_each_category(tmp_path: Path) -> None:
    comparison = crowd(tmp_path)
    figure = category_figure(comparison, styles_of([comparison]), "type", "8")
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in shown] == [
        f"{kind} (n = 4)" for kind in comparison.groups["type"]
    ]
    for axes, kind in zip(shown, comparison.groups["type"], strict=True):
        dots = [line.get_xydata() for line in axes.lines if line.get_marker() != "None"]
        expected = [
            [100 * (bar.groups["type"][kind].accuracy or 0), row]
            for row, bar in enumerate(comparison.bars)
        ]
        np.testing.assert_allclose(np.concatenate(dots), expected)


def test_maps_say_how_many_questions_a_cell_has(made: Made, tmp_path: Path) -> None:
    uneven = depth_maps(made.cells)[0]  # 48 questions at five depths
    assert (uneven.counts, uneven.is_even) == ("n = 9 to 10 a cell", False)
    (even,) = depth_maps(write_run(tmp_path / "run", 10, samplers=("uniform", "oracle")))
    assert (even.counts, even.is_even) == ("n = 2 a cell", True)
    for one, in_cells in ((uneven, {"n = 9", "n = 10"}), (even, set())):
        figure = depth_figure(one)
        assert figure.get_suptitle() == f"K = {one.budget}, {one.counts}"
        texts = {text.get_text() for axes in figure.axes for text in axes.texts}
        assert {text for text in texts if text.startswith("n =")} == in_cells


@pytest.mark.filterwarnings("error")
def test_figures_without_a_figure_warn_nobody(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 6, samplers=("uniform",))
    withheld = [replace(one, gold=None, correct=False) for one in cell.records]
    write_html([replace(cell, records=tuple(withheld))], tmp_path / "html")
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert "withheld" in page


def test_unfinished_rows_are_marked_and_on_no_front(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "run", 14, samplers=("uniform", "aks"))
    right = [replace(one, correct=True, letter=one.gold) for one in cells[1].records[:4]]
    cells[1] = replace(cells[1], records=tuple(right))
    comparison = comparison_of(comparison_tables(cells)[0])
    assert {bar.name: bar.accuracy == 1 for bar in comparison.bars} == {
        "uniform": False,
        "aks (4 of 14)": True,
    }
    for front in comparison.fronts.values():
        assert [comparison.bars[place].name for place in front] == ["uniform"]
    write_html(cells, tmp_path / "html")
    columns = data(tmp_path / "html", "set0")["columns"]
    assert [one["unfinished"] for one in columns] == [None, "4 of 14"]


def test_maps_tell_runs_of_one_sampler_apart_as_the_table_does(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "a" / "run", 10, samplers=("uniform",))
    (other,) = write_run(tmp_path / "b" / "run", 10, samplers=("uniform",))
    wrong = tuple(replace(one, correct=False) for one in other.records)
    settings = other.settings.model_copy(update={"sampler_settings": {"n": 2}})
    other = replace(other, records=wrong, settings=settings)
    longer = replace(cells[0], settings=cells[0].settings.model_copy(update={"task": "longer"}))
    (one,) = depth_maps([*cells, longer, other])
    first, second = (f"uniform ({tmp_path}/{name}/run)" for name in "ab")
    assert list(one.shares) == [first, second]
    right = sum(is_right(0, 8, number) for number in range(10)) / 10
    means = [np.mean([share for ((_, share),) in some]) for some in one.shares.values()]
    assert means == pytest.approx([right, 0])
    elsewhere = replace(other, folder=tmp_path / "c" / other.folder.name)
    assert list(depth_maps([*cells, elsewhere])[0].shares) == ["uniform (run)", "uniform (c)"]
    # Seeds are one row, and a task more from another folder is no rival.
    seeds = [
        replace(cell, settings=cells[0].settings.model_copy(update={"seed": seed}))
        for seed, cell in enumerate((cells[0], elsewhere))
    ]
    assert list(depth_maps(seeds)[0].shares) == ["uniform"]
    moved = replace(longer, folder=elsewhere.folder)
    assert list(depth_maps([*cells, moved])[0].shares) == ["uniform"]


@pytest.mark.slow
def test_equal_titles_are_disambiguate_by_what_differs(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 6, samplers=("uniform",))
    limit = {"limit": 6, "questions": "x"}
    others: list[dict[str, Any]] = [{}, limit, {"questions": "y"}, {"task": "other"}]
    cells = [replace(cell, settings=cell.settings.model_copy(update=one)) for one in others]
    write_html(cells, tmp_path / "html")
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    both = ["no --limit, question set digest", "no --limit, question set y"]
    both += ["--limit 6, question set x"]
    titles = {f"made-up, m, {one}" for one in both} | {"other, m"}
    assert set(re.findall("<h3[^>]*>(.*)</h3>", page)) == titles
    assert {one["title"] for one in data(tmp_path / "html", "figures")["comparisons"]} == titles
    for title in titles:
        assert len(re.findall(rf"<option [^>]*>{title}</option>", page)) == 3
    for one in both:
        assert f">made-up (6), {one}</option>" in page
    assert disambiguate(["a", "a"], [{"protocol": "b"}, {"protocol": "c"}]) == ["a, b", "a, c"]
