"""All figures of a page: their data for the page itself, and each of them by matplotlib."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tspo_bench.report.html import panels, static
from tspo_bench.report.html.figures import Comparison, DepthMap
from tspo_bench.report.html.folder import PageFolder
from tspo_bench.report.html.styles import Style, style_at, styles_of
from tspo_bench.report.html.texts import clean
from tspo_bench.report.html.training import MEASURES, Curves


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
            static.save(folder, f"budget-{number}", static.budget_figure(one, styles))
            for place, measure in enumerate(one.fronts):
                figure = static.cost_figure(one, styles, measure)
                static.save(folder, f"cost-{number}-{place}", figure)
            for (place, group), (k, budget) in itertools.product(
                enumerate(one.groups), enumerate(one.budgets)
            ):
                figure = panels.category_figure(one, styles, group, budget)
                static.save(folder, f"category-{number}-{place}-{k}", figure)
        for number, depths in enumerate(self.maps):
            static.save(folder, f"depth-{number}", panels.depth_figure(depths))
        if self.logs:
            static.save(folder, "training", static.training_figure(self.logs))

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
