"""Many samplers against the budget: figures that are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

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
        draw_comparison(compared_cells(), tmp_path / "a.gif3")


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
    draw_comparison(compared_cells(), tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_maps_of_two_protocols_stand_apart(tmp_path: Path) -> None:
    other = [
        replace(c, settings=c.settings.model_copy(update={"protocol": "q"}))
        for c in compared_cells()
    ]
    names = [path.name for path in draw_comparisons([*compared_cells(), *other], tmp_path)]
    assert names[-2:] == ["depth-by-length-reference-k8.png", "depth-by-length-reference-k8-1.png"]
