"""Many samplers against the budget: figures that are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.report.support import compared_cells
from tspo_bench.errors import UserError
from tspo_bench.report.comparison import ComparisonTable, comparison_tables
from tspo_bench.report.escape import latex
from tspo_bench.report.figures.comparison import draw_comparison, draw_comparisons
from tspo_bench.report.loading import LoadedResults
from tspo_bench.report.tables.report_text import ReportOptions, report_text


def only_table() -> ComparisonTable:
    (table,) = comparison_tables(compared_cells())
    return table


def test_figures(tmp_path: Path) -> None:
    paths = draw_comparisons(compared_cells(), tmp_path)
    names = [path.name for path in paths]
    assert [name.rpartition(".")[2] for name in names] == ["png", "svg", "png"]
    assert names[-1] == "depth-by-length-reference-k8.png"
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert np.asarray(picture.convert("L")).std() > 5, "something is drawn"
    assert "<svg" in paths[1].read_text()


def test_without_depths_there_is_no_map(tmp_path: Path) -> None:
    plain = [
        replace(one, records=tuple(replace(r, groups={}) for r in one.records))
        for one in compared_cells()
    ]
    assert len(draw_comparisons(plain, tmp_path)) == 2


def test_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown image format 'gif3'"):
        draw_comparison(only_table(), tmp_path / "a.gif3")


def test_hostile_names_are_texts(tmp_path: Path) -> None:
    """Neither expressions of Vega nor markup of SVG, and no character that XML does not hold."""
    name = "</text><b>\x1b' + datum['x'] {signal: 1} \ud800"
    some = [
        replace(
            one,
            settings=one.settings.model_copy(update={"sampler": name}),
            records=tuple(
                replace(each, groups={"depth": name, "length": name}) for each in one.records
            ),
        )
        for one in compared_cells()[:2]
    ]
    paths = draw_comparisons(some, tmp_path)
    assert len(paths) == 3
    text = "".join(ElementTree.parse(paths[1]).getroot().itertext())
    assert "</text><b>\\x1b' + datum" in text


def test_a_figure_for_a_paper(tmp_path: Path) -> None:
    draw_comparison(only_table(), tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("change", "suffix"), [({"protocol": "q"}, "q"), ({"limit": 4}, "limit-4")]
)
def test_tables_stand_apart(tmp_path: Path, change: dict[str, Any], suffix: str) -> None:
    """A chart and a map for each table, named by what they differ in."""
    other = [replace(c, settings=c.settings.model_copy(update=change)) for c in compared_cells()]
    names = [path.name for path in draw_comparisons([*compared_cells(), *other], tmp_path)]
    assert len(names) == len(set(names)) == 6
    assert f"comparison-haystack-reference-{suffix}.svg" in names
    assert f"depth-by-length-reference-{suffix}-k8.png" in names
    title = {"q": "haystack, reference, q", "limit-4": "haystack, reference, --limit 4"}[suffix]
    drawn = (tmp_path / f"comparison-haystack-reference-{suffix}.svg").read_text()
    assert title in drawn
    titles = [table.title for table in comparison_tables([*compared_cells(), *other])]
    assert title in titles
    loaded = LoadedResults([*compared_cells(), *other])
    assert f"### {title}\n" in report_text(loaded, ReportOptions())
    caption = rf"\caption{{{latex(title)}}}"
    assert caption in report_text(loaded, ReportOptions(format="latex"))


def test_names_that_are_cut_do_not_replace_each_other(tmp_path: Path) -> None:
    long = [
        replace(c, settings=c.settings.model_copy(update={"model": "m" * 70 + end}))
        for end in ("1", "2")
        for c in compared_cells()
    ]
    names = [path.name for path in draw_comparisons(long, tmp_path)]
    assert len(names) == len(set(names)) == 6
