"""The charts of a page: their specifications for each choice, and images of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tspo_bench.report.by_evidence import ByEvidence
from tspo_bench.report.column import Axis, Column, FrameRow
from tspo_bench.report.comparison import ComparisonTable
from tspo_bench.report.escape import escape_json
from tspo_bench.report.figures.by_evidence import by_evidence_chart
from tspo_bench.report.figures.charts import (
    budget_chart,
    category_chart,
    cost_chart,
    depth_chart,
    training_chart,
)
from tspo_bench.report.figures.depth import DepthMap
from tspo_bench.report.figures.rows import Part, category_parts, chart_rows, styles_of
from tspo_bench.report.figures.styles import COLOURS, NEUTRAL
from tspo_bench.report.figures.training import Curves
from tspo_bench.report.figures.vega import Spec, image
from tspo_bench.report.frame import chart_columns
from tspo_bench.report.html.folder import PageFolder


@dataclass(frozen=True)
class PageCharts:
    """All charts of a page: of its tables, maps of depth and length, training logs, evidence."""

    tables: Sequence[ComparisonTable]
    maps: Sequence[DepthMap]
    logs: Sequence[Curves]
    evidence: ByEvidence

    def write(self, folder: PageFolder) -> None:
        """Write the specifications, and an image of each first one for where no script runs."""
        data = {
            "tables": escape_json([self._choices(number) for number in range(len(self.tables))]),
            "charts": self.specs,
            "colours": {**{f"c{n}": hex for n, hex in enumerate(COLOURS)}, "neutral": NEUTRAL},
        }
        folder.write_data("charts", data)
        for kind, name in self.first.items():
            folder.write(f"plots/{kind}.svg", image(self.specs[name], "svg"))

    @cached_property
    def specs(self) -> dict[str, Spec]:
        """By name; that is made of the choices: "cost-0-accuracy-seconds_per_question"."""
        charts: dict[str, Spec] = {}
        styles = styles_of(row for rows in self._rows for row in rows)
        for number, rows in enumerate(self._rows):
            for score in self._columns(number, "score"):
                prefix = f"{number}-{score.key}"
                charts[f"budget-{prefix}"] = budget_chart(rows, score, styles)
                for cost in self._columns(number, "cost"):
                    charts[f"cost-{prefix}-{cost.key}"] = cost_chart(rows, score, cost, styles)
                for group, parts in enumerate(self._parts[number].values()):
                    for k, budget in enumerate(_budgets(rows)):
                        some = [part for part in parts if part[0]["k"] == budget]
                        name = f"category-{prefix}-{group}-{k}"
                        charts[name] = category_chart(some, score, styles)
        charts |= {f"depth-{number}": depth_chart(one) for number, one in enumerate(self.maps)}
        if self.logs:
            charts["training"] = training_chart(self.logs)
        if self.evidence.is_known:
            charts["evidence"] = by_evidence_chart(self.evidence)
        return charts

    @property
    def first(self) -> dict[str, str]:
        """By kind the name of the chart that a page begins with."""
        first: dict[str, str] = {}
        for name in self.specs:
            first.setdefault(name.partition("-")[0], name)
        return first | ({"depth": f"depth-{len(self.maps) - 1}"} if self.maps else {})

    @cached_property
    def _rows(self) -> list[list[dict[str, Any]]]:
        return [chart_rows(table) for table in self.tables]

    @cached_property
    def _parts(self) -> list[dict[str, list[Part]]]:
        both = zip(self.tables, self._rows, strict=True)
        return [category_parts(table, rows) for table, rows in both]

    def _columns(self, number: int, axis: Axis) -> list[Column]:
        """The scores or costs that a table has; a cost of 0 has no place on its axis."""
        none = (None, 0) if axis == "cost" else (None,)
        rows = self._rows[number]
        return [c for c in chart_columns(axis) if any(row[c.key] not in none for row in rows)]

    def _choices(self, number: int) -> Mapping[str, Any]:
        """The choices that a table offers."""
        rows = self._rows[number]
        return {
            "names": list(dict.fromkeys(row["name"] for row in rows)),
            "scores": [(column.key, column.heading) for column in self._columns(number, "score")],
            "costs": [(column.key, column.heading) for column in self._columns(number, "cost")],
            "groups": list(self._parts[number]),
            "budgets": _budgets(rows),
        }


def _budgets(rows: Sequence[FrameRow]) -> list[str]:
    """The budgets as text, rising."""
    return list(dict.fromkeys(row["k"] for row in rows))
