"""A report as text, in each of its formats and layouts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, get_args

from tspo_bench.errors import UserError
from tspo_bench.report.escape import MOST_OF_NOTE, markdown
from tspo_bench.report.gather import Gathered
from tspo_bench.report.rows import BASELINE
from tspo_bench.report.standings import standings_of
from tspo_bench.report.written.grid import Grid
from tspo_bench.report.written.paper import paper_grid, papers_of
from tspo_bench.report.written.standings_grid import (
    Prices,
    comparison_grid,
    group_grids,
    power_grid,
)
from tspo_bench.report.written.write_csv import papers_csv, standings_csv
from tspo_bench.report.written.write_json import papers_json, standings_json
from tspo_bench.report.written.write_latex import grids_latex
from tspo_bench.report.written.write_markdown import grids_markdown

Format = Literal["md", "csv", "latex", "json"]
Layout = Literal["full", "paper"]


@dataclass(frozen=True)
class ReportOptions:
    """What a report shows.

    Attributes:
        format: what it is written as.
        layout: "full", all figures of each task and model; "paper", the papers' main table.
        baseline: the sampler that all others are compared with, as a spec.
        groups: accuracy by group too.
        power: how many questions a difference needs too; JSON and CSV always tell.
        prices: what a server bills.
    """

    format: Format = "md"
    layout: Layout = "full"
    baseline: str = BASELINE
    groups: bool = False
    power: bool = False
    prices: Prices | None = None

    def __post_init__(self) -> None:
        for name, known in (("format", Format), ("layout", Layout)):
            if getattr(self, name) not in get_args(known):
                choices = ", ".join(get_args(known))
                raise UserError(f"--{name} {getattr(self, name)!r}; use one of {choices}")
        if self.layout == "paper" and (self.groups or self.power):
            raise UserError("--layout paper has neither --groups nor --power; leave them out")


def report_text(gathered: Gathered, options: ReportOptions) -> str:
    """The report of what was gathered.

    Raises:
        UserError: the paper's layout does not fit the cells (`papers_of`).
    """
    tables = standings_of(gathered.cells, options.baseline)
    if options.layout == "paper":
        papers = papers_of(tables)
        if options.format == "json":
            return _dumped(papers_json(papers, gathered))
        if options.format == "csv":
            return papers_csv(papers)
        return _written([paper_grid(paper) for paper in papers], options, gathered)
    if options.format == "json":
        return _dumped(standings_json(tables, gathered, options.prices))
    if options.format == "csv":
        return standings_csv(tables, options.prices, options.groups)
    grids: list[Grid] = []
    for table in tables:
        grids.append(comparison_grid(table, options.prices))
        grids += group_grids(table) if options.groups else []
        power = power_grid(table) if options.power else None
        grids += [power] if power else []
    return _written(grids, options, gathered)


def _written(grids: list[Grid], options: ReportOptions, gathered: Gathered) -> str:
    if options.format == "latex":
        return grids_latex(grids, [*gathered.notes, *gathered.errors])
    notes = [f"- {markdown(note, MOST_OF_NOTE)}" for note in gathered.notes]
    return grids_markdown(grids) + ("\n" + "\n".join(notes) + "\n" if notes else "")


def _dumped(content: object) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
