"""Accuracy against what an answer costs: which cells no cheaper one equals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tspo_bench.report.comparison import comparison_tables, is_bound
from tspo_bench.report.frame import columns_by_key
from tspo_bench.report.tables.comparison import rows_of
from tspo_bench.results import Cell

COSTS = ("mean_visual_tokens", "total_tflops")


@dataclass(frozen=True)
class ParetoRow:
    """A row of a comparison table among all rows of its task, whichever their model.

    Attributes:
        task: its label.
        model: its label.
        values: the row of the comparison table's frame.
        dominated: by cost: whether a row that costs no more has a higher accuracy, or one that
            costs less has the same; a cost that is unknown is not a key.
    """

    task: str
    model: str
    values: dict[str, Any]
    dominated: dict[str, bool]

    @property
    def is_dominated(self) -> bool:
        """Whether it is dominated by every cost that is known."""
        return all(self.dominated.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        keys = ("sampler", "frames", "visual_tokens", "n", "accuracy", *COSTS)
        shown = {key: self.values[key] for key in (*keys, "accuracy_low", "accuracy_high")}
        return {"task": self.task, "model": self.model, **shown, "dominated": self.dominated}


def pareto_rows(cells: Sequence[Cell]) -> list[ParetoRow]:
    """The finished rows with an accuracy and a cost, by task, bounds (oracle, blind) left out.

    Models are compared with each other: an MLLM with smaller frames is another model.
    """
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for table in comparison_tables(cells):
        task, model = str(table.shared["task"]), str(table.shared["model"])
        usable = [row for row in rows_of(table) if _is_usable(row)]
        found.setdefault(task, []).extend((model, row) for row in usable)
    return [
        ParetoRow(task, model, row, dict(_dominated(row, rows)))
        for task, rows in found.items()
        for model, row in sorted(rows, key=lambda one: -one[1]["accuracy"])
    ]


def _is_usable(row: dict[str, Any]) -> bool:
    is_known = any(row[cost] is not None for cost in COSTS) and row["accuracy"] is not None
    return is_known and row["is_finished"] and not is_bound(row["sampler"])


def _dominated(
    row: dict[str, Any], rows: Sequence[tuple[str, dict[str, Any]]]
) -> list[tuple[str, bool]]:
    others = [other for _, other in rows]
    return [
        (cost, any(_beats(other, row, cost) for other in others if other[cost] is not None))
        for cost in COSTS
        if row[cost] is not None
    ]


def _beats(one: dict[str, Any], other: dict[str, Any], cost: str) -> bool:
    """Whether a row is at least as good in both, and better in one."""
    gains = (one["accuracy"] - other["accuracy"], other[cost] - one[cost])
    return min(gains) >= 0 and max(gains) > 0


def cost_heading(cost: str) -> str:
    """As the comparison table calls it."""
    return columns_by_key()[cost].heading
