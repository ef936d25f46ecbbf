"""The look of each sampler and training run: the same on the page and by matplotlib."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tspo_bench.report.figures.values import Comparison

# Okabe and Ito's colours, which colour-blind readers tell apart; the page has the same.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#3A9BD9", "#7B5EA7", "#8C564B")
NEUTRAL = "#6B6B6B"  # the baseline and the bounds
_MARKERS = {  # Plotly's name: matplotlib's
    **{"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^"},
    **{"triangle-down": "v", "cross": "P", "x": "X", "star": "*"},
}
_OF_NEUTRAL = ("square", "triangle-up", "triangle-down", "diamond", "circle", "star")
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}


@dataclass(frozen=True)
class Style:
    """Colour, marker and dash.

    Attributes:
        colour: a place among the colours; None for the neutral one, whose markers are open.
        marker: as Plotly names it.
        dash: likewise.
    """

    colour: int | None
    marker: str
    dash: str

    @property
    def hex(self) -> str:
        """The colour on white paper."""
        return NEUTRAL if self.colour is None else COLOURS[self.colour]

    @property
    def of_line(self) -> dict[str, Any]:
        """What matplotlib calls it, of a line with markers."""
        return {
            "color": self.hex,
            "marker": _MARKERS[self.marker],
            "linestyle": _DASHES[self.dash],
            **({"mfc": "white"} if self.colour is None else {}),
        }


def style_at(place: int) -> Style:
    """The style at a place: 64 of them differ in colour or marker, 32 in colour or dash."""
    turn, colour = divmod(place, len(COLOURS))
    markers, dashes = list(_MARKERS), list(_DASHES)
    return Style(colour, markers[(place + turn) % len(markers)], dashes[turn % len(dashes)])


def styles_of(comparisons: Iterable[Comparison]) -> dict[str, Style]:
    """One style for each sampler of a page, whatever table it stands in."""
    bars = [bar for one in comparisons for bar in one.bars]
    neutral = [bar.name for bar in bars if bar.is_baseline]
    neutral += sorted({bar.name for bar in bars if bar.is_bound}, reverse=True)  # oracle, blind
    others = dict.fromkeys(bar.name for bar in bars if bar.name not in neutral)
    return styles_for(list(dict.fromkeys(neutral)), list(others))


def styles_for(neutral: Sequence[str], others: Sequence[str]) -> dict[str, Style]:
    """One style for each name: grey ones for the baseline and the bounds."""
    dashes = (dash for dash in itertools.cycle(_DASHES) for _ in _OF_NEUTRAL)
    looks = zip(itertools.cycle(_OF_NEUTRAL), dashes, strict=False)
    return {
        **{name: Style(None, *look) for name, look in zip(neutral, looks, strict=False)},
        **{name: style_at(place) for place, name in enumerate(others)},
    }
