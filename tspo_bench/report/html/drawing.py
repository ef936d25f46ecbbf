"""All figures of a page: their data for the page itself, and each of them by matplotlib."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tspo_bench.report.escape import clean
from tspo_bench.report.figures import panels, static
from tspo_bench.report.figures.styles import Style, style_at, styles_of
from tspo_bench.report.figures.training import MEASURES, Curves
from tspo_bench.report.figures.values import Comparison, DepthMap
from tspo_bench.report.html.folder import PageFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 160


@dataclass(frozen=True)
class Drawn:
    """All that is drawn: on the page from data, and by matplotlib."""

    comparisons: Sequence[Comparison]
    maps: Sequence[DepthMap]
    logs: Sequence[Curves]

    def write(self, folder: PageFolder) -> None:
        """Data of the page's figures, and each of them by matplotlib, whatever is chosen there."""
        folder.write_data("figures", clean(self._data()))
        styles = self._styles
        for number, one in enumerate(self.comparisons):
            _save(folder, f"budget-{number}", static.budget_figure(one, styles))
            for place, measure in enumerate(one.fronts):
                figure = static.cost_figure(one, styles, measure)
                _save(folder, f"cost-{number}-{place}", figure)
            for (place, group), (k, budget) in itertools.product(
                enumerate(one.groups), enumerate(one.budgets)
            ):
                figure = panels.category_figure(one, styles, group, budget)
                _save(folder, f"category-{number}-{place}-{k}", figure)
        for number, depths in enumerate(self.maps):
            _save(folder, f"depth-{number}", panels.depth_figure(depths))
        if self.logs:
            _save(folder, "training", static.training_figure(self.logs))

    def _data(self) -> dict[str, Any]:
        """What the page draws."""
        return {
            "comparisons": [
                {
                    **asdict(one),
                    **{"budgets": one.budgets, "names": one.names, "groups": one.groups},
                    "crowded": one.is_crowded,
                    "labels": {key: list(map(asdict, some)) for key, some in one.labels.items()},
                }
                for one in self.comparisons
            ],
            "maps": [{**asdict(m), "even": m.is_even, "counts": m.counts} for m in self.maps],
            "training": [
                {**asdict(log), "style": asdict(style_at(number))}
                for number, log in enumerate(self.logs)
            ],
            "measures": MEASURES,
            "styles": {name: asdict(style) for name, style in self._styles.items()},
        }

    @property
    def _styles(self) -> Mapping[str, Style]:
        return styles_of(self.comparisons)


def _save(folder: PageFolder, name: str, figure: Figure) -> None:
    """Write a figure as PNG and as SVG.

    Raises:
        UserError: it cannot be written.
    """
    engine = figure.get_layout_engine()
    if engine is not None:  # everything finds its place once: that takes longer than drawing it
        engine.execute(figure)
        figure.set_layout_engine(None)
    for kind in ("svg", "png"):
        content = io.BytesIO()
        # Without the time, so that equal results make equal files.
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(content, format=kind, dpi=_DPI, metadata=metadata)
        folder.write(f"plots/{name}.{kind}", content.getvalue())
