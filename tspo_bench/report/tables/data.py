"""Comparison tables as data: CSV and JSON of every column; shares of 1, null where undefined."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tspo_bench.report.baselines import BASELINE
from tspo_bench.report.column import NAMES
from tspo_bench.report.comparison import ComparisonTable, comparison_tables
from tspo_bench.report.escape import spreadsheet, spreadsheet_value
from tspo_bench.report.frame import columns_of
from tspo_bench.report.loading import LoadedResults
from tspo_bench.report.summary import FORMAT_VERSION
from tspo_bench.report.tables.comparison import group_rows, rows_of
from tspo_bench.report.tables.paper import Paper
from tspo_bench.results import Cell


def tables_csv(tables: Sequence[ComparisonTable], groups: bool = False) -> str:
    """A line for each row of each table; with `groups` one for each of its groups' values too.

    The columns do not depend on the rows; `group` and `value` are added with `groups`.
    """
    lines = []
    for table in tables:
        about = {**table.shared, "baseline": table.baseline}
        by_group = group_rows(table) if groups else {}
        of_all = {"group": None, "value": None} if groups else {}
        for number, row in enumerate(rows_of(table)):
            lines.append({**about, **of_all, **row})
            for group, rows in by_group.items():
                for value, part in rows[number].items():
                    lines.append({**about, "group": group, "value": value, **part})
    return _csv(lines)


def tables_json(
    tables: Sequence[ComparisonTable], loaded: LoadedResults | None = None
) -> dict[str, Any]:
    """The tables with their rows, and what was noted while reading."""
    return {
        "format_version": FORMAT_VERSION,
        "tables": [
            {
                **table.shared,
                "baseline": table.baseline,
                "rows": _rows_with_groups(table),
            }
            for table in tables
        ],
        **_read(loaded),
    }


def _rows_with_groups(table: ComparisonTable) -> list[dict[str, Any]]:
    """Each row of the frame; by group and value, its questions and the layout "groups"."""
    rows, by_group = rows_of(table), group_rows(table)
    columns = [column for column in columns_of("groups", rows) if column.key not in NAMES]
    keys = ["n", *(key for column in columns for key in column.frame_keys)]
    return [
        row
        | {
            "groups": {
                group: {
                    value: {key: part[key] for key in keys} for value, part in parts[place].items()
                }
                for group, parts in by_group.items()
            }
        }
        for place, row in enumerate(rows)
    ]


def cells_json(cells: Sequence[Cell], baseline: str = BASELINE) -> dict[str, Any]:
    """The tables of a run's cells, as `run --json` prints them."""
    return tables_json(comparison_tables(cells, baseline, others=None))


def papers_json(papers: Sequence[Paper], loaded: LoadedResults) -> dict[str, Any]:
    """The paper tables with their rows, and what was noted while reading."""
    return {
        "format_version": FORMAT_VERSION,
        "tables": [
            {
                **paper.shared,
                "baseline": paper.baseline,
                "columns": [column.key for column in paper.columns],
                "rows": [asdict(row) for row in paper.rows],
            }
            for paper in papers
        ],
        **_read(loaded),
    }


def papers_csv(papers: Sequence[Paper]) -> str:
    """A line for each row of each paper table."""
    lines = []
    for paper in papers:
        for row in paper.rows:
            line = {**paper.shared, "model": row.model, "sampler": row.sampler, "K": row.budget}
            for column in paper.columns:
                figure = row.figures.get(column.key)
                line[column.key] = figure.accuracy if figure else None
                line |= _ends(column.key, figure.ci95 if figure else None)
                known = figure if figure and figure.accuracy is not None else None
                line[f"{column.key}_finished"] = known.is_finished if known else None
            line["mean_difference"] = row.difference
            lines.append(line | _ends("mean_difference", row.difference_ci95))
    return _csv(lines)


def _read(loaded: LoadedResults | None) -> dict[str, Any]:
    return {} if loaded is None else {"notes": loaded.notes, "errors": loaded.errors}


def _csv(lines: Sequence[Mapping[str, Any]]) -> str:
    columns = dict.fromkeys(key for line in lines for key in line)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(columns), lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({key: _plain(value) for key, value in line.items()})
    return out.getvalue()


def _plain(value: Any) -> Any:
    """As `spreadsheet_value`, with lists spaced."""
    if isinstance(value, list | tuple):
        return spreadsheet(" ".join("" if one is None else str(one) for one in value))
    return spreadsheet_value(value)


def _ends(name: str, ci95: tuple[float, float] | None) -> dict[str, Any]:
    low, high = ci95 or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
