"""Reports as JSON: shares of 1, null where undefined. `docs/reports.md` lists the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tspo_bench.report.gather import Gathered
from tspo_bench.report.power import power_of
from tspo_bench.report.standings import Standing, Standings
from tspo_bench.report.terminal.export import row_json
from tspo_bench.report.written.paper import Paper
from tspo_bench.report.written.standings_grid import Prices, cost_per_question


def standings_json(
    tables: Sequence[Standings], gathered: Gathered, prices: Prices | None = None
) -> dict[str, Any]:
    """The tables with their rows, and what was noted while reading."""
    return {
        "tables": [
            {
                **table.shared,
                "baseline": table.baseline,
                "rows": [_standing(one, table.baseline, prices) for one in table.standings],
            }
            for table in tables
        ],
        **_read(gathered),
    }


def papers_json(papers: Sequence[Paper], gathered: Gathered) -> dict[str, Any]:
    """The paper tables with their rows, and what was noted while reading."""
    return {
        "tables": [
            {
                **paper.shared,
                "baseline": paper.baseline,
                "columns": [column.key for column in paper.columns],
                "rows": [asdict(row) for row in paper.rows],
            }
            for paper in papers
        ],
        **_read(gathered),
    }


def _read(gathered: Gathered) -> dict[str, Any]:
    return {"notes": gathered.notes, "errors": gathered.errors}


def _standing(one: Standing, baseline: str, prices: Prices | None) -> dict[str, Any]:
    content = row_json(one.row, baseline)
    paired = one.row.paired
    if paired is not None:
        power = power_of(paired)
        content["paired"] |= {
            "p_holm": one.p_holm,
            "p_mcnemar": paired.mcnemar_p,
            "better": paired.num_better,
            "worse": paired.num_worse,
            "standard_error": paired.standard_error,
            "power": asdict(power) if power else None,
        }
    return content | {
        "name": one.name,
        "num_done": one.num_done,
        "num_planned": one.num_planned,
        "headroom_recovered_ci95": one.headroom_ci95,
        "gpu_seconds_per_question": one.gpu_seconds,
        "cost_per_question": cost_per_question(one, prices),
        "mark": one.mark,
        "run_dirs": list(dict.fromkeys(str(cell.run_folder) for cell in one.row.cells)),
    }
