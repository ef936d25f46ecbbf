"""Many samplers against the frame budget, in one table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from tspo_bench.report.escape import MOST_OF_NOTE, visible
from tspo_bench.report.notes import caption, foot_notes
from tspo_bench.report.rows import Rivals, Row, pooled_rows
from tspo_bench.report.terminal.table import empty_table, sampler_text
from tspo_bench.report.texts import UNDEFINED, budget, label, percent
from tspo_bench.results import Cell

_INTERVALS = "intervals and paired differences: tspo-bench report, with the folder of the records"


def comparison_table(cells: Sequence[Cell]) -> Group:
    """Accuracy and evidence recall of each sampler at each budget, for `rich.print`.

    One table for each task and model; samplers stand in the order of their mean accuracy.
    """
    tables: list[RenderableType] = []
    rows = pooled_rows(cells, Rivals(cells))
    for task, model in dict.fromkeys((label(row, "task"), label(row, "model")) for row in rows):
        some = [row for row in rows if (label(row, "task"), label(row, "model")) == (task, model)]
        title = f"{task}, {model}: accuracy / evidence recall (%) at K frames"
        table = empty_table(None)
        table.add_column("sampler", overflow="fold")
        budgets = list(dict.fromkeys(map(budget, some)))
        for heading in budgets:
            table.add_column(f"K={heading}", justify="right", no_wrap=True)
        for name, by_budget in ranked(some):
            texts = [_figures_text(by_budget.get(heading)) for heading in budgets]
            table.add_row(Text(visible(name)), *map(Text, texts))
        tables += [Text(f"\n{visible(title)}", style="bold"), table]
        notes = [*caption(some), *foot_notes(some), _INTERVALS]
        tables += [Text(visible(note, MOST_OF_NOTE), style="dim") for note in notes]
    return Group(*tables)


def ranked(rows: Sequence[Row]) -> list[tuple[str, dict[str, Row]]]:
    """Each sampler's rows by budget, the sampler of the best mean accuracy first."""
    by_sampler: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_sampler.setdefault(sampler_text(row), {})[budget(row)] = row

    def mean_accuracy(item: tuple[str, dict[str, Row]]) -> float:
        known = [row.summary.accuracy for row in item[1].values()]
        numbers = [accuracy for accuracy in known if accuracy is not None]
        return sum(numbers) / len(numbers) if numbers else -1.0

    return sorted(by_sampler.items(), key=mean_accuracy, reverse=True)


def _figures_text(row: Row | None) -> str:
    if row is None:
        return UNDEFINED
    summary = row.summary
    recall = percent(summary.evidence_recall)
    return f"{percent(summary.accuracy)} / {recall}".replace("%", "")
