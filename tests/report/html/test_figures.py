"""Charts: the front, categories, maps, training, and the look of samplers."""

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
    KINDS,
    SAMPLERS,
    data,
    groups,
    is_right,
    write_crowd,
    write_run,
)
from tspo_bench.errors import UserError
from tspo_bench.report.column import Column
from tspo_bench.report.comparison import comparison_tables
from tspo_bench.report.figures.charts import (
    budget_chart,
    category_chart,
    cost_chart,
    depth_chart,
)
from tspo_bench.report.figures.depth import depth_maps
from tspo_bench.report.figures.rows import (
    category_parts,
    chart_rows,
    front_places,
    name_heights,
    pareto_front,
    styles_of,
)
from tspo_bench.report.figures.styles import NEUTRAL
from tspo_bench.report.figures.training import read_curves
from tspo_bench.report.figures.vega import image
from tspo_bench.report.frame import chart_columns
from tspo_bench.report.html import write_html
from tspo_bench.report.html.titles import disambiguate
from tspo_bench.results import Cell


def column(key: str) -> Column:
    return next(c for axis in ("score", "cost") for c in chart_columns(axis) if c.key == key)


def rows_of_first(cells: list[Cell]) -> list[dict[str, Any]]:
    return chart_rows(comparison_tables(cells)[0])


