"""A report as a folder with one page, for any browser and without a network."""

from tspo_bench.report.html.page import write_html
from tspo_bench.report.html.source import TaskSource

__all__ = ["TaskSource", "write_html"]
