"""A report as text, in each of its formats and layouts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, get_args

from tspo_bench.errors import UserError
from tspo_bench.report.baselines import BASELINE
from tspo_bench.report.column import Layout
from tspo_bench.report.columns import COLUMNS
from tspo_bench.report.comparison import Prices, comparison_tables
from tspo_bench.report.escape import MOST_OF_NOTE, markdown
from tspo_bench.report.loading import LoadedResults
from tspo_bench.report.tables.comparison import comparison_grid, group_grids, power_grid
from tspo_bench.report.tables.data import papers_csv, papers_json, tables_csv, tables_json
from tspo_bench.report.tables.grid import Grid
from tspo_bench.report.tables.latex import grids_latex
from tspo_bench.report.tables.markdown import grids_markdown
from tspo_bench.report.tables.paper import paper_grid, papers_of

Format = Literal["md", "csv", "latex", "json"]
ReportLayout = Literal["full", "paper"]


@dataclass(frozen=True)
class ReportOptions:
    """Options of a report.

    Attributes:
        format: what it is written as.
        layout: "full", all figures of each task and model; "paper", the papers' main table.
        baseline: the sampler that all others are compared with, as a spec.
        groups: accuracy by group too.
        power: how many questions a difference needs too; JSON and CSV always have it.
        prices: of a served model.
        columns: keys of the figures to show (`report.columns`); None for those of the layout.
    """

    format: Format = "md"
    layout: ReportLayout = "full"
    baseline: str = BASELINE
    groups: bool = False
    power: bool = False
    prices: Prices | None = None
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, known in (("format", Format), ("layout", ReportLayout)):
            if getattr(self, name) not in get_args(known):
                choices = ", ".join(get_args(known))
                raise UserError(f"--{name} {getattr(self, name)!r}; use one of {choices}")
        known_keys = [column.key for column in COLUMNS]
        for key in self.columns or ():
            if key not in known_keys:
                raise UserError(f"--columns {key!r}; use any of {', '.join(known_keys)}")
        if self.layout == "paper" and (self.groups or self.power):
            raise UserError("--layout paper has neither --groups nor --power; leave them out")


def report_text(loaded: LoadedResults, options: ReportOptions) -> str:
    """Write the report of these results.

    Raises:
        UserError: the paper's layout does not fit the cells (`papers_of`).
    """
    tables = comparison_tables(loaded.cells, options.baseline, options.prices)
    if options.layout == "paper":
        papers = papers_of(tables)
        if options.format == "json":
            return _dumped(papers_json(papers, loaded))
        if options.format == "csv":
            return papers_csv(papers)
        return _written([paper_grid(paper) for paper in papers], options, loaded)
    if options.format == "json":
        return _dumped(tables_json(tables, loaded))
    if options.format == "csv":
        return tables_csv(tables, options.groups)
    layout: Layout = "latex" if options.format == "latex" else "report"
    grids: list[Grid] = []
    for table in tables:
        grids.append(comparison_grid(table, layout, options.columns))
        grids += group_grids(table) if options.groups else []
        power = power_grid(table) if options.power else None
        grids += [power] if power else []
    return _written(grids, options, loaded)


def _written(grids: list[Grid], options: ReportOptions, loaded: LoadedResults) -> str:
    if options.format == "latex":
        return grids_latex(grids, [*loaded.notes, *loaded.errors])
    notes = [f"- {markdown(note, MOST_OF_NOTE)}" for note in loaded.notes]
    return grids_markdown(grids) + ("\n" + "\n".join(notes) + "\n" if notes else "")


def _dumped(content: object) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
