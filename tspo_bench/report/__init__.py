"""Statistics and tables over results; reads results only."""

from tspo_bench.report.baselines import headroom_recovered
from tspo_bench.report.figures.sheet import draw_sheet
from tspo_bench.report.paired import paired_difference
from tspo_bench.report.stats import accuracy_interval, clustered_standard_error
from tspo_bench.report.summary import Summary, summarise
from tspo_bench.report.tables.data import cells_json
from tspo_bench.report.tables.terminal import groups_table, results_table

__all__ = [
    "Summary",
    "accuracy_interval",
    "cells_json",
    "clustered_standard_error",
    "draw_sheet",
    "groups_table",
    "headroom_recovered",
    "paired_difference",
    "results_table",
    "summarise",
]
