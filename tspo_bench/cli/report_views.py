"""What `tspo-bench report` shows in place of its tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tspo_bench.cli.console import say, show, show_json
from tspo_bench.errors import UserError

if TYPE_CHECKING:
    from tspo_bench.report.loading import LoadedResults


def show_differences(loaded: LoadedResults, baseline: str, *, as_json: bool) -> None:
    """List the questions on which rows differ; see `report.tables.differences`."""
    from tspo_bench.report.escape import for_terminal
    from tspo_bench.report.tables.differences import differences

    found = differences(loaded.cells, baseline)
    if as_json:
        show_json({"differences": [one.to_dict() for one in found]})
    else:
        for one in found:
            typer.echo(for_terminal(one.heading))
            show(one.table())


def show_by_evidence(
    loaded: LoadedResults,
    evidence: Path | None,
    figure: Path | None,
    *,
    groups: bool,
    as_json: bool,
) -> None:
    """Show accuracy by the evidence hit; see `report.by_evidence`.

    Raises:
        UserError: no question with evidence and times of its frames.
    """
    from tspo_bench.report.by_evidence import by_evidence
    from tspo_bench.report.figures.by_evidence import draw_by_evidence
    from tspo_bench.report.tables.by_evidence import by_evidence_table
    from tspo_bench.tasks.evidence_files import read_evidence

    file = None if evidence is None else read_evidence(evidence)
    found = by_evidence(loaded.cells, file)
    for note in found.notes:
        say(f"note: {note}")
    if not found.is_known:
        raise UserError(
            "no question with evidence and times of its frames; give the evidence with --evidence"
        )
    if figure is not None:
        draw_by_evidence(found, figure)
    if as_json:
        show_json(found.to_dict())
    else:
        show(by_evidence_table(found, groups))


def show_pareto(loaded: LoadedResults, figure: Path | None, *, as_json: bool) -> None:
    """Show accuracy against costs; see `report.pareto`.

    Raises:
        UserError: no finished row with a known cost.
    """
    from tspo_bench.report.figures.pareto import draw_pareto
    from tspo_bench.report.pareto import pareto_rows
    from tspo_bench.report.tables.pareto import pareto_table

    rows = pareto_rows(loaded.cells)
    if not rows:
        raise UserError(
            "no finished row with known visual tokens or compute; servers report neither"
        )
    if figure is not None:
        draw_pareto(rows, figure)
    if as_json:
        show_json({"rows": [row.to_dict() for row in rows]})
    else:
        show(pareto_table(rows))
