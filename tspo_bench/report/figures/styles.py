"""The look of each sampler and training run: the same in every chart of a page."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

# Okabe and Ito's colours, which colour-blind readers can distinguish; the page has darker twins.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#3A9BD9", "#7B5EA7", "#8C564B")
NEUTRAL = "#6B6B6B"  # the baseline and the bounds
_SHAPES = (
    *("circle", "square", "diamond", "triangle-up"),
    *("triangle-down", "cross", "triangle-right", "triangle-left"),
)
_OF_NEUTRAL = ("square", "triangle-up", "triangle-down", "diamond", "circle", "cross")
_DASHES = ((1, 0), (6, 3), (2, 2), (6, 2, 2, 2))


@dataclass(frozen=True)
class Style:
    """Colour, shape of the points, and dashes of the line."""

    colour: str
    shape: str
    dash: tuple[int, ...]


def style_at(place: int) -> Style:
    """The style at a place: 64 of them differ in colour or shape, 32 in colour or dashes."""
    turn, colour = divmod(place, len(COLOURS))
    shape = _SHAPES[(place + turn) % len(_SHAPES)]
    return Style(COLOURS[colour], shape, _DASHES[turn % len(_DASHES)])


def styles_for(neutral: Sequence[str], others: Sequence[str]) -> dict[str, Style]:
    """One style for each name: grey ones for the baseline and the bounds."""
    dashes = (dash for dash in itertools.cycle(_DASHES) for _ in _OF_NEUTRAL)
    looks = zip(itertools.cycle(_OF_NEUTRAL), dashes, strict=False)
    return {
        **{name: Style(NEUTRAL, *look) for name, look in zip(neutral, looks, strict=False)},
        **{name: style_at(place) for place, name in enumerate(others)},
    }
