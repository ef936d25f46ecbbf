"""Run directories on disk: records and summaries, written and read."""

from tspo_bench.results.cell import Cell, CellWriter
from tspo_bench.results.environment import describe_environment
from tspo_bench.results.evidence import EvidenceRecall, evidence_recall, share_inside
from tspo_bench.results.forms import CellSettings
from tspo_bench.results.reading import read_cells, read_run
from tspo_bench.results.records import read_records, record_from_line, record_to_line
from tspo_bench.results.run import RunDirectory
from tspo_bench.results.scores import CandidateScores, read_scores, scores_to_line
from tspo_bench.results.slug import cell_slug
from tspo_bench.results.variants import Inputs, reasons_said, stored_records

__all__ = [
    "CandidateScores",
    "Cell",
    "CellSettings",
    "CellWriter",
    "EvidenceRecall",
    "Inputs",
    "RunDirectory",
    "cell_slug",
    "describe_environment",
    "evidence_recall",
    "read_cells",
    "read_records",
    "read_run",
    "read_scores",
    "reasons_said",
    "record_from_line",
    "record_to_line",
    "scores_to_line",
    "share_inside",
    "stored_records",
]
