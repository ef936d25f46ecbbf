"""Run directories on disk: records and summaries, written and read."""

from tspo_bench.results.environment import describe_environment
from tspo_bench.results.evidence import EvidenceRecall, evidence_recall, share_inside
from tspo_bench.results.records import read_records, record_from_line, record_to_line
from tspo_bench.results.run import Cell, CellWriter, OwnScores, RunDirectory, read_run
from tspo_bench.results.slug import cell_slug

__all__ = [
    "Cell",
    "CellWriter",
    "EvidenceRecall",
    "OwnScores",
    "RunDirectory",
    "cell_slug",
    "describe_environment",
    "evidence_recall",
    "read_records",
    "read_run",
    "record_from_line",
    "record_to_line",
    "share_inside",
]
