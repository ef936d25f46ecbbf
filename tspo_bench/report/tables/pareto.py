"""Accuracy against cost, for the terminal: dominated rows are grey."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from tspo_bench.report.escape import for_terminal
from tspo_bench.report.format import UNDEFINED
from tspo_bench.report.frame import columns_by_key
from tspo_bench.report.pareto import COSTS, ParetoRow, cost_heading
from tspo_bench.report.tables.terminal import FittedTable


def pareto_table(rows: Sequence[ParetoRow]) -> Group:
    """A table for each task, for `rich.print`; "*" marks a cost on whose front a row lies."""
    tasks = dict.fromkeys(row.task for row in rows)
    tables = [_table(task, [row for row in rows if row.task == task]) for task in tasks]
    note = "* not dominated at this cost; grey: dominated at every cost that is known"
    return Group(*tables, Text(note, style="dim"))


def _table(task: str, rows: Sequence[ParetoRow]) -> FittedTable:
    headings = ("sampler", "K", "model", "accuracy", "95% CI", *map(cost_heading, COSTS))
    title = Text(f"{for_terminal(task)}: accuracy against cost", style="bold")
    return FittedTable(tuple(map(Text, headings)), tuple(map(_texts, rows)), 3, title)


def _texts(row: ParetoRow) -> tuple[Text, ...]:
    columns = columns_by_key()
    name, budget = (columns[key].written(row.values)[0] for key in ("name", "budget"))
    accuracy = columns["accuracy"].written(row.values)
    costs = (_cost(row, cost) for cost in COSTS)
    style = "bright_black" if row.is_dominated else ""
    shown = (name, budget, row.model, *accuracy, *costs)
    return tuple(Text(for_terminal(text), style=style) for text in shown)


def _cost(row: ParetoRow, cost: str) -> str:
    value = row.values[cost]
    if value is None:
        return UNDEFINED
    return f"{value:.4g}{' ' if row.dominated[cost] else '*'}"
