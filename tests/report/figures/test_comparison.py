"""Many samplers against the budget: figures that are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import image

from tests.report.support import compared_cells
from tspo_bench.errors import UserError
from tspo_bench.report.figures.comparison import draw_comparison, draw_comparisons


def test_figures(tmp_path: Path) -> None:
    paths = draw_comparisons(compared_cells(), tmp_path)
    names = [path.name for path in paths]
    assert [name.rpartition(".")[2] for name in names] == ["png", "svg", "png"]
    assert names[-1] == "depth-by-length-reference-k8.png"
    for path in paths:
        if path.suffix == ".png":
            pixels = image.imread(path)
            assert pixels.std() > 0.02  # something is drawn
    assert "<svg" in paths[1].read_text()


def test_without_depths_there_is_no_map(tmp_path: Path) -> None:
    plain = [
        replace(one, records=tuple(replace(r, groups={}) for r in one.records))
        for one in compared_cells()
    ]
    assert len(draw_comparisons(plain, tmp_path)) == 2


def test_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown image format 'gif3'"):
        draw_comparison(compared_cells(), tmp_path / "a.gif3")


def test_hostile_names_are_no_mathematics(tmp_path: Path) -> None:
    """matplotlib reads what stands between dollars as TeX, and stops at what is none."""
    groups = {"depth": r"$\frac$", "length": r"a $x_{$ b"}
    some = [
        replace(
            one,
            settings=one.settings.model_copy(update={"sampler": r"$\sqrt$"}),
            records=tuple(replace(each, groups=groups) for each in one.records),
        )
        for one in compared_cells()
    ]
    assert len(draw_comparisons(some, tmp_path)) == 3


def test_maps_of_two_protocols_stand_apart(tmp_path: Path) -> None:
    other = [
        replace(c, settings=c.settings.model_copy(update={"protocol": "q"}))
        for c in compared_cells()
    ]
    names = [path.name for path in draw_comparisons([*compared_cells(), *other], tmp_path)]
    assert names[-2:] == ["depth-by-length-reference-k8.png", "depth-by-length-reference-k8-1.png"]