def drawn(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that a chart draws; it must be a chart for Vega, too."""
    assert image(spec, "svg").startswith(b"<svg")
    return list(spec["datasets"]["rows"])


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


def test_charts_are_those_of_the_table(made: Made) -> None:
    rows = rows_of_first(made.cells)
    styles, accuracy = styles_of(rows), column("accuracy")
    points = {(one["name"], one["k"]): one for one in drawn(budget_chart(rows, accuracy, styles))}
    costs = {
        key: {(one["name"], one["k"]): one for one in drawn(chart)}
        for key in ("seconds_per_question", "frames_decoded")
        for chart in [cost_chart(rows, accuracy, column(key), styles)]
    }
    assert len(points) == 2 * len(SAMPLERS)
    for place, name in enumerate(SAMPLERS):
        for k in (4, 8):
            point = points[name, str(k)]
            right = [is_right(place, k, n) for n in range(NUM_QUESTIONS)]
            if place != 1:
                assert point["y"] == pytest.approx(sum(right) / NUM_QUESTIONS)
            assert point["low"] <= point["y"] <= point["high"]
            assert point["frames"] == k
            seconds = costs["seconds_per_question"][name, str(k)]
            assert seconds["x"] == pytest.approx(0.05 * k + 0.01 * place)
            assert costs["frames_decoded"][name, str(k)]["x"] == k + 120 * (place > 0)
    fronts = {one["name"] for some in costs.values() for one in some.values() if "label" in one}
    assert fronts
    assert "oracle" not in fronts


def test_what_a_page_can_show(made: Made) -> None:
    charts = data(made.folder, "charts")
    first, second = charts["tables"]
    assert first["budgets"] == ["4", "8"]
    assert [heading for _, heading in first["scores"]] == ["accuracy", "evidence recall"]
    for number, table in enumerate((first, second)):
        assert sorted(table["names"]) == sorted(SAMPLERS if number == 0 else ("uniform", "oracle"))
        for score, _ in table["scores"]:
            expected = {f"budget-{number}-{score}"}
            expected |= {f"cost-{number}-{score}-{cost}" for cost, _ in table["costs"]}
            places = itertools.product(range(len(table["groups"])), range(len(table["budgets"])))
            expected |= {f"category-{number}-{score}-{group}-{k}" for group, k in places}
            assert expected <= charts["charts"].keys()
    logged = charts["charts"]["training"]["datasets"]["rows"]
    rewards = [one for one in logged if one["measure"] == "reward"]
    assert {one["name"] for one in rewards} == {"agent/seed-0"}
    assert [one["y"] for one in rewards] == [step / 10 for step in range(20)]


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
        ('{"step": 1, "reward": 2.0}\n[3]\n', "line 2 is not a line of a training log"),
    ],
)
def test_broken_training_logs(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "log.jsonl").write_text(content)
    with pytest.raises(UserError, match=message):
        read_curves(tmp_path)


def test_many_samplers_differ_in_their_look(tmp_path: Path) -> None:
    rows = rows_of_first(write_crowd(tmp_path / "run", 12, 24))
    styles = styles_of(rows)
    assert len(styles) == 25
    neutral = {name for name, style in styles.items() if style.colour == NEUTRAL}
    assert neutral == {"uniform", "oracle"}
    assert styles["uniform"].shape != styles["oracle"].shape
    for part in ("shape", "dash"):
        others = [style for name, style in styles.items() if name not in neutral]
        assert len({(style.colour, getattr(style, part)) for style in others}) == 23
    drawn(budget_chart(rows, column("accuracy"), styles))


def test_a_sampler_looks_the_same_in_every_table(tmp_path: Path) -> None:
    cells = write_crowd(tmp_path / "run", 6, 9)
    other = [
        replace(c, settings=c.settings.model_copy(update={"task": "other"})) for c in cells[6:]
    ]
    write_html([*cells, *other], tmp_path / "html")
    charts = data(tmp_path / "html", "charts")["charts"]
    looks = []
    for number in (0, 1):
        colour = charts[f"budget-{number}-accuracy"]["layer"][0]["encoding"]["color"]["scale"]
        looks.append(dict(zip(colour["domain"], colour["range"], strict=True)))
    shared = looks[0].keys() & looks[1].keys()
    assert len(shared) > 2
    assert [looks[0][name] for name in shared] == [looks[1][name] for name in shared]


@given(st.lists(st.floats(0, 1), max_size=9).map(sorted))
def test_the_names_on_a_front_do_not_lie_upon_each_other(accuracies: list[float]) -> None:
    heights = name_heights(accuracies)
    assert all(height > accuracy for height, accuracy in zip(heights, accuracies, strict=True))
    assert all(b - a >= 0.05 for a, b in itertools.pairwise(heights))


def test_categories_have_a_panel_each(tmp_path: Path) -> None:
    (table,) = comparison_tables(write_crowd(tmp_path / "run", 12, 24))
    rows = chart_rows(table)
    parts = category_parts(table, rows)["type"]
    points = drawn(category_chart(parts, column("accuracy"), styles_of(rows)))
    assert {point["panel"] for point in points} == {f"{kind} (n = 4)" for kind in KINDS}
    for place, kind in ((0, "before"), (1, "after"), (2, "count")):
        right = [is_right(5, 8, n) for n in range(place, 12, 3)]
        (point,) = [p for p in points if (p["name"], p["value"]) == ("sampler-3", kind)]
        assert point["y"] == sum(right) / 4
    assert {point["name"] for point in points if point["is_baseline"]} == {"uniform"}


def test_maps_say_how_many_questions_a_cell_has(made: Made, tmp_path: Path) -> None:
    uneven = depth_maps(made.cells)[0]  # 48 questions at five depths
    assert (uneven.counts, uneven.is_even) == ("n = 9 to 10 a cell", False)
    (even,) = depth_maps(write_run(tmp_path / "run", 10, samplers=("uniform", "oracle")))
    assert (even.counts, even.is_even) == ("n = 2 a cell", True)
    for one, in_cells in ((uneven, {"n = 9", "n = 10"}), (even, {""})):
        cells = drawn(depth_chart(one))
        assert {cell["text"].partition("\n")[2] for cell in cells} == in_cells


@pytest.mark.filterwarnings("error")
def test_a_page_without_a_figure_does_not_warn(tmp_path: Path) -> None:
    (cell,) = write_run(tmp_path / "run", 6, samplers=("uniform",))
    withheld = [replace(one, gold=None, correct=False) for one in cell.records]
    write_html([replace(cell, records=tuple(withheld))], tmp_path / "html")
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert "withheld" in page


def test_unfinished_rows_are_marked_and_on_no_front(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "run", 14, samplers=("uniform", "aks"))
    right = [replace(one, correct=True, letter=one.gold) for one in cells[1].records[:4]]
    cells[1] = replace(cells[1], records=tuple(right))
    rows = rows_of_first(cells)
    perfect = {row["name"]: row["accuracy"] == 1 for row in rows}
    assert perfect == {"uniform": False, "aks (4 of 14)": True}
    front = front_places(rows, column("accuracy"), column("seconds_per_question"))
    assert [rows[place]["name"] for place in front] == ["uniform"]
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
    # Seeds are one row, and a task more from another folder does not compete.
    seeds = [
        replace(cell, settings=cells[0].settings.model_copy(update={"seed": seed}))
        for seed, cell in enumerate((cells[0], elsewhere))
    ]
    assert list(depth_maps(seeds)[0].shares) == ["uniform"]
    moved = replace(longer, folder=elsewhere.folder)
    assert list(depth_maps([*cells, moved])[0].shares) == ["uniform"]


@pytest.mark.slow
def test_equal_titles_say_what_differs(tmp_path: Path) -> None:
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
    for title in titles:
        assert len(re.findall(rf"<option [^>]*>{title}</option>", page)) == 3
    for one in both:
        assert f">made-up (6), {one}</option>" in page
    assert disambiguate(["a", "a"], [{"protocol": "b"}, {"protocol": "c"}]) == ["a, b", "a, c"]
