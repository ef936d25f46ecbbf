"""The result of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tspo_bench.profiling import Profile
from tspo_bench.results import Cell

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.console import Group

    from tspo_bench.report import Summary


@dataclass(frozen=True)
class EvaluationResult:
    """The cells of a run that were asked for, as they are on disk.

    `cells` are in the order tasks, models, samplers, seeds, frame budgets; `skipped` names the
    annotations that were left out, with the reason. Tables take the cells that differ in the seed
    alone together, and compare with `baseline`.
    `profile` says where this call's time went.
    """

    cells: tuple[Cell, ...]
    skipped: tuple[str, ...]
    baseline: str = "uniform"
    profile: Profile | None = field(default=None, compare=False)

    @property
    def num_failed(self) -> int:
        """The number of records without an answer: video, sampler or model failed."""
        return sum(record.failed for cell in self.cells for record in cell.records)

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """The figures of each cell: accuracy, its interval, evidence recall, ..."""
        from tspo_bench.report.summary import summarise_cells

        return tuple(summarise_cells([cell]) for cell in self.cells)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.cells[0].run_folder

    def to_dict(self, baseline: str | None = None) -> dict[str, Any]:
        """Return what `tspo-bench run --json` prints: shares of 1, None where undefined."""
        from tspo_bench.report import cells_json

        return cells_json(self.cells, baseline or self.baseline)

    def to_pandas(self) -> DataFrame:
        """Return the answers as a frame, a row for each; see `tspo_bench.read_records`."""
        from tspo_bench.report.dataframes import records_frame

        return records_frame(self.cells)

    def table(self, baseline: str | None = None) -> Group:
        """Return the comparison with `baseline`, for `rich.print`."""
        from tspo_bench.report import results_table

        return results_table(self.cells, baseline or self.baseline)

    def groups_table(self) -> Group:
        """Return accuracy by group (question type, duration, ...), for `rich.print`."""
        from tspo_bench.report import groups_table

        return groups_table(self.cells)
